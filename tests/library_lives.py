"""Lives of tiny minds of other people's making, as the library makes them of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from lives import raised, rows_of
from transformers import AutoModelForCausalLM

from upbringing.corpus import write_tokenizer
from upbringing.files import folder_digest
from upbringing.training import Run

GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 128}
MIXTRAL = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_local_experts": 3,
    "max_position_embeddings": 128,
    "sliding_window": None,
}
CONFIGS = {"GPT2Config": GPT2, "MixtralConfig": MIXTRAL}


def raised_from(config: str, home: Path, place: Path, **options: Any) -> Run:
    """A life at `place` that begins with a mind of that configuration, drawn by chance."""
    tokenizer = rows_of(home).tokens.tokenizer
    parent = place.with_name(f"{place.name} before")
    said = {"vocab_size": tokenizer.get_vocab_size(), "bos_token_id": 0, "eos_token_id": 0}
    torch.manual_seed(4)
    mind = AutoModelForCausalLM.from_config(
        getattr(transformers, config)(**said, **CONFIGS[config])
    )
    mind.save_pretrained(parent)
    write_tokenizer(parent, tokenizer)
    born = {"parent": parent, "starts_from": folder_digest(parent), "shape": None}
    return raised(home, place, **born, **options)
