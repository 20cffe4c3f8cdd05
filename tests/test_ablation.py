"""A module put back to what it was, beside random ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lives import raised
from safetensors.torch import load_file

from upbringing.character import ablate
from upbringing.character.likelihood import bits_per_byte
from upbringing.character.probes import held_out_by_kind
from upbringing.corpus import Corpus, load_tokenizer
from upbringing.errors import ArtefactError, InputError
from upbringing.order import NO_LEVERS, Levers
from upbringing.training import Run, Timeline, open_mind


@pytest.fixture(scope="module")
def taught(home: Path) -> Run:
    """The MLPs alone learn in the middle of life, everything before and after."""
    of = {0.0: NO_LEVERS, 0.3: Levers(modules=["mlp"], lr_scale=3), 0.7: Levers(lr_scale=0.2)}
    timeline = Timeline.of_stretches(of, 4)
    return raised(home, home / "taught", timeline=timeline, batch_size=4, ages=(1.0,))


def test_the_effect_is_of_the_weights_that_learnt(taught: Run) -> None:
    begin = sorted(taught.checkpoints)[1]
    found = ablate(taught, 0.3, num_random=5, held_out_bytes=1500)
    assert found.from_age == begin == pytest.approx(0.3, abs=0.01)
    names = load_file(taught.checkpoints[1.0] / "model.safetensors")
    assert list(found.weights) == [name for name in names if ".mlp." in name]
    assert len(found.weights) == 2 * 3  # layers, matrices
    mind = open_mind(taught.checkpoints[1.0])
    passages = held_out_by_kind(
        Corpus.open(taught.sources["corpus"]), load_tokenizer(taught.checkpoints[1.0]), 1500
    )
    as_it_is = bits_per_byte(mind, passages)
    before = load_file(taught.checkpoints[begin] / "model.safetensors")
    with torch.no_grad():
        for name, weight in mind.stock_weights().items():
            if name in found.weights:
                weight.copy_(before[name])
    put_back = bits_per_byte(mind, passages)
    rows = {row["kind"]: row for row in found.by_kind.iter_rows(named=True)}
    assert list(rows) == list(as_it_is)
    for kind, row in rows.items():
        assert row["bits_per_byte"] == as_it_is[kind]
        assert row["effect"] == pytest.approx(put_back[kind] - as_it_is[kind], abs=1e-9)
        assert row["share_below"] in np.arange(6) / 5
        assert row["random_sd"] > 0
    again = ablate(taught, 0.3, num_random=5, held_out_bytes=1500)
    assert again.by_kind.equals(found.by_kind)


def test_what_cannot_be_put_back(taught: Run, home: Path) -> None:
    with pytest.raises(InputError, match=r"no stretch begins at age 0\.5\n    allowed: 0, 0\.3"):
        ablate(taught, 0.5)
    with pytest.raises(InputError, match="every weight learnt from age 0 on"):
        ablate(taught, 0.0)
    with pytest.raises(ArtefactError, match="all parts of this mind learnt all its life"):
        ablate(raised(home, home / "whole mind", ages=(1.0,)), 0.0)
