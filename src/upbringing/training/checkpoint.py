"""Checkpoints: a mind at an age as a stock Hugging Face folder; the snapshot that resumes a run.

    checkpoints/age_0.0500/   config.json, model.safetensors (fp32), the tokenizer:
                              `AutoModelForCausalLM.from_pretrained` opens it
    resume/step_000120/       weights and AdamW moments (safetensors), ledger and metrics so far

A snapshot is written whole before the one before it is removed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from upbringing.corpus import end_of_text_id, write_tokenizer
from upbringing.errors import ArtefactError
from upbringing.files import (
    open_manifest,
    read_json,
    remove_drafts,
    staged,
    write_json,
    write_manifest,
)
from upbringing.training.model import NORM_EPSILON, ROPE_BASE, Decoder, Layer, Shape

RESUME_FORMAT = "resume/1"


def write_checkpoint(place: Path, model: Decoder, tokenizer: Tokenizer) -> None:
    """Write the mind at `place` as a stock Llama checkpoint with its tokenizer."""
    with staged(place) as draft:
        weights = {name: weight.clone() for name, weight in _to_llama(model)}
        save_file(weights, draft / "model.safetensors", metadata={"format": "pt"})
        write_json(draft / "config.json", _llama_config(model, tokenizer))
        write_tokenizer(draft, tokenizer)


def read_checkpoint(place: Path) -> Decoder:
    """Open a checkpoint that `write_checkpoint` wrote; raises `ArtefactError` if it is not one."""
    config = read_json(place / "config.json")
    try:
        shape = Shape(
            width=config["hidden_size"],
            num_layers=config["num_hidden_layers"],
            num_heads=config["num_attention_heads"],
            mlp_width=config["intermediate_size"],
            num_vocab=config["vocab_size"],
            peak_lr=0.0,
        )
        model = Decoder(shape, row_length=config["max_position_embeddings"], seed=0)
        weights = load_file(place / "model.safetensors")
        with torch.no_grad():
            for name, parameter in _to_llama(model):
                parameter.copy_(weights[name])
    except (KeyError, TypeError, OSError, RuntimeError, SafetensorError) as error:
        raise ArtefactError(f"is not a checkpoint of ours: {error}", where=str(place)) from error
    return model


def _to_llama(model: Decoder) -> Iterator[tuple[str, Tensor]]:
    """The weights under Hugging Face's Llama names; views of ours, so copying in works too."""
    yield "model.embed_tokens.weight", model.embed.data
    yield "model.norm.weight", model.final_norm.data
    for number, layer in enumerate(model.layers):
        assert isinstance(layer, Layer)
        prefix = f"model.layers.{number}"
        q, k, v = layer.qkv.data.chunk(3)
        gate, up = layer.gate_up.data.chunk(2)
        yield f"{prefix}.input_layernorm.weight", layer.attention_norm.data
        yield f"{prefix}.self_attn.q_proj.weight", q
        yield f"{prefix}.self_attn.k_proj.weight", k
        yield f"{prefix}.self_attn.v_proj.weight", v
        yield f"{prefix}.self_attn.o_proj.weight", layer.out.data
        yield f"{prefix}.post_attention_layernorm.weight", layer.mlp_norm.data
        yield f"{prefix}.mlp.gate_proj.weight", gate
        yield f"{prefix}.mlp.up_proj.weight", up
        yield f"{prefix}.mlp.down_proj.weight", layer.down.data


def _llama_config(model: Decoder, tokenizer: Tokenizer) -> dict[str, object]:
    shape = model.shape
    end_of_text = end_of_text_id(tokenizer)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.num_vocab,
        "hidden_size": shape.width,
        "intermediate_size": shape.mlp_width,
        "num_hidden_layers": shape.num_layers,
        "num_attention_heads": shape.num_heads,
        "num_key_value_heads": shape.num_heads,
        "head_dim": shape.width // shape.num_heads,
        "max_position_embeddings": model.row_length,
        "hidden_act": "silu",
        "rms_norm_eps": NORM_EPSILON,
        "rope_theta": ROPE_BASE,
        "rope_parameters": {"rope_type": "default", "rope_theta": ROPE_BASE},
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "dtype": "float32",
    }


@dataclass(frozen=True)
class Snapshot:
    """Where a run stands after `step` optimiser steps, for `recipe` (its digest).

    `checkpoints` are the digests of the checkpoint folders kept until then, by name.
    """

    step: int
    recipe: str
    folder: Path
    checkpoints: Mapping[str, str]


@contextmanager
def staged_snapshot(
    snapshot: Snapshot, model: Decoder, optimizer: torch.optim.Optimizer
) -> Iterator[Path]:
    """Write a snapshot; the caller adds its own files to the folder it is given."""
    tensors = {f"weight.{name}": p.detach() for name, p in model.named_parameters()}
    for name, parameter in model.named_parameters():
        for moment, value in optimizer.state[parameter].items():
            tensors[f"{moment}.{name}"] = value.clone()
    with staged(snapshot.folder) as draft:
        save_file(tensors, draft / "state.safetensors")
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


def restore(snapshot: Snapshot, model: Decoder, optimizer: torch.optim.Optimizer) -> None:
    """Put a snapshot's weights and moments back, to the bit."""
    tensors = load_file(snapshot.folder / "state.safetensors")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[f"weight.{name}"])
            optimizer.state[parameter] = {
                moment: tensors[f"{moment}.{name}"].to(parameter.device)
                for moment in ("step", "exp_avg", "exp_avg_sq")
            }
