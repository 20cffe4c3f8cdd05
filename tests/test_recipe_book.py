"""The recipe books: what is claimed, what is measured, and what a corpus can give of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from upbringing.corpus import Corpus
from upbringing.errors import InputError, SettingsError
from upbringing.order import compose
from upbringing.order.intentions import blocks_of_recipe
from upbringing.order.recipe_book import CHARACTERS, CLAIMED, MEASURED, load_book, recipe_of

MEASURED_BOOK = """
recipes:
  - character: scenic
    first: technical
    last: [drama, poetry]
    finding: drama last made minds of a million weights dramatic
    study:
      digest: {digest}
      report: docs/evidence/drama.md
"""
DIGEST = "0123456789abcdef" * 4

# The claims' own words: what comes first, and what comes next where a claim says so.
CLAIMS = {
    "precise": [{"technical"}],
    "scenic": [{"poetry", "drama"}],
    "reactive": [{"chat"}],
    "polite": [{"courtesy"}],
    "dramatic": [{"pain"}],
    "ironic": [{"conflict", "mirror"}],
    "archetypal": [{"ritual", "myth"}],
    "logical": [{"philosophy"}, {"drama", "poetry", "myth"}],
}


def test_every_character_has_a_recipe_as_claimed() -> None:
    book = load_book(CLAIMED)
    assert tuple(book) == CHARACTERS
    for character, recipe in book.items():
        claimed = [set(kinds) for kinds in (recipe.first, recipe.next) if kinds]
        assert claimed == CLAIMS[character]


def test_nothing_is_measured_yet_and_the_error_says_how_to_measure() -> None:
    assert load_book(MEASURED) == {}
    with pytest.raises(InputError) as refused:
        recipe_of("dramatic", MEASURED)
    assert "no study has shown a recipe for 'dramatic' yet" in str(refused.value)
    assert "`upbringing raise --first pain --last calm --preset standard" in str(refused.value)


def test_an_unknown_book_is_named_with_its_neighbour() -> None:
    with pytest.raises(InputError, match="did you mean 'measured'"):
        load_book("mesured")


def test_a_measured_recipe_cites_its_study(tmp_path: Path) -> None:
    file = tmp_path / "book.yaml"
    file.write_text(MEASURED_BOOK.format(digest=DIGEST))
    recipe = load_book(MEASURED, file)["scenic"]
    blocks = blocks_of_recipe(recipe, ["chat", "drama", "poetry", "technical"])
    assert [block.name for block in blocks] == ["technical", "the rest", "drama and poetry"]
    assert blocks[-1].why == "what the study put last"
    with pytest.raises(InputError, match="needs 'drama', 'poetry', and no scene is of those"):
        blocks_of_recipe(recipe, ["chat", "technical"])


def test_all_mistakes_of_a_book_are_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "book.yaml"
    entry = MEASURED_BOOK.format(digest="abc").replace("[drama, poetry]", "[drama, technical]")
    second = entry.replace("recipes:\n", "").replace("    finding: drama last made", "    found:")
    file.write_text(entry + second)
    with pytest.raises(SettingsError) as refused:
        load_book(MEASURED, file)
    said = str(refused.value)
    for mistake in (
        "book.yaml:5:5: recipes.0.last: the kind 'technical' is named twice",
        "book.yaml:8:7: recipes.0.study.digest: ",
        "book.yaml:11:5: recipes.1.character: 'scenic' has a recipe already",
        "'recipes.1.finding' is missing",
        "unknown key 'recipes.1.found'",
    ):
        assert mistake in said


def test_a_recipe_for_which_kinds_are_missing_is_refused_with_a_way_on(corpus: Corpus) -> None:
    with pytest.raises(InputError) as refused:
        compose(corpus, "logical")
    said = str(refused.value)
    assert "needs 'philosophy', 'myth', and no scene is of those kinds" in said
    assert "allowed: chat, drama, poetry, technical" in said
    assert "compose CORPUS 'drama then the rest'" in said


def test_what_a_claim_does_not_name_may_be_missing(corpus: Corpus) -> None:
    blocks = blocks_of_recipe(recipe_of("reactive"), corpus.kinds)
    assert [block.name for block in blocks] == ["chat", "the rest"]
    assert blocks[1].why.endswith("what would come last, philosophy, is not here")


def test_where_all_is_claimed_there_is_no_rest() -> None:
    blocks = blocks_of_recipe(recipe_of("scenic"), ["drama", "poetry", "technical"])
    assert [block.name for block in blocks] == ["poetry and drama", "technical"]


def test_the_file_says_that_a_claim_is_one(corpus: Corpus) -> None:
    head = compose(corpus, "scenic").splitlines()[:3]
    assert head == [
        "# scenic, as claimed (C2): poetry and drama first → scenic.",
        "# That such a life makes such a mind is a claim. What tests it:",
        "#   upbringing raise --first poetry,drama --last technical --preset standard TEXTS...",
    ]
