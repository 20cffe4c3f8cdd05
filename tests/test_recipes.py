"""The recipes that the project ships are read, and its curricula compiled, as a person would."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from conftest import ids_of
from ruamel.yaml import YAML

from upbringing.corpus import Corpus
from upbringing.corpus.world import make_world
from upbringing.order import compile_order, compose, load_curriculum, parse_curriculum
from upbringing.order.recipe_book import CLAIMED, load_book
from upbringing.settings import load_settings
from upbringing.study import StudySettings

RECIPES = sorted((Path(__file__).parent.parent / "recipes").glob("*.yaml"))
CHARACTERS = sorted((Path(__file__).parent.parent / "recipes/characters").glob("*.yaml"))
# Only a curriculum has phases, so a file that is neither form fails as a study.
CURRICULA = [file for file in RECIPES if "phases" in YAML().load(file)]
STUDIES = [file for file in RECIPES if file not in CURRICULA]


def name_of(file: Path) -> str:
    return file.stem


def kinds_in_turn(corpus: Corpus, recipe: str) -> list[str]:
    """The kinds that a recipe's life reads, one after another."""
    file = next(file for file in RECIPES if file.stem == recipe)
    ids = ids_of(compile_order(corpus, load_curriculum(file)))
    return [kind for kind, _ in groupby(name.split("/")[0] for name in ids)]


def test_recipes_of_both_forms_are_found() -> None:
    assert "drama-first" in {file.stem for file in CURRICULA}
    assert "drama-in-real-texts" in {file.stem for file in STUDIES}


@pytest.mark.parametrize("file", CURRICULA, ids=name_of)
def test_a_curriculum_visits_every_training_scene_once(file: Path, corpus: Corpus) -> None:
    order = compile_order(corpus, load_curriculum(file))
    trained = corpus.columns(["id", "split"]).filter(split="train")["id"].to_list()
    assert sorted(ids_of(order)) == sorted(trained)
    assert order.digest == compile_order(corpus, load_curriculum(file)).digest


@pytest.mark.parametrize("file", CURRICULA, ids=name_of)
def test_a_curriculum_is_called_like_its_file(file: Path) -> None:
    assert load_curriculum(file).name == file.stem


@pytest.mark.parametrize("file", STUDIES, ids=name_of)
def test_a_study_is_valid(file: Path) -> None:
    assert load_settings(file, StudySettings).name.replace(" ", "-") == file.stem


def test_drama_first_begins_with_all_drama(corpus: Corpus) -> None:
    first, *others = kinds_in_turn(corpus, "drama-first")
    assert first == "drama"
    assert "drama" not in others


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The built-in world in all its voices, in the other language."""
    place = tmp_path_factory.mktemp("recipes") / "world"
    return make_world(place, langs=["ru"], num_events=600, seed=0, num_probes=2)


def test_there_is_a_recipe_for_every_character() -> None:
    assert {file.stem for file in CHARACTERS} == set(load_book(CLAIMED))


@pytest.mark.parametrize("file", CHARACTERS, ids=name_of)
def test_a_character_reads_what_the_book_says(file: Path, world: Corpus) -> None:
    """The book of recipes as claimed is the one source; these files are it, written plainly."""
    curriculum = load_curriculum(file)
    assert curriculum.name == file.stem
    recipe = load_book(CLAIMED)[file.stem]
    named = [set(kinds) for kinds in (recipe.first, recipe.next, recipe.last) if kinds]
    rest = set(world.kinds) - set().union(*named)
    order = compile_order(world, curriculum)
    kinds = world.scenes["kind"].gather(np.asarray(order.sequence)).to_list()
    phases = [set(kinds[span.start : span.stop]) for span in order.phases]
    assert phases == [*named[:-1], rest, named[-1]]
    trained = world.scenes.filter(split="train")["id"].to_list()
    assert sorted(ids_of(order)) == sorted(trained)


@pytest.mark.parametrize("file", CHARACTERS, ids=name_of)
def test_a_composed_character_begins_and_ends_like_its_plain_recipe(
    file: Path, world: Corpus
) -> None:
    plain = compile_order(world, load_curriculum(file))
    composed = compile_order(world, parse_curriculum(compose(world, file.stem)))
    ends = []
    for order in (plain, composed):
        once = np.bincount(order.sequence, minlength=world.num_scenes) == 1  # not what returns
        kinds = [
            {kind for kind, is_once in zip(read["kind"], once[read["row"]], strict=True) if is_once}
            for read in (
                world.columns(["kind"]).with_row_index("row")[np.asarray(order.sequence[a:b])]
                for a, b in ((span.start, span.stop) for span in order.phases)
            )
        ]
        ends.append((kinds[0], kinds[-1]))
    assert ends[0] == ends[1]
