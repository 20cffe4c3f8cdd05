"""The built-in world: events told in many voices, made by rule from a seed. See docs/world.md."""

from upbringing.corpus.world.grammar import OPPOSITES, VOICES, languages
from upbringing.corpus.world.making import make_world, wrong_languages
from upbringing.corpus.world.scenes import (
    Told,
    world_packets,
    world_parallels,
    world_scenes,
    wrong_voices,
)

__all__ = [
    "OPPOSITES",
    "VOICES",
    "Told",
    "languages",
    "make_world",
    "world_packets",
    "world_parallels",
    "world_scenes",
    "wrong_languages",
    "wrong_voices",
]
