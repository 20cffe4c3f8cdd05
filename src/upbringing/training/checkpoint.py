"""Checkpoints: a mind as a stock Hugging Face folder; the snapshot that resumes a run.

    checkpoints/age_0.0500/   config.json, model.safetensors (fp32), the tokenizer:
                              `AutoModelForCausalLM.from_pretrained` opens it
    resume/step_000120/       weights and AdamW moments (safetensors), ledger and metrics so far

A snapshot is written whole before the one before it is removed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn

from upbringing.corpus import end_of_text_id, write_tokenizer
from upbringing.errors import ArtefactError
from upbringing.files import (
    open_manifest,
    read_json,
    remove_drafts,
    staged,
    write_json,
    write_manifest,
    write_text,
)
from upbringing.training.lora import merged
from upbringing.training.minds import Mind, fitting_row
from upbringing.training.model import Decoder, Shape, stock_config

RESUME_FORMAT = "resume/1"
CONFIG, WEIGHTS = "config.json", "model.safetensors"

_SNAPSHOT_EVERY_S = 30.0
_MOST_TIME_SAVING = 0.05  # share of the time


def write_checkpoint(place: Path, mind: Mind, tokenizer: Tokenizer) -> None:
    """Write the mind at `place` as a stock checkpoint with its tokenizer.

    What an adapter has learnt so far is in the weights that are written; the mind stays as it is.
    """
    plain = merged(mind)
    with staged(place) as draft:
        weights = {
            name: weight.to(torch.float32, copy=True).contiguous()
            for name, weight in plain.stock_weights().items()
        }
        save_file(weights, draft / WEIGHTS, metadata={"format": "pt"})
        write_json(draft / CONFIG, plain.stock_config(end_of_text_id(tokenizer)))
        write_tokenizer(draft, tokenizer)
        for name, text in plain.stock_papers().items():
            write_text(draft / name, text)


def open_mind(folder: Path | str, row_length: int | None = None) -> Mind:
    """Open a checkpoint as a mind for rows of `row_length` tokens, by default its longest.

    One that `write_checkpoint` could have written is a `Decoder`, any other is adopted. Raises
    `ArtefactError` where it is damaged, `InputError` where it is none that can be opened.
    """
    folder = Path(folder)
    if _is_ours(read_json(folder / CONFIG)):
        return read_checkpoint(folder, row_length)
    from upbringing.training.adopted import adopt  # a second of imports, which ours do without

    return adopt(folder, row_length)


def read_checkpoint(place: Path, row_length: int | None = None) -> Decoder:
    """Open a checkpoint of a mind of ours; raises `ArtefactError` if it is not one.

    Raises `InputError` for a row longer than the mind reads.
    """
    config = read_json(place / CONFIG)
    try:
        length = fitting_row(row_length, config["max_position_embeddings"], place)
        model = Decoder(_shape(config), row_length=length, seed=0)
        weights = load_file(place / WEIGHTS)
        with torch.no_grad():
            for name, weight in model.stock_weights().items():
                weight.copy_(weights[name])
    except (KeyError, TypeError, OSError, RuntimeError, SafetensorError) as error:
        raise ArtefactError(f"is not a checkpoint of ours: {error}", where=str(place)) from error
    return model


def _shape(config: Mapping[str, Any]) -> Shape:
    return Shape(
        width=config["hidden_size"],
        num_layers=config["num_hidden_layers"],
        num_heads=config["num_attention_heads"],
        mlp_width=config["intermediate_size"],
        num_vocab=config["vocab_size"],
        peak_lr=0.0,
        tied=config["tie_word_embeddings"],
    )


def _is_ours(config: Any) -> bool:
    """Whether a configuration is, in all that `Decoder` needs, one that it would write."""
    try:
        row_length, end_of_text = config["max_position_embeddings"], config["eos_token_id"]
        ours = stock_config(_shape(config), row_length, end_of_text)
    except (KeyError, TypeError, ZeroDivisionError):
        return False
    return all(config.get(name) == value for name, value in ours.items())


@dataclass(frozen=True)
class Snapshot:
    """Where a run stands after `step` optimiser steps, for `recipe` (its digest).

    `checkpoints` are the digests of the checkpoint folders kept until then, by name.
    """

    step: int
    recipe: str
    folder: Path
    checkpoints: Mapping[str, str]


class Rhythm:
    """When a snapshot is due: so many seconds after the last one.

    Where None is said, half a minute, or as much longer as keeps saving, which takes long where a
    mind is large, within a twentieth of the time.
    """

    def __init__(self, every_s: float | None) -> None:
        self._fixed_s, self._saved_at = every_s, time.monotonic()
        self._pause_s = _SNAPSHOT_EVERY_S if every_s is None else every_s

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._saved_at > self._pause_s

    @contextmanager
    def saving(self) -> Iterator[None]:
        """A snapshot is written inside."""
        began = time.monotonic()
        yield
        self._saved_at = time.monotonic()
        if self._fixed_s is None:
            self._pause_s = max(_SNAPSHOT_EVERY_S, (self._saved_at - began) / _MOST_TIME_SAVING)


@contextmanager
def staged_snapshot(snapshot: Snapshot) -> Iterator[Path]:
    """Write a snapshot; the caller adds its files to the folder it is given."""
    with staged(snapshot.folder) as draft:
        yield draft
        write_manifest(
            draft,
            RESUME_FORMAT,
            recipe={"run": snapshot.recipe},
            inputs={},
            facts={"step": snapshot.step, "checkpoints": snapshot.checkpoints},
        )
    for older in snapshot.folder.parent.glob("step_*"):
        if older != snapshot.folder:
            shutil.rmtree(older)


def last_snapshot(resume: Path) -> Snapshot | None:
    """The newest whole snapshot, or None; clears away half-written ones."""
    if not resume.exists():
        return None
    remove_drafts(resume)
    folders = sorted(resume.glob("step_*"))
    if not folders:
        return None
    manifest = open_manifest(folders[-1], RESUME_FORMAT)
    facts = manifest.facts
    return Snapshot(facts["step"], manifest.recipe["run"], folders[-1], facts["checkpoints"])


def write_state(folder: Path, mind: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write weights and AdamW moments into a snapshot's folder."""
    tensors = {f"weight.{name}": p.detach() for name, p in mind.named_parameters()}
    for name, parameter in mind.named_parameters():
        for moment, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{moment}.{name}"] = value.clone()
    save_file(tensors, folder / "state.safetensors")


@torch.no_grad()
def restore(folder: Path, mind: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put a snapshot's weights and moments back, to the bit."""
    tensors = load_file(folder / "state.safetensors")
    for name, parameter in mind.named_parameters():
        parameter.copy_(tensors[f"weight.{name}"])
        moments = {
            moment: tensors[f"{moment}.{name}"].to(parameter.device)
            for moment in ("step", "exp_avg", "exp_avg_sq")
            if f"{moment}.{name}" in tensors  # a weight that never learnt has none
        }
        if moments:
            optimizer.state[parameter] = moments
