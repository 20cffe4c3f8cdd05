"""Adopted minds: any causal model of Hugging Face, from a folder on this machine.

Takes a folder with `config.json` and safetensors, gives a mind to raise further. Nothing of the
folder is run: weights in pickles and models that bring code of their own are refused. Weights are
fp32, whatever they were saved in. There is no dropout: chance here is keyed, and the library's is
not.

Shapes: B rows or texts, T tokens, V vocabulary.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion
from transformers.models.auto import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING
from transformers.utils import logging

from upbringing.errors import ArtefactError, InputError, Problem
from upbringing.files import read_json
from upbringing.training.minds import Mind, agree, fitting_row

_PAPERS = (
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)
_ROW_LENGTH = "row_length"  # beside the library's own fields, which has them all kept
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")

_PARTS = {
    "attention": ("attn", "attention"),
    "mlp": ("mlp", "ffn", "feedforward", "feed_forward", "moe", "experts", "fc1", "fc2"),
}


class Adopted(Mind):
    """A causal model of Hugging Face as a mind; `library` is the model itself."""

    def __init__(
        self, library: PreTrainedModel, row_length: int, papers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self.library, self.row_length = library, row_length
        self.num_vocab = int(_matrix(library.get_input_embeddings()).shape[0])
        self.papers = dict(papers or {})
        self.train(False)

    def train(self, mode: bool = True) -> Adopted:
        """Nothing is switched on for training: dropout draws from a stream that nobody keys."""
        del mode
        super().train(False)
        return self

    @property
    def body(self) -> PreTrainedModel:
        """The library's model."""
        return self.library

    def logits(self, tokens_BT: Tensor, positions_BT: Tensor | None = None) -> Tensor:
        """Next-token logits, (B, T, V); where positions begin anew the library sees a new scene."""
        within = {} if positions_BT is None else {"position_ids": positions_BT}
        logits_BTV: Tensor = self.library(input_ids=tokens_BT, use_cache=False, **within).logits
        return logits_BTV

    def keeps_to_scenes(self) -> bool:
        """Whether it takes positions, and keeps its attention within scenes by them."""
        takes = inspect.signature(self.library.forward).parameters
        return "position_ids" in takes and super().keeps_to_scenes()

    def new_memory(self) -> DynamicCache:
        """The library's cache."""
        return DynamicCache(config=self.library.config)

    def next_logits(self, tokens_B: Tensor, memory: DynamicCache) -> Tensor:
        """Logits (B, V) of what follows one more token of each text; `memory` is added to."""
        given: dict[str, Any] = {_memory_of(self.library) or "": memory}
        read = self.library(input_ids=tokens_B[:, None], use_cache=True, **given)
        logits_BV: Tensor = read.logits[:, -1]
        return logits_BV

    def _parts_of(self, name: str, weight: nn.Parameter) -> tuple[str, ...]:
        """By the names and classes of the modules that hold it, from the layer inwards."""
        path = name.split(".")[:-1]
        owner = self.library.get_submodule(".".join(path))
        found = self._ends_of(owner, weight)
        layers = self._layers.split(".")
        if path[: len(layers)] == layers:
            depth = len(layers) + 1
            found.append(f"layers.{path[depth - 1]}")
            for end in range(depth + 1, len(path) + 1):
                found += _part_of(path[end - 1], self.library.get_submodule(".".join(path[:end])))
        elif _is_norm(path[-1], owner):
            found.append("norms")
        return tuple(dict.fromkeys(found))

    def _ends_of(self, owner: nn.Module, weight: nn.Parameter) -> list[str]:
        """Of `embed` and `head` what a weight of `owner` is; both where they are tied."""
        library: Any = self.library
        head = library.get_output_embeddings()
        is_embed = isinstance(owner, nn.Embedding)
        is_head = head is not None and (owner is head or _matrix(head) is weight)
        return ["embed"] * is_embed + ["head"] * is_head

    @cached_property
    def _layers(self) -> str:
        """Where the layers are: the first list of modules that is as long as there are layers.

        Empty for a model that keeps none; its weights are then of no layer.
        """
        num_layers = getattr(self.library.config.get_text_config(), "num_hidden_layers", None)
        for name, module in self.library.named_modules():
            if isinstance(module, nn.ModuleList) and len(module) == num_layers:
                return str(name)
        return ""

    def stock_weights(self) -> dict[str, Tensor]:
        """The weights under the names of the library's files; what is tied once."""
        weights = self.library.state_dict()
        own = {name for name, _ in nn.Module.named_parameters(self.library)}
        again = {
            name for name, _ in nn.Module.named_parameters(self.library, remove_duplicate=False)
        }
        kept = {name: weight for name, weight in weights.items() if name not in again - own}
        return dict(revert_weight_conversion(self.library, kept))

    def stock_config(self, end_of_text: int) -> dict[str, Any]:
        """The library's configuration, and the row length."""
        del end_of_text  # it has one of its own
        said: dict[str, Any] = json.loads(self.library.config.to_json_string())
        architecture = type(self.library).__name__
        return {
            **said,
            "architectures": [architecture],
            "dtype": "float32",
            _ROW_LENGTH: self.row_length,
        }

    def stock_papers(self) -> Mapping[str, str]:
        """How it is spoken to and goes on, as its folder had it."""
        return self.papers


def adopt(folder: Path, row_length: int | None = None) -> Adopted:
    """Open the model at `folder` for rows of `row_length` tokens, by default its longest.

    Raises `InputError` for a model that cannot be a mind, all reasons at once, and for rows longer
    than it reads; `ArtefactError` for one that is damaged.
    """
    config = read_json(folder / "config.json")
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ArtefactError("names no model_type", where=str(folder / "config.json"))
    problems = list(_problems(folder, config))
    if problems:
        raise InputError(problems)
    library = _load(folder)
    longest = getattr(library.config.get_text_config(), "max_position_embeddings", None)
    length = fitting_row(row_length, longest, folder)
    if row_length is None:
        length = config.get(_ROW_LENGTH, length)
    papers = {name: folder / name for name in _PAPERS if (folder / name).is_file()}
    mind = Adopted(
        library, length, {name: file.read_text(encoding="utf-8") for name, file in papers.items()}
    )
    _check_sight(mind, folder)
    return mind


def _problems(folder: Path, config: Mapping[str, Any]) -> Iterator[Problem]:
    """Why the folder holds no model that can be a mind."""
    where, kind = str(folder), config["model_type"]
    if kind not in CONFIG_MAPPING:
        if "auto_map" in config:
            yield Problem(
                f"a {kind} brings code of its own, and no code of others is run", where=where
            )
        else:
            version = transformers.__version__
            yield Problem(f"transformers {version} knows no model type {kind!r}", where=where)
    elif CONFIG_MAPPING[kind] not in MODEL_FOR_CAUSAL_LM_MAPPING:
        yield Problem(f"a {kind} is no causal language model", where=where)
    if "quantization_config" in config:
        yield Problem(
            "its weights are quantised, and such do not learn",
            where=where,
            do="take the model that it was made from",
        )
    if (folder / "adapter_config.json").exists():
        yield Problem(
            "an adapter lies beside the model", where=where, do="merge it, and save the whole model"
        )
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
        yield Problem(
            f"{pickles[0]} is a pickle, which could run anything"
            if pickles
            else "holds no weights",
            where=where,
            allowed="*.safetensors",
            do="save it with `save_pretrained`" if pickles else None,
        )


def _load(folder: Path) -> PreTrainedModel:
    """The library's model in fp32; raises `ArtefactError` unless every weight is in the files."""
    try:
        with _quiet():
            opened: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise ArtefactError(f"cannot be opened: {error}", where=str(folder)) from error
    library, found = opened
    # What is missing the library would draw by chance.
    lacking = sorted({*found["missing_keys"], *(key[0] for key in found["mismatched_keys"])})
    if lacking:
        some = ", ".join(lacking[:3]) + (", …" if len(lacking) > 3 else "")
        raise ArtefactError(f"lacks {len(lacking)} weights: {some}", where=str(folder))
    assert isinstance(library, PreTrainedModel)
    return library


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's bar on the terminal."""
    shown: Any = logging
    was_shown = shown.is_progress_bar_enabled()
    shown.disable_progress_bar()
    try:
        yield
    finally:
        if was_shown:
            shown.enable_progress_bar()


@torch.inference_mode()
def _check_sight(mind: Adopted, folder: Path) -> None:
    """Raise `InputError` for a model whose tokens see what comes later, or remember nothing."""
    tokens_1T = torch.arange(4)[None] % mind.num_vocab
    if not agree(mind.logits(tokens_1T)[:, :3], mind.logits(tokens_1T[:, :3])):
        raise InputError("its tokens see what comes after them", where=str(folder))
    if _memory_of(mind.library) is None:
        raise InputError(
            f"a {type(mind.library).__name__} keeps no keys and values of what it has read",
            where=str(folder),
            allowed="a transformer",
        )


def _memory_of(library: PreTrainedModel) -> str | None:
    """What the library calls the memory that it takes: `cache`, or before transformers 5.24
    `past_key_values`; None where it takes none.
    """
    takes = inspect.signature(library.forward).parameters
    return next((name for name in ("cache", "past_key_values") if name in takes), None)


def _matrix(end: nn.Module) -> Tensor:
    """The matrix of an embedding or a head."""
    matrix = end.weight
    assert isinstance(matrix, Tensor)
    return matrix


def _is_norm(name: str, module: nn.Module) -> bool:
    kind = type(module).__name__.lower()
    return "norm" in kind or "norm" in name or name.startswith("ln_")


def _part_of(name: str, module: nn.Module) -> list[str]:
    """What a module inside a layer is by its name and class."""
    if _is_norm(name, module):
        return ["norms"]
    kind = type(module).__name__.lower()
    return [
        part
        for part, words in _PARTS.items()
        if any(word in name for word in words) or kind.endswith(words)
    ]
