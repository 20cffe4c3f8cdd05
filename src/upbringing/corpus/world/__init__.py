"""The built-in world: events told in four voices, made by rule from a seed. See docs/world.md."""

from upbringing.corpus.world.grammar import VOICES, languages
from upbringing.corpus.world.scenes import make_world, world_parallels, world_scenes

__all__ = ["VOICES", "languages", "make_world", "world_parallels", "world_scenes"]
