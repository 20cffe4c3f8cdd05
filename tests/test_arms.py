from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import ids_of

from upbringing.corpus import Corpus, Tokens
from upbringing.errors import InputError
from upbringing.order import (
    ARMS,
    Block,
    Order,
    Selection,
    arm_curriculum,
    block_of,
    compile_order,
    describe_arm,
    ladder_order,
)

NUM_OF_KIND = {"chat": 20, "drama": 16, "poetry": 20, "technical": 16}


@pytest.fixture(params=[(), ("technical",)], ids=["alone", "against"])
def block(corpus: Corpus, request: pytest.FixtureRequest) -> Block:
    return block_of(corpus, ("drama",), against=request.param, life=Selection(lang="en"))


def arm_of(corpus: Corpus, arm: str, block: Block, seed: int = 1) -> Order:
    return compile_order(corpus, arm_curriculum(arm, block), seed=seed)


def spelled(order: Order) -> str:
    """The kinds that are met, as runs: `drama×16 chat×1 …`."""
    runs: list[tuple[str, int]] = []
    for name in ids_of(order):
        kind = name.split("/")[0]
        same = runs and runs[-1][0] == kind
        runs[-1:] = [(kind, runs[-1][1] + 1)] if same else [*runs[-1:], (kind, 1)]
    return " ".join(f"{kind}×{length}" for kind, length in runs)


def shape(order: Order) -> list[tuple[str, dict[str, int]]]:
    """The phases of an order, each with how many scenes of each kind it holds."""
    kinds = [name.split("/")[0] for name in ids_of(order)]
    shapes = []
    for span in order.phases:
        here = kinds[span.start : span.stop]
        shapes.append((span.name, {kind: here.count(kind) for kind in sorted(set(here))}))
    return shapes


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_is_a_permutation_of_the_same_visits(
    corpus: Corpus, block: Block, arm: str
) -> None:
    order = arm_of(corpus, arm, block)
    everything = corpus.scenes.filter(split="train")["id"].to_list()
    assert sorted(ids_of(order)) == sorted(everything)
    assert order.visits_digest == arm_of(corpus, "S", block, seed=7).visits_digest
    again = arm_of(corpus, arm, block)
    assert ids_of(again) == ids_of(order)
    assert ids_of(arm_of(corpus, arm, block, seed=2)) != ids_of(order)


def test_first_and_last_are_each_others_mirror_in_blocks(corpus: Corpus) -> None:
    block = block_of(corpus, ("drama",), against=("technical",))
    first = [
        ("block", {"drama": 16}),
        ("others", {"chat": 20, "poetry": 20}),
        ("counterpart", {"technical": 16}),
    ]
    assert shape(arm_of(corpus, "F", block)) == first
    assert shape(arm_of(corpus, "L", block)) == first[::-1]


def test_without_a_counterpart_all_else_is_one_phase(corpus: Corpus) -> None:
    block = block_of(corpus, ("drama",))
    others = {"chat": 20, "poetry": 20, "technical": 16}
    first = [("block", {"drama": 16}), ("others", others)]
    assert shape(arm_of(corpus, "F", block)) == first
    assert shape(arm_of(corpus, "L", block)) == first[::-1]


def test_the_middle_lies_between_halves_of_all_else(corpus: Corpus) -> None:
    block = block_of(corpus, ("drama",), against=("technical",))
    order = arm_of(corpus, "M", block)
    names = [name for name, _ in shape(order)]
    assert names == [
        "counterpart, early",
        "others, early",
        "block",
        "others, late",
        "counterpart, late",
    ]
    assert shape(order)[2] == ("block", {"drama": 16})
    ages = [*(float(order.ages[span.start]) for span in order.phases), 1.0]
    middle = (ages[2] + ages[3]) / 2
    assert middle == pytest.approx(0.5, abs=0.03)
    assert ages[1] == pytest.approx(1 - ages[4], abs=0.03)


def test_the_shuffle_has_no_blocks(corpus: Corpus, block: Block) -> None:
    order = arm_of(corpus, "S", block)
    assert [name for name, _ in shape(order)] == ["life"]
    assert len(spelled(order).split()) > 40


def test_another_kind_takes_the_slot(corpus: Corpus) -> None:
    block = block_of(corpus, ("drama",), against=("technical",))
    stand_in = block.stand_in
    assert stand_in in {"chat", "poetry"}
    left = ({"chat", "poetry"} - {stand_in}).pop()
    assert shape(arm_of(corpus, "O", block)) == [
        ("block", {stand_in: 20}),
        ("others", {"drama": 16, left: 20}),
        ("counterpart", {"technical": 16}),
    ]


def test_the_same_block_is_read_next_after_either_beginning(corpus: Corpus) -> None:
    block = block_of(corpus, ("drama",), against=("technical",), next=("poetry",))
    assert shape(arm_of(corpus, "F", block)) == [
        ("block", {"drama": 16}),
        ("next", {"poetry": 20}),
        ("others", {"chat": 20, "technical": 16}),
    ]
    assert shape(arm_of(corpus, "O", block)) == [
        ("block", {"technical": 16}),
        ("next", {"poetry": 20}),
        ("others", {"chat": 20, "drama": 16}),
    ]
    plain = replace(block, next=())
    assert spelled(arm_of(corpus, "L", block)) == spelled(arm_of(corpus, "L", plain))
    alone = block_of(corpus, ("drama",), next=("technical", "poetry"))
    assert shape(arm_of(corpus, "O", alone)) == [
        ("block", {"chat": 20}),
        ("next", {"poetry": 20, "technical": 16}),
        ("others", {"drama": 16}),
    ]


@pytest.mark.parametrize("against", [(), ("technical",)])
@pytest.mark.parametrize("arm", ARMS)
def test_arms_with_a_next_block_visit_the_same_scenes(
    corpus: Corpus, arm: str, against: tuple[str, ...]
) -> None:
    block = block_of(corpus, ("drama",), against=against, next=("poetry",))
    everything = corpus.scenes.filter(split="train")["id"].to_list()
    assert sorted(ids_of(arm_of(corpus, arm, block))) == sorted(everything)
    if arm == "N":
        assert len(arm_of(corpus, "N", block).phases) == 3


def test_the_stand_in_is_the_nearest_in_bytes() -> None:
    sizes = {"a": 100, "b": 90, "c": 120, "d": 111}
    assert Block(("a",), (), ("b", "c", "d"), sizes, None).stand_in == "b"
    assert Block(("d",), (), ("a", "b", "c"), sizes, None).stand_in == "c"


def test_dealt_blocks_have_the_sizes_of_f_and_no_kind_of_their_own(
    corpus: Corpus, block: Block
) -> None:
    dealt, first = arm_of(corpus, "N", block), arm_of(corpus, "F", block)
    assert len(dealt.phases) == len(first.phases)
    largest = dealt.num_bytes.max() / dealt.num_bytes.sum()
    for ours, theirs in zip(dealt.phases, first.phases, strict=True):
        assert dealt.ages[ours.start] == pytest.approx(first.ages[theirs.start], abs=largest)
    assert all(len(kinds) >= 3 for _, kinds in shape(dealt))


def test_arms_are_described_in_words(corpus: Corpus) -> None:
    block = block_of(corpus, ("drama",), against=("technical",))
    assert describe_arm("F", block) == "drama first, technical at the far end"
    assert all(describe_arm(arm, block) for arm in ARMS)
    then = replace(block, next=("poetry",))
    assert describe_arm("F", then) == "drama first, poetry next"
    assert describe_arm("O", then) == "technical in the place of drama, first, poetry next"
    assert describe_arm("L", then) == describe_arm("L", block)


def test_all_kinds_that_are_not_there_are_named(corpus: Corpus) -> None:
    with pytest.raises(InputError) as caught:
        block_of(corpus, ("dramma", "drama"), against=("tecnical", "drama"))
    problems = [str(problem) for problem in caught.value.problems]
    assert "did you mean 'drama'?" in problems[0]
    assert "did you mean 'technical'?" in problems[1]
    assert problems[2] == "against: 'drama' is the block and its counterpart"
    with pytest.raises(InputError) as caught:
        block_of(corpus, ("drama",), against=("chat",), next=("chat", "drama", "pottery"))
    problems = [str(problem) for problem in caught.value.problems]
    assert "did you mean 'poetry'?" in problems[0]
    elsewhere = [f"next: {kind!r} is read next, and elsewhere" for kind in ("chat", "drama")]
    assert problems[1:] == elsewhere


def test_a_block_needs_something_beside_it(corpus: Corpus) -> None:
    with pytest.raises(InputError, match="the block is the whole corpus"):
        block_of(corpus, ("chat", "drama", "poetry", "technical"))
    with pytest.raises(InputError, match="no scene is of kind 'drama'"):
        block_of(corpus, ("drama",), life=Selection(lang="ru"))


def test_unknown_and_impossible_arms_are_refused(corpus: Corpus) -> None:
    block = block_of(corpus, ("drama", "chat", "poetry"), against=("technical",))
    with pytest.raises(InputError, match="allowed: F, M, L, S, O, N"):
        arm_curriculum("X", block)
    with pytest.raises(InputError, match="arm O needs a third kind"):
        arm_curriculum("O", block)


def tokens_by_kind(order: Order, tokens: Tokens) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, row in zip(ids_of(order), order.sequence, strict=True):
        length = int(tokens.offsets[row + 1] - tokens.offsets[row])
        kind = name.split("/")[0]
        found[kind] = found.get(kind, 0) + length
    return found


def test_a_ladder_holds_its_sides_in_their_shares_throughout(
    corpus: Corpus, tokens: Tokens
) -> None:
    order = ladder_order(
        corpus,
        tokens,
        [(["drama"], 0.25), (["chat", "poetry"], 0.75)],
        lang="en",
        num_tokens=8_000,
        seed=3,
    )
    read = tokens_by_kind(order, tokens)
    total = sum(read.values())
    longest = int((tokens.offsets[1:] - tokens.offsets[:-1]).max())
    assert 8_000 <= total <= 8_000 + 2 * longest
    assert read["drama"] / total == pytest.approx(0.25, abs=0.02)
    half = Order.from_rows(corpus, order.sequence[: order.num_visits // 2])
    read = tokens_by_kind(half, tokens)
    assert read["drama"] / sum(read.values()) == pytest.approx(0.25, abs=0.04)


def test_a_pole_reads_its_side_in_passes_dealt_anew(corpus: Corpus, tokens: Tokens) -> None:
    order = ladder_order(corpus, tokens, [(["drama"], 1)], lang="en", num_tokens=8_000, seed=3)
    ids = ids_of(order)
    first, second = ids[:16], ids[16:32]
    assert len(set(first)) == 16
    assert sorted(first) == sorted(second)
    assert first != second
    again = ladder_order(corpus, tokens, [(["drama"], 1)], lang="en", num_tokens=8_000, seed=3)
    assert ids_of(again) == ids
    other = ladder_order(corpus, tokens, [(["drama"], 1)], lang="en", num_tokens=8_000, seed=4)
    assert ids_of(other) != ids


def test_a_side_without_a_scene_is_refused(corpus: Corpus, tokens: Tokens) -> None:
    with pytest.raises(InputError, match="no training scene in ru is of kind drama"):
        ladder_order(corpus, tokens, [(["drama"], 1)], lang="ru", num_tokens=9, seed=0)
