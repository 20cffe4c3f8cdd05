"""Raising: tokens a second of a study of nine minds, against what others would write for it.

    python benchmarks/raise.py                                                 hours
    python benchmarks/raise.py --shape 1.3m --minds 4 --tokens 200000          minutes, and rougher
    python benchmarks/raise.py --ways "HF Trainer" "compiled, 2 × 1"           these of the ways

Every way raises the same number of minds on the same number of tokens: rows of 128, 16 rows a
step, a vocabulary of 4096, bf16 autocast, fused AdamW, gradients clipped, the order kept. It is
timed from the start of its processes to the last of its checkpoints, so imports, opening the data,
compiling and saving count; text, tokens and orders are there before, and nothing is measured. Ours
checks every row against the order and writes the ledger. The others read one array of rows.

Where a way compiles, its cache is empty when it begins. Of each, the fastest of its ways counts. A
last part starts `upbringing train`, uncompiled, on a life of one step: the whole command's time
bounds that of a first step. Each target's line holds the figure, the target and whether it holds.
Where the machine has other work to do, compare the seconds of cores too.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlamaForCausalLM

    from upbringing.corpus import Corpus, Tokens
    from upbringing.training import Shape

ROW_LENGTH, BATCH_SIZE, NUM_VOCAB = 128, 16, 4096
LR, BETAS, WEIGHT_DECAY, CLIP_NORM = 1e-3, (0.9, 0.95), 0.1, 1.0
TOKENS_PER_EVENT = 25  # a world of English scenes has more
FIRST_STEP_TARGET_S = 5.0


@dataclass(frozen=True)
class Size:
    """A mind's form, and what is asked against Trainer and the fastest loop, each at its best."""

    name: str
    width: int
    num_layers: int
    mlp_width: int
    against_trainer: float
    against_fastest: float

    @property
    def shape(self) -> Shape:
        from upbringing.training import Shape

        return Shape(self.width, self.num_layers, 4, self.mlp_width, NUM_VOCAB, LR)


SIZES = {
    size.name: size
    for size in (Size("1.3m", 128, 4, 344, 1.6, 1.15), Size("5.7m", 256, 6, 672, 1.4, 1.05))
}


@dataclass(frozen=True)
class Study:
    """What is raised: minds of a size, each on so many rows, from what lies in `folder`."""

    folder: Path
    size: Size
    num_minds: int
    num_rows: int

    @property
    def num_tokens(self) -> int:
        return self.num_minds * self.num_rows * ROW_LENGTH


@dataclass(frozen=True)
class Mind:
    """One mind of a study, the place for what comes of it, and how its process works."""

    study: Study
    seed: int
    place: Path
    num_threads: int
    compiled: bool

    def rows(self) -> Tensor:
        """The rows that a peer reads, in order: (R, ROW_LENGTH) int64."""
        import torch

        rows_RT1 = np.load(self.study.folder / f"rows-{self.seed}.npy", mmap_mode="r")
        return torch.from_numpy(rows_RT1[: self.study.num_rows, :-1].astype(np.int64))


def raise_ours(mind: Mind) -> None:
    from upbringing.order import Order, Rows
    from upbringing.training import Numerics, Recipe, settle_process, train

    settle_process(mind.num_threads)
    corpus, tokens = opened(mind.study.folder)
    order = mind.study.folder / "orders" / str(mind.seed)
    rows = Rows(Order.open(order, corpus), tokens, ROW_LENGTH)
    recipe = Recipe.of(
        rows, mind.study.size.shape, seed=mind.seed, schedule="constant", batch_size=BATCH_SIZE,
        numerics=Numerics(compiled=mind.compiled, num_threads=mind.num_threads),
        num_rows=mind.study.num_rows, ages=(1.0,),
    )  # fmt: skip
    train(rows, recipe, mind.place, sources={"corpus": corpus.path, "order": order})


def raise_by_loop(mind: Mind) -> None:
    """The plain loop that a person would write with the library."""
    import torch

    torch.set_num_threads(mind.num_threads)
    model = stock_llama(mind)
    read = torch.compile(model, dynamic=False) if mind.compiled else model
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LR, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    for batch_BT in mind.rows().split(BATCH_SIZE):
        with torch.autocast("cpu", torch.bfloat16):
            loss = read(input_ids=batch_BT, labels=batch_BT).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    model.save_pretrained(mind.place)


def raise_by_trainer(mind: Mind) -> None:
    import torch
    from transformers import PrinterCallback, Trainer, TrainingArguments, default_data_collator

    torch.set_num_threads(mind.num_threads)
    arguments = TrainingArguments(
        output_dir=str(mind.place), per_device_train_batch_size=BATCH_SIZE, num_train_epochs=1,
        train_sampling_strategy="sequential", bf16=True, use_cpu=True, optim="adamw_torch_fused",
        learning_rate=LR, adam_beta1=BETAS[0], adam_beta2=BETAS[1], weight_decay=WEIGHT_DECAY,
        lr_scheduler_type="constant", max_grad_norm=CLIP_NORM, report_to="none",
        save_strategy="no", logging_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    rows = [{"input_ids": row_T, "labels": row_T} for row_T in mind.rows()]
    trainer = Trainer(
        stock_llama(mind), arguments, train_dataset=rows, data_collator=default_data_collator
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.save_model()


def stock_llama(mind: Mind) -> LlamaForCausalLM:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    torch.manual_seed(mind.seed)
    shape = mind.study.size.shape
    config = LlamaConfig(
        vocab_size=NUM_VOCAB, hidden_size=shape.width, intermediate_size=shape.mlp_width,
        num_hidden_layers=shape.num_layers, num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_heads, max_position_embeddings=ROW_LENGTH,
        tie_word_embeddings=True, use_cache=False,
    )  # fmt: skip
    return LlamaForCausalLM(config)


@dataclass(frozen=True)
class Way:
    """A way to raise a mind; `spread` over the cores, a process of one thread on each, or else one
    mind after another on all of them.
    """

    name: str
    raise_mind: Callable[[Mind], None]
    spread: bool = False
    compiled: bool = False

    def label(self, cores: int) -> str:
        processes, threads = (cores, 1) if self.spread else (1, cores)
        return f"{self.name}{', compiled' if self.compiled else ''}, {processes} × {threads}"


TRAINERS = (
    Way("HF Trainer", raise_by_trainer),
    Way("HF Trainer", raise_by_trainer, spread=True),
)
LOOPS = (
    Way("HF loop", raise_by_loop),
    Way("HF loop", raise_by_loop, spread=True),
    Way("HF loop", raise_by_loop, compiled=True),
    Way("HF loop", raise_by_loop, spread=True, compiled=True),
)
OURS = (
    Way("upbringing", raise_ours, spread=True),
    Way("upbringing", raise_ours, spread=True, compiled=True),
)


@dataclass(frozen=True)
class Timing:
    """How long a study took by the clock, and how long its cores worked."""

    num_tokens: int
    seconds: float
    core_seconds: float

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.num_tokens / self.seconds


def timed(way: Way, study: Study, cores: int) -> Timing:
    processes, threads = (cores, 1) if way.spread else (1, cores)
    with tempfile.TemporaryDirectory(dir=study.folder) as name:
        minds = [
            Mind(study, seed, Path(name, str(seed)), threads, way.compiled)
            for seed in range(study.num_minds)
        ]
        started, worked = time.perf_counter(), core_seconds()
        with ProcessPoolExecutor(processes, mp.get_context("spawn"), compile_into, (name,)) as pool:
            list(pool.map(way.raise_mind, minds))
        seconds = time.perf_counter() - started
        return Timing(study.num_tokens, seconds, core_seconds() - worked)


def compile_into(folder: str) -> None:
    """Make PyTorch keep what it compiles in this process under a folder, not the person's own."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = f"{folder}/compiled"


def core_seconds() -> float:
    """Of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def prepare(folder: Path, num_minds: int, num_rows: int) -> None:
    """The corpus, its tokens and an order a seed, and the same as rows; not timed."""
    from upbringing.corpus import tokenize, train_tokenizer
    from upbringing.corpus.world import make_world
    from upbringing.order import Curriculum, Phase, Rows, Selection, compile_order

    num_events = max(num_rows * ROW_LENGTH // TOKENS_PER_EVENT, 2_000)
    corpus = make_world(folder / "corpus", langs=["en"], num_events=num_events, seed=0)
    texts = corpus.columns(["text", "split"]).filter(split="train")["text"].to_list()
    tokens = tokenize(corpus, train_tokenizer(texts, NUM_VOCAB))
    (folder / "tokenizer").write_text(tokens.digest)
    whole = (Phase(name="life", scenes="rest"),)
    for seed in range(num_minds):
        order = compile_order(corpus, Curriculum(name="S", phases=whole), seed=seed)
        order.save(folder / "orders" / str(seed))
        rows = Rows(order, tokens, ROW_LENGTH)
        assert rows.num_rows > num_rows, "the world is too small"
        np.save(folder / f"rows-{seed}.npy", rows.gather(0, num_rows)[0])
    share = BATCH_SIZE * ROW_LENGTH / int(tokens.offsets[-1])
    first = Curriculum(name="first", scenes=Selection(part=(0, share)), phases=whole)
    compile_order(corpus, first, seed=0).save(folder / "orders" / "first")


def opened(folder: Path) -> tuple[Corpus, Tokens]:
    from upbringing.corpus import Corpus, load_tokenizer, tokenize

    corpus = Corpus.open(folder / "corpus")
    return corpus, tokenize(corpus, load_tokenizer(tokenizer_of(folder)))


def tokenizer_of(folder: Path) -> Path:
    return folder / "corpus" / "tokens" / (folder / "tokenizer").read_text()


def compare(study: Study, cores: int, asked: list[str]) -> None:
    """Time the ways whose names have an asked part, and print the table and what holds."""
    size = study.size
    print(
        f"\n{size.shape.num_parameters / 1e6:.2f}M parameters, {study.num_minds} minds of "
        f"{study.num_rows * ROW_LENGTH:,} tokens, {cores} cores\n"
        f"{'processes × threads':34}{'tokens/s':>10}{'seconds':>10}{'of cores':>10}{'load':>7}"
    )
    rates = {}
    for way in (*TRAINERS, *LOOPS, *OURS):
        if not any(part in way.label(cores) for part in asked):
            continue
        timing = timed(way, study, cores)
        rates[way] = timing.rate
        print(
            f"{way.label(cores):34}{timing.rate:10,.0f}{timing.seconds:10.1f}"
            f"{timing.core_seconds:10.1f}{os.getloadavg()[0]:7.1f}",
            flush=True,
        )
    mine = [way for way in OURS if way in rates]
    for peers, target in ((TRAINERS, size.against_trainer), (LOOPS, size.against_fastest)):
        theirs = [way for way in peers if way in rates]
        if mine and theirs:
            ours, peer = max(mine, key=rates.__getitem__), max(theirs, key=rates.__getitem__)
            ratio = rates[ours] / rates[peer]
            what = f"{ours.label(cores)} against {peer.label(cores)}"
            judge(what, f"{ratio:.2f}×", ratio >= target, target)


def judge(what: str, figure: str, holds: bool, target: float) -> None:
    print(f"{what}: {figure}, target {target:g}: {'holds' if holds else 'falls short'}", flush=True)


def first_step(folder: Path) -> None:
    """Time the command on a life of one step, three times, uncompiled."""
    took = []
    for trial in range(3):
        started = time.perf_counter()
        subprocess.run(
            [
                Path(sys.executable).with_name("upbringing"), "train", folder / "orders" / "first",
                "--corpus", folder / "corpus", "--tokenizer", tokenizer_of(folder),
                "--shape", "1m", "--batch-size", str(2 * BATCH_SIZE),
                "-o", folder / f"first-{trial}",
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        took.append(time.perf_counter() - started)
    seconds = median(took)
    figure = f"{seconds:.1f} s (load {os.getloadavg()[0]:.1f})"
    print()
    judge("a life of one step", figure, seconds <= FIRST_STEP_TARGET_S, FIRST_STEP_TARGET_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SIZES, action="append", help="both by default")
    parser.add_argument("--minds", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=1_000_000, help="of each mind")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--ways", nargs="+", default=[""], help="parts of names; all by default")
    said = parser.parse_args()
    num_rows = said.tokens // (BATCH_SIZE * ROW_LENGTH) * BATCH_SIZE  # every step is full
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), said.minds, num_rows)
        for shape in said.shape or SIZES:
            study = Study(Path(name), SIZES[shape], said.minds, num_rows)
            compare(study, said.cores, said.ways)
        first_step(Path(name))


if __name__ == "__main__":
    main()
