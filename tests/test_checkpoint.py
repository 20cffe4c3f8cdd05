from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from lives import TINY

from upbringing.corpus import Tokens
from upbringing.errors import ArtefactError, InputError, StorageError
from upbringing.training import Decoder, Shape, checkpoint, read_checkpoint
from upbringing.training.checkpoint import Rhythm, write_checkpoint


@pytest.fixture
def mind(tokens: Tokens) -> Decoder:
    shape = Shape(TINY.width, 2, 2, TINY.mlp_width, tokens.num_vocab, 0.0)
    model = Decoder(shape, row_length=32, seed=9)
    with torch.no_grad():  # larger than at birth, so that a wrong layer would show
        for weight in model.parameters():
            weight.mul_(8) if weight.ndim == 2 else weight.add_(0.1)
    return model


@pytest.fixture
def folder(mind: Decoder, tokens: Tokens, tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "age_1.0000", mind, tokens.tokenizer)
    return tmp_path / "age_1.0000"


def test_a_checkpoint_comes_back_to_the_bit(mind: Decoder, folder: Path) -> None:
    again = dict(read_checkpoint(folder).named_parameters())
    for name, weight in mind.named_parameters():
        assert weight.equal(again[name]), name


def test_hugging_face_opens_it_and_gives_our_logits(
    mind: Decoder, folder: Path, tokens: Tokens
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    theirs, loading = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(loading.values())
    text = "dr1 dr2, po3! Ёж\n" * 2
    ids = tokens.tokenizer.encode(text, add_special_tokens=False).ids[:30]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer(text, add_special_tokens=False)["input_ids"][:30] == ids
    assert tokenizer.decode(tokenizer(text)["input_ids"]).endswith(text)
    assert tokenizer.bos_token_id == tokenizer.eos_token_id == tokens.end_of_text
    with torch.no_grad():
        ours = mind.logits(torch.tensor([ids]))
        assert (theirs(torch.tensor([ids])).logits - ours).abs().max() < 1e-4
        assert ours.abs().max() > 1
    generated = theirs.generate(
        torch.tensor([ids[:5]]),
        attention_mask=torch.ones(1, 5),
        max_new_tokens=6,
        do_sample=False,
        pad_token_id=tokens.end_of_text,
    )
    assert generated.shape[1] <= 11


def test_nothing_is_written_over_a_checkpoint(mind: Decoder, folder: Path, tokens: Tokens) -> None:
    with pytest.raises(InputError, match="already exists"):
        write_checkpoint(folder, mind, tokens.tokenizer)


def test_a_disk_that_fills_in_the_middle_leaves_no_checkpoint(
    mind: Decoder, tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(tensors: object, file: Path, **_: object) -> None:
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", half)
    with pytest.raises(StorageError, match=r"age_0\.5000: no room left"):
        write_checkpoint(tmp_path / "age_0.5000", mind, tokens.tokenizer)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "no weights", "no config", "no field", "a list"])
def test_what_is_no_checkpoint_is_refused(folder: Path, damage: str) -> None:
    weights, config = folder / "model.safetensors", folder / "config.json"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-9])
    elif damage == "no weights":
        weights.unlink()
    elif damage == "no config":
        config.unlink()
    elif damage == "no field":
        config.write_text(json.dumps({"hidden_size": 16}))
    else:
        config.write_text("[]")
    with pytest.raises(ArtefactError) as caught:
        read_checkpoint(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("every_s", "saving_s", "due_after_s"), [(None, 1.0, 30), (None, 9.0, 180), (5.0, 9.0, 5)]
)
def test_snapshots_of_a_large_mind_come_seldom(
    monkeypatch: pytest.MonkeyPatch, every_s: float | None, saving_s: float, due_after_s: float
) -> None:
    """Nine seconds of saving are a twentieth of three minutes."""
    now = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    rhythm = Rhythm(every_s)
    now[0] += every_s or 30
    assert not rhythm.is_due
    now[0] += 0.5
    assert rhythm.is_due
    with rhythm.saving():
        now[0] += saving_s
    now[0] += due_after_s
    assert not rhythm.is_due
    now[0] += 0.5
    assert rhythm.is_due
