from __future__ import annotations

from pathlib import Path

import pytest
from lives import rows_of

from upbringing.errors import InputError, ResumeError
from upbringing.training import Life, raise_on_order, read_checkpoint

LIFE = Life(row_length=64, batch_size=16, precision="fp32")


def test_a_mind_is_raised_with_what_a_person_leaves_unsaid(home: Path) -> None:
    place = home / "by a person"
    run = raise_on_order(home / "order", home / "corpus", place, LIFE)
    assert run.recipe.schedule == "linear"
    assert run.recipe.peak_lr == 2e-3
    # The order's own levers, where it has them.
    assert [s.batch_size for s in run.recipe.timeline.segments] == [3, 16, 7]
    assert read_checkpoint(run.checkpoints[1.0]).shape.num_vocab < 2048
    assert run.verify() == run.manifest.facts["ledger"]
    again = raise_on_order(home / "order", home / "corpus", place, LIFE)
    assert again.digest == run.digest
    with pytest.raises(ResumeError, match="another seed"):
        raise_on_order(home / "order", home / "corpus", place, Life(**{**vars(LIFE), "seed": 1}))


def test_a_tokenizer_may_be_given(home: Path) -> None:
    life = Life(**{**vars(LIFE), "tokenizer": home / "tokenizer.json", "peak_lr": 1e-3})
    run = raise_on_order(home / "order", home / "corpus", home / "given", life)
    assert run.recipe.tokenizer == rows_of(home).tokens.digest
    assert run.recipe.peak_lr == 1e-3


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"shape": "7b"}, "no shape is called '7b'"),
        ({"schedule": "slow"}, "no schedule is called 'slow'"),
        ({"precision": "fp8"}, "no precision is called 'fp8'"),
    ],
)
def test_what_is_not_there_is_refused_before_the_work(
    home: Path, wrong: dict[str, str], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        raise_on_order(
            home / "order", home / "corpus", home / "wrong", Life(**{**vars(LIFE), **wrong})
        )
    assert not (home / "wrong").exists()
