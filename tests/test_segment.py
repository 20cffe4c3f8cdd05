import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from upbringing.corpus.segment import cut
from upbringing.errors import InputError

TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=300),
    st.text(st.sampled_from("ab.—:# \n\r\u00e9Ж🔥\u0301\u2028"), max_size=600),
)


def paragraph(letter: str, num_bytes: int) -> str:
    return letter * (num_bytes - 2) + "\n\n"


@given(TEXTS, st.integers(4, 40), st.integers(0, 60))
@example("\n" * 50, 4, 0)
@example("🔥" * 40, 4, 0)
@example("a. " * 40 + "b", 5, 1)
def test_no_character_is_lost_and_every_piece_is_in_the_range(text, smallest, more):
    largest = 3 * smallest + more
    pieces = cut(text, smallest, largest)
    sizes = [len(piece.encode()) for piece in pieces]
    assert "".join(pieces) == text
    assert max(sizes) <= largest
    assert min(sizes) >= smallest or len(pieces) == 1


def test_a_text_within_the_range_is_one_scene_with_all_its_paragraphs():
    text = paragraph("a", 20) * 3
    assert cut(text, 10, 60) == [text]


def test_paragraphs_gather_until_the_next_would_be_too_much():
    a, b, c, d = (paragraph(letter, 20) for letter in "abcd")
    assert cut(a + b + c + d, 15, 50) == [a + b, c + d]


def test_a_small_rest_is_shared_out_instead_of_standing_alone():
    a, b, c = paragraph("a", 20), paragraph("b", 20), paragraph("c", 8)
    assert cut(a + b + c, 15, 45) == [a, b + c]


SECTION, BLANKS = ("one.\n\n", "# Two"), ("one.\n\n\n", " Two")
PARAGRAPH, SPEECH, DASH = ("one.\n\n", "Two"), ("one\n", "ANNA: two"), ("раз\n", "— Два")
LINE, SENTENCE, SPACE, NOTHING = ("one,\n", "two"), ("one.” ", "Two"), ("one ", "two"), ("on", "e")


@pytest.mark.parametrize(
    ("strong", "weak"),
    [
        (SECTION, PARAGRAPH),
        (BLANKS, PARAGRAPH),
        (PARAGRAPH, SPEECH),
        (SPEECH, LINE),
        (DASH, LINE),
        (LINE, SENTENCE),
        (SENTENCE, SPACE),
        (SPACE, NOTHING),
    ],
)
def test_the_stronger_border_wins_over_a_later_weaker_one(strong, weak):
    head = "x" * 12 + strong[0]
    tail = strong[1] + "y" * 4 + "".join(weak) + "z" * 25
    assert cut(head + tail, 12, 40)[0] == head


def test_letters_are_torn_apart_only_when_there_is_nothing_else():
    assert cut("Ж" * 30, 10, 40) == ["Ж" * 20, "Ж" * 10]


@pytest.mark.parametrize(("smallest", "largest"), [(3, 100), (40, 119), (0, 0)])
def test_a_range_that_no_cut_could_keep_is_refused(smallest, largest):
    with pytest.raises(InputError, match="cannot be cut"):
        cut("text", smallest, largest)


@pytest.mark.parametrize(
    "text", ["\n" * 200_000, "." * 200_000, "\nA" + " " * 200_000, ".'" * 99_000]
)
def test_odd_texts_take_linear_time(text):
    assert "".join(cut(text)) == text  # quadratic searching would take minutes here
