"""Minds of other people's making: the library's own figures, and nothing of theirs is run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers
from lives import rows_of
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from upbringing.character import Sampling, draw_samples
from upbringing.character.likelihood import Passage, bits
from upbringing.corpus import Tokens, write_tokenizer
from upbringing.errors import ArtefactError, InputError
from upbringing.terminal.talking import talk_to
from upbringing.training import Decoder, Shape, open_mind
from upbringing.training.adopted import Adopted, adopt
from upbringing.training.checkpoint import write_checkpoint
from upbringing.training.levers import Timeline, plan_steps
from upbringing.training.optimizer import Optimizer
from upbringing.training.parts import rates_by_weight

SMALL = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
}
GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 128, "initializer_range": 0.3}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {**SMALL, "num_key_value_heads": 2}),
    "gpt2": ("GPT2Config", GPT2),
    "gpt_neox": ("GPTNeoXConfig", SMALL),
    "qwen2": ("Qwen2Config", {**SMALL, "num_key_value_heads": 2, "tie_word_embeddings": True}),
    "mixtral": (
        "MixtralConfig",
        {**SMALL, "num_key_value_heads": 2, "num_local_experts": 3, "sliding_window": None},
    ),
}
BLOOM = ("BloomConfig", {"hidden_size": 16, "n_layer": 2, "n_head": 2})
EVERY = pytest.mark.parametrize("kind", MODELS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, tokens: Tokens) -> Callable[[str], Path]:
    """Folders of tiny models as the library saves them, with a tokenizer."""
    place = tmp_path_factory.mktemp("models")

    def save(kind: str) -> Path:
        folder = place / kind
        if not folder.exists():
            name, said = {**MODELS, "bloom": BLOOM}[kind]
            config = getattr(transformers, name)(
                vocab_size=tokens.num_vocab + 3, bos_token_id=0, eos_token_id=0, **said
            )
            torch.manual_seed(4)
            AutoModelForCausalLM.from_config(config).save_pretrained(folder)
            write_tokenizer(folder, tokens.tokenizer)
        return folder

    return save


@pytest.fixture
def llama(saved: Callable[[str], Path], tmp_path: Path) -> Path:
    """A folder that may be spoilt."""
    return Path(shutil.copytree(saved("llama"), tmp_path / "llama"))


def library_of(folder: Path) -> PreTrainedModel:
    opened = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert isinstance(opened, PreTrainedModel)
    return opened.eval()


def adopted(folder: Path) -> Adopted:
    mind = open_mind(folder)
    assert isinstance(mind, Adopted)
    return mind


def tokens_of(length: int, batch: int = 2) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).integers(0, 200, (batch, length)))


def change(file: Path, **said: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | said))


@EVERY
@torch.no_grad()
def test_logits_are_the_librarys_and_losses_their_cross_entropy(
    kind: str, saved: Callable[[str], Path]
) -> None:
    mind, library = adopted(saved(kind)), library_of(saved(kind))
    tokens_BT1 = tokens_of(13)
    logits_BTV = library(input_ids=tokens_BT1[:, :-1]).logits
    assert mind.logits(tokens_BT1[:, :-1]).equal(logits_BTV)
    nats = F.cross_entropy(logits_BTV.transpose(1, 2), tokens_BT1[:, 1:], reduction="none")
    assert torch.allclose(mind.losses(tokens_BT1), nats, atol=1e-6)
    assert (mind.row_length, mind.num_vocab) == (128, logits_BTV.shape[-1])
    assert mind.num_parameters == library.num_parameters()


@EVERY
@torch.no_grad()
def test_text_read_with_a_memory_has_the_logits_of_the_whole(
    kind: str, saved: Callable[[str], Path]
) -> None:
    mind, tokens_BT = adopted(saved(kind)), tokens_of(12, batch=3)
    memory, whole_BTV = mind.new_memory(), mind.logits(tokens_BT)
    for position in range(12):
        next_BV = mind.next_logits(tokens_BT[:, position], memory)
        assert torch.allclose(next_BV, whole_BTV[:, position], atol=1e-4)


@EVERY
@torch.no_grad()
def test_a_scene_behind_another_is_read_as_if_it_stood_alone(
    kind: str, saved: Callable[[str], Path]
) -> None:
    mind, tokens_BT = adopted(saved(kind)), tokens_of(12)
    positions_BT = torch.tensor([[*range(5), 0, *range(6)], range(12)])
    packed_BTV = mind.logits(tokens_BT, positions_BT)
    for row, begin, end in ((0, 0, 5), (0, 5, 6), (0, 6, 12), (1, 0, 12)):
        alone = mind.logits(tokens_BT[row : row + 1, begin:end])[0]
        assert torch.allclose(packed_BTV[row, begin:end], alone, atol=1e-4)
    across_BTV = mind.logits(tokens_BT)
    assert (packed_BTV[0, 6:] - across_BTV[0, 6:]).abs().max() > 0.01
    assert mind.keeps_to_scenes()


@EVERY
@torch.no_grad()
def test_what_is_saved_the_library_reads_to_the_bit(
    kind: str, saved: Callable[[str], Path], tokens: Tokens, tmp_path: Path
) -> None:
    mind = adopt(saved(kind), row_length=32)
    for weight in mind.parameters():
        weight.mul_(1.1)
    write_checkpoint(tmp_path / "again", mind, tokens.tokenizer)
    library, found = AutoModelForCausalLM.from_pretrained(
        tmp_path / "again", output_loading_info=True
    )
    assert not any(found.values())
    assert library.eval()(input_ids=tokens_of(9)).logits.equal(mind.logits(tokens_of(9)))
    before, after = (
        set(load_file(folder / "model.safetensors")) for folder in (saved(kind), tmp_path / "again")
    )
    assert before == after
    again = adopted(tmp_path / "again")
    assert again.row_length == 32
    assert again.logits(tokens_of(9)).equal(mind.logits(tokens_of(9)))


def test_half_precision_is_raised_in_full(llama: Path) -> None:
    library_of(llama).to(torch.bfloat16).save_pretrained(llama)  # type: ignore[arg-type]
    mind = adopted(llama)
    assert {weight.dtype for weight in mind.parameters()} == {torch.float32}


def test_nothing_is_left_to_chance_while_it_learns(saved: Callable[[str], Path]) -> None:
    mind = adopted(saved("gpt2"))
    assert mind.library.config.resid_pdrop > 0
    mind.train()
    assert mind.losses(tokens_of(9)).equal(mind.losses(tokens_of(9)))


def test_its_own_papers_go_with_it(llama: Path, tokens: Tokens, tmp_path: Path) -> None:
    (llama / "chat_template.jinja").write_text("{{ messages }}")
    change(llama / "generation_config.json", temperature=0.3, do_sample=True)
    write_checkpoint(tmp_path / "again", adopted(llama), tokens.tokenizer)
    assert (tmp_path / "again" / "chat_template.jinja").read_text() == "{{ messages }}"
    said = json.loads((tmp_path / "again" / "generation_config.json").read_text())
    assert said["temperature"] == 0.3


def test_the_parts_of_a_mind_are_named(saved: Callable[[str], Path]) -> None:
    parts = adopted(saved("llama")).parts
    assert parts["model.embed_tokens.weight"] == ("embed",)
    assert parts["model.layers.0.self_attn.q_proj.weight"] == ("layers.0", "attention")
    assert parts["model.layers.1.mlp.down_proj.weight"] == ("layers.1", "mlp")
    assert parts["model.layers.1.post_attention_layernorm.weight"] == ("layers.1", "norms")
    assert parts["model.norm.weight"] == ("norms",)
    assert parts["lm_head.weight"] == ("head",)
    parts = adopted(saved("gpt2")).parts
    assert parts["transformer.wte.weight"] == ("embed", "head")
    assert parts["transformer.wpe.weight"] == ("embed",)
    assert parts["transformer.h.1.attn.c_attn.bias"] == ("layers.1", "attention")
    assert parts["transformer.h.0.ln_2.weight"] == ("layers.0", "norms")
    parts = adopted(saved("gpt_neox")).parts
    assert parts["gpt_neox.layers.0.attention.dense.weight"] == ("layers.0", "attention")
    assert (parts["gpt_neox.embed_in.weight"], parts["lm_head.weight"]) == (("embed",), ("head",))
    parts = adopted(saved("mixtral")).parts
    assert parts["model.layers.1.mlp.experts.gate_up_proj"] == ("layers.1", "mlp")


def test_matrices_decay_those_of_experts_too(saved: Callable[[str], Path]) -> None:
    mind = adopted(saved("mixtral"))
    whole = Timeline.uniform(1)
    steps = plan_steps(1, whole, schedule="constant", peak_lr=0.1, warmup_share=0)
    optimizer = Optimizer(mind, steps, whole, weight_decay=0.3, beta1=0.9, seed=0)
    optimizer.begin(0)
    decays = {
        weight: group["decay"]
        for group in optimizer.adam.param_groups
        for weight in group["params"]
    }
    for name, weight in mind.named_parameters():
        assert decays[weight] == (0.0 if "norm" in name else 0.3), name


@EVERY
def test_every_weight_belongs_somewhere_and_can_be_frozen_by_it(
    kind: str, saved: Callable[[str], Path]
) -> None:
    mind = adopted(saved(kind))
    parts = mind.parts
    assert list(parts) == [name for name, _ in mind.named_parameters()]
    assert all(parts.values())
    assert {part for of in parts.values() for part in of} == {
        "embed", "head", "attention", "mlp", "norms", "layers.0", "layers.1",
    }  # fmt: skip
    rates = rates_by_weight({"layers.1-": 0.0}, parts)
    assert [name for name, rate in rates.items() if not rate] == [
        name for name in parts if ".1." in name
    ]


def test_an_end_of_a_tied_pair_cannot_be_named_alone(saved: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="one weight"):
        rates_by_weight({"embed": 0.0}, adopted(saved("qwen2")).parts)
    assert rates_by_weight({"embed": 0.0}, adopted(saved("llama")).parts)


@EVERY
def test_the_character_room_asks_it_as_it_asks_ours(
    kind: str, saved: Callable[[str], Path], tokens: Tokens
) -> None:
    mind = adopt(saved(kind), row_length=24)
    ids = (tokens.end_of_text, *tokens_of(40)[0].tolist())
    nats = 0.0
    for begin in range(0, 40, 24):
        window = torch.tensor([ids[begin : begin + 25]])
        nats += float(mind.losses(window).detach().double().sum())
    assert bits(mind, [Passage(ids, 1, 1)])[0] == pytest.approx(nats / np.log(2), rel=1e-5)
    drawn = draw_samples(mind, tokens.tokenizer, ["dr1"], Sampling(1e-4, 8, 1))
    read = [
        tokens.end_of_text,
        *tokens.tokenizer.encode("dr1", add_special_tokens=False).ids,
    ]
    num_given = len(read)
    while len(read) < num_given + 8:
        with torch.no_grad():
            likeliest = int(mind.logits(torch.tensor([read]))[0, -1].argmax())
        if likeliest == tokens.end_of_text:
            break
        read.append(likeliest)
    assert drawn[0].text == tokens.tokenizer.decode(read[num_given:])


def test_it_is_talked_to_by_its_folder(
    saved: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    talk_to([saved("qwen2"), saved("gpt2")], "dr1", 1.0, Sampling(0.8, 5, 2))
    said = capsys.readouterr().out
    heads = [line for line in said.splitlines() if ", seed " in line]
    assert heads == ["qwen2, seed 0", "qwen2, seed 1", "gpt2, seed 0", "gpt2, seed 1"]
    assert said.count("\ndr1") == 4


def test_ours_is_opened_as_ours_whoever_wrote_it(tokens: Tokens, tmp_path: Path) -> None:
    for tied in (True, False):
        shape = Shape(16, 2, 2, 24, tokens.num_vocab, 0.0, tied=tied)
        mind = Decoder(shape, row_length=32, seed=1)
        assert shape.num_parameters == mind.num_parameters
        folder = tmp_path / f"tied {tied}"
        write_checkpoint(folder, mind, tokens.tokenizer)
        ours = open_mind(folder, row_length=20)
        assert isinstance(ours, Decoder)
        assert (ours.row_length, ours.shape.tied) == (20, tied)
        theirs = adopt(folder)
        with torch.no_grad():
            assert ours.logits(tokens_of(9)).equal(mind.logits(tokens_of(9)))
            assert torch.allclose(theirs.logits(tokens_of(9)), ours.logits(tokens_of(9)), atol=1e-5)
        kept = {tuple(dict.fromkeys(of)) for of in ours.parts.values()}
        assert kept == {tuple(of) for of in theirs.parts.values()}
    assert not ours.head.equal(ours.embed)  # type: ignore[union-attr]


def test_rows_that_it_cannot_read_are_refused_all_at_once(
    home: Path, saved: Callable[[str], Path]
) -> None:
    rows = rows_of(home)
    adopt(saved("llama")).check(rows)
    small = Decoder(Shape(16, 1, 2, 24, 12, 0.0), row_length=16, seed=0)
    with pytest.raises(InputError) as caught:
        small.check(rows)
    what = [problem.what for problem in caught.value.problems]
    assert what == [
        f"the tokenizer has {rows.tokens.num_vocab} tokens",
        "the rows are of 48 tokens",
    ]
    within = replace(rows, row_length=96, packing="whole", attention="within")
    adopt(saved("gpt2")).check(within)
    with pytest.raises(InputError, match="a BloomForCausalLM cannot keep its attention within"):
        adopt(saved("bloom"), row_length=96).check(within)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("pickle", "pytorch_model.bin is a pickle, which could run anything"),
        ("no weights", "holds no weights"),
        ("remote code", "a very_own brings code of its own, and no code of others is run"),
        ("unknown", "knows no model type 'very_own'"),
        ("encoder", "a t5 is no causal language model"),
        ("sees all", "its tokens see what comes after them"),
        ("quantised", "its weights are quantised"),
        ("adapter", "an adapter lies beside the model"),
        ("long", "rows of 129 tokens are asked for"),
    ],
)
def test_what_cannot_be_a_mind_is_refused(llama: Path, spoil: str, said: str) -> None:
    config, weights = llama / "config.json", llama / "model.safetensors"
    row_length = 129 if spoil == "long" else None
    if spoil == "pickle":
        weights.rename(llama / "pytorch_model.bin")
    elif spoil == "no weights":
        weights.unlink()
    elif spoil == "remote code":
        (llama / "own.py").write_text("raise SystemExit('it was run')")
        change(config, model_type="very_own", auto_map={"AutoModelForCausalLM": "own.Own"})
    elif spoil == "unknown":
        change(config, model_type="very_own")
    elif spoil == "encoder":
        change(config, model_type="t5")
    elif spoil == "sees all":
        seeing = transformers.BertConfig(vocab_size=300, **SMALL)
        shutil.rmtree(llama)
        transformers.BertLMHeadModel(seeing).save_pretrained(llama)
    elif spoil == "quantised":
        change(config, quantization_config={"quant_method": "gptq", "bits": 4})
    elif spoil == "adapter":
        (llama / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match=said) as caught:
        open_mind(llama, row_length)
    assert str(llama) in str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "a weight lacks", "no type", "no config", "a list"])
def test_what_is_damaged_is_named(llama: Path, damage: str) -> None:
    config, weights = llama / "config.json", llama / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-9])
    elif damage == "a weight lacks":
        kept = load_file(weights)
        del kept["model.norm.weight"]
        save_file(kept, weights, metadata={"format": "pt"})
    elif damage == "no type":
        config.write_text("{}")
    elif damage == "no config":
        config.unlink()
    else:
        config.write_text("[]")
    with pytest.raises(ArtefactError) as caught:
        open_mind(llama)
    assert str(llama) in str(caught.value)
