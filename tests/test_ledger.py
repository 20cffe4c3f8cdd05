"""The ledger against the order, and faults planted in it: each is found, and where it is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import ids_of
from hypothesis import given
from hypothesis import strategies as st
from lives import recipe_of

from upbringing.errors import ArtefactError
from upbringing.order import Rows
from upbringing.training import Ledger, first_divergence
from upbringing.training.feed import Feed
from upbringing.training.ledger import Divergence, digests_fed, row_digests
from upbringing.training.levers import Steps

FOREIGN = np.uint64(0xBAD)


@pytest.fixture(scope="module")
def steps(rows: Rows) -> Steps:
    return recipe_of(rows).steps


@pytest.fixture(scope="module")
def fed(rows: Rows, steps: Steps) -> list[list[int]]:
    """The rows of each step as they should be."""
    pairs = zip(steps.first_row, steps.num_rows, strict=True)
    return [list(range(first, first + num)) for first, num in pairs]


@pytest.fixture(scope="module")
def digests(rows: Rows) -> list[np.uint64]:
    return list(row_digests(*rows.gather(0, rows.num_rows)))


def ledger_of(fed: Sequence[Sequence[int]], digests: list[np.uint64]) -> Ledger:
    ledger = Ledger()
    for step in fed:
        ledger.add(np.array([digests[row] for row in step], dtype=np.uint64))
    return ledger


def scenes_of(row: int, rows: Rows) -> str:
    """By hand: the scenes of a row's first and last token."""
    lengths = np.diff(rows.tokens.offsets)[rows.order.sequence]
    owners = np.repeat(ids_of(rows.order), lengths)
    here = owners[row * rows.row_length : (row + 1) * rows.row_length + 1]
    return f"scene {here[0]}" if here[0] == here[-1] else f"scenes {here[0]} … {here[-1]}"


def named(row: int, rows: Rows) -> str:
    return f"row {row}, {scenes_of(row, rows)}"


def cut_like(flat: Sequence[int], fed: list[list[int]]) -> list[list[int]]:
    """The rows in steps of the sizes that they should have; what is left over ends the last."""
    cut, start = [], 0
    for step in fed:
        cut.append(list(flat[start : start + len(step)]))
        start += len(step)
    cut[-1] += flat[start:]
    return cut


def step_of(row: int, fed: list[list[int]]) -> int:
    return next(number for number, step in enumerate(fed) if row in step)


def test_a_row_is_hashed_with_its_number_of_targets() -> None:
    tokens_RT1 = np.array([[0, 5, 70_000], [0, 5, 70_000]])
    counts_RT = np.array([[True, True], [True, False]])
    expected = [
        int.from_bytes(
            hashlib.blake2b(
                b"".join(value.to_bytes(4, "little") for value in (0, 5, 70_000, counted)),
                digest_size=8,
            ).digest(),
            "little",
        )
        for counted in (2, 1)
    ]
    assert row_digests(tokens_RT1, counts_RT).tolist() == expected


def test_the_chain_is_as_it_is_written_down() -> None:
    ledger = Ledger()
    assert ledger.digest == "00" * 32
    link = bytes(32)
    for step, rows in enumerate([[1, 2], [3], []]):
        ledger.add(np.array(rows, dtype=np.uint64))
        content = b"".join(number.to_bytes(8, "little") for number in (step, *rows))
        link = hashlib.sha256(link + content).digest()
        assert ledger.chain[step] == link
    assert ledger.digest == link.hex()


def test_what_is_fed_is_the_order_element_by_element(
    rows: Rows, steps: Steps, digests: list[np.uint64], fed: list[list[int]]
) -> None:
    ledger, feed = Ledger(), Feed(rows, steps)
    for step in range(len(steps)):
        ledger.add(digests_fed(feed.batch(step)))
    assert [step.tolist() for step in ledger.rows] == [
        [int(digests[row]) for row in step] for step in fed
    ]
    assert ledger.digest == ledger_of(fed, digests).digest
    assert first_divergence(ledger, rows, steps) is None
    assert len(set(digests)) == rows.num_rows  # else a planted fault might be none


@given(st.data())
def test_two_rows_swapped_are_found(
    rows: Rows, steps: Steps, digests: list[np.uint64], fed: list[list[int]], data: st.DataObject
) -> None:
    spots = st.integers(0, rows.num_rows - 1)
    one, other = sorted(data.draw(st.lists(spots, min_size=2, max_size=2, unique=True)))
    flat = list(range(rows.num_rows))
    flat[one], flat[other] = other, one
    found = first_divergence(ledger_of(cut_like(flat, fed), digests), rows, steps)
    assert found == Divergence(step_of(one, fed), one, scenes_of(one, rows), named(other, rows))


@given(st.data())
def test_two_rows_swapped_within_a_step_are_found(
    rows: Rows, steps: Steps, digests: list[np.uint64], fed: list[list[int]], data: st.DataObject
) -> None:
    step = data.draw(st.sampled_from([n for n, rows_ in enumerate(fed) if len(rows_) > 1]))
    planted = [list(rows_) for rows_ in fed]
    planted[step].reverse()
    found = first_divergence(ledger_of(planted, digests), rows, steps)
    first, last = fed[step][0], fed[step][-1]
    assert found == Divergence(step, first, scenes_of(first, rows), named(last, rows))


@given(st.data())
def test_a_row_dropped_is_found(
    rows: Rows, steps: Steps, digests: list[np.uint64], fed: list[list[int]], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, rows.num_rows - 1))
    flat = [other for other in range(rows.num_rows) if other != row]
    found = first_divergence(ledger_of(cut_like(flat, fed), digests), rows, steps)
    next_one = named(row + 1, rows) if row + 1 < rows.num_rows else "nothing: the row was dropped"
    assert found == Divergence(step_of(row, fed), row, scenes_of(row, rows), next_one)


@given(st.data())
def test_a_row_dropped_from_its_step_alone_is_found(
    rows: Rows, steps: Steps, digests: list[np.uint64], fed: list[list[int]], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, rows.num_rows - 1))
    step = step_of(row, fed)
    planted = [[other for other in rows_ if other != row] for rows_ in fed]
    found = first_divergence(ledger_of(planted, digests), rows, steps)
    last = row == fed[step][-1]
    what = "nothing: the row was dropped" if last else named(row + 1, rows)
    assert found == Divergence(step, row, scenes_of(row, rows), what)


@given(st.data())
def test_a_row_doubled_is_found(
    rows: Rows, steps: Steps, digests: list[np.uint64], fed: list[list[int]], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, rows.num_rows - 1))
    flat = sorted([*range(rows.num_rows), row])
    found = first_divergence(ledger_of(cut_like(flat, fed), digests), rows, steps)
    if row + 1 < rows.num_rows:
        due = Divergence(step_of(row + 1, fed), row + 1, scenes_of(row + 1, rows), named(row, rows))
    else:
        nothing = "no further row in this step"
        due = Divergence(len(fed) - 1, rows.num_rows, nothing, named(row, rows))
    assert found == due


@given(st.data())
def test_a_row_from_elsewhere_is_found(
    rows: Rows, steps: Steps, digests: list[np.uint64], fed: list[list[int]], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, rows.num_rows - 1))
    found = first_divergence(
        ledger_of(fed, [*digests[:row], FOREIGN, *digests[row + 1 :]]), rows, steps
    )
    foreign = "a row that is not in the order (digest 0000000000000bad)"
    assert found == Divergence(step_of(row, fed), row, scenes_of(row, rows), foreign)


@given(st.data())
def test_a_tail_repeated_is_found(
    rows: Rows, steps: Steps, digests: list[np.uint64], fed: list[list[int]], data: st.DataObject
) -> None:
    tail = fed[-data.draw(st.integers(1, len(fed))) :]
    found = first_divergence(ledger_of([*fed, *tail], digests), rows, steps)
    assert found == Divergence(
        len(fed), rows.num_rows, "the end of the life", named(tail[0][0], rows)
    )


@given(st.data())
def test_a_tail_left_out_is_found(
    rows: Rows, steps: Steps, digests: list[np.uint64], fed: list[list[int]], data: st.DataObject
) -> None:
    stop = data.draw(st.integers(0, len(fed) - 1))
    found = first_divergence(ledger_of(fed[:stop], digests), rows, steps)
    row = fed[stop][0]
    ends = "nothing: the ledger ends here"
    assert found == Divergence(stop, row, scenes_of(row, rows), ends)


def test_a_step_of_padding_is_found(
    rows: Rows, steps: Steps, digests: list[np.uint64], fed: list[list[int]]
) -> None:
    found = first_divergence(ledger_of([*fed, []], digests), rows, steps)
    assert found is not None
    assert found.step == len(fed)


def test_a_ledger_comes_back_from_disk(
    fed: list[list[int]], digests: list[np.uint64], tmp_path: Path
) -> None:
    ledger = ledger_of(fed, digests)
    ledger.save(tmp_path / "ledger.parquet")
    again = Ledger.open(tmp_path / "ledger.parquet")
    assert again.chain == ledger.chain
    assert [step.tolist() for step in again.rows] == [step.tolist() for step in ledger.rows]


@given(st.data())
def test_the_chain_breaks_where_it_was_edited(
    fed: list[list[int]],
    digests: list[np.uint64],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    file = tmp_path_factory.mktemp("edited") / "ledger.parquet"
    ledger_of(fed, digests).save(file)
    frame = pl.read_parquet(file)
    step = data.draw(st.integers(0, len(fed) - 1))
    column = data.draw(st.sampled_from(["rows", "chain"]))
    values = frame[column].to_list()
    values[step] = "0" * 64 if column == "chain" else [*values[step], 1]
    frame.with_columns(pl.Series(column, values, frame[column].dtype)).write_parquet(file)
    with pytest.raises(ArtefactError, match=f"the chain breaks at step {step}") as caught:
        Ledger.open(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a ledger at all"])
def test_a_ledger_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "ledger.parquet"
    file.write_bytes(content)
    with pytest.raises(ArtefactError) as caught:
        Ledger.open(file)
    assert str(file) in str(caught.value)
