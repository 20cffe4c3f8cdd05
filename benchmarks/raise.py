"""Raising: a study of nine minds, against the same study in a plain Hugging Face Llama loop.

    python benchmarks/raise.py

Both sides raise nine 1.3M-parameter minds (vocabulary 4096, rows of 128, 16 rows a step) on 300k
tokens each, from text on disk to nine saved checkpoints; measuring is left out on both sides.
Ours runs as a study does: one process a core, one thread each. The peer is
`LlamaForCausalLM` in bf16 autocast with fused AdamW on two threads, one mind after another.
The last line holds the ratio of the wall-clock times, the target and whether it holds.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

NUM_MINDS, NUM_TOKENS, ROW_LENGTH, BATCH_SIZE, NUM_VOCAB = 9, 300_000, 128, 16, 4096
TARGET = 1.15


def shape():
    from upbringing.training import Shape

    return Shape(128, 4, 4, 344, NUM_VOCAB, 1e-3)


def prepare(folder: Path) -> None:
    """The corpus, its tokens and an order a seed; not timed."""
    from upbringing.corpus import tokenize, train_tokenizer
    from upbringing.corpus.world import make_world
    from upbringing.order import Curriculum, Phase, Rows, Selection, compile_order

    corpus = make_world(folder / "corpus", langs=["en"], num_events=12_000, seed=0)
    texts = corpus.columns(["text", "split"]).filter(split="train")["text"].to_list()
    tokens = tokenize(corpus, train_tokenizer(texts, NUM_VOCAB))
    share = NUM_TOKENS / int(tokens.offsets[-1])
    curriculum = Curriculum(
        name="S", scenes=Selection(part=(0, share)), phases=(Phase(name="life", scenes="rest"),)
    )
    for seed in range(NUM_MINDS):
        order = compile_order(corpus, curriculum, seed=seed)
        order.save(folder / "orders" / str(seed))
        rows_RT1, _ = (rows := Rows(order, tokens, ROW_LENGTH)).gather(0, rows.num_rows)
        np.save(folder / f"rows-{seed}.npy", rows_RT1)  # what the peer reads
    (folder / "tokenizer").write_text(tokens.digest)


def raise_ours(folder: Path, seed: int) -> int:
    from upbringing.corpus import Corpus, load_tokenizer, tokenize
    from upbringing.order import Order, Rows
    from upbringing.training import Numerics, Recipe, settle_process, train

    settle_process(1)
    corpus = Corpus.open(folder / "corpus")
    digest = (folder / "tokenizer").read_text()
    tokens = tokenize(corpus, load_tokenizer(corpus.path / "tokens" / digest))
    rows = Rows(Order.open(folder / "orders" / str(seed), corpus), tokens, ROW_LENGTH)
    recipe = Recipe.of(
        rows, shape(), seed=seed, schedule="constant", batch_size=BATCH_SIZE,
        numerics=Numerics(), ages=(1.0,),
    )  # fmt: skip
    place = folder / "ours" / str(seed)
    train(rows, recipe, place, sources={"corpus": corpus.path, "order": rows.order.corpus.path})
    return rows.num_rows * ROW_LENGTH


def study_ours(folder: Path, num_processes: int) -> None:
    with ProcessPoolExecutor(num_processes, mp.get_context("spawn")) as pool:
        list(pool.map(raise_ours, [folder] * NUM_MINDS, range(NUM_MINDS)))


def study_peer(folder: Path, num_threads: int) -> None:
    """The plain loop a person would write with the library."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(num_threads)
    form = shape()
    config = LlamaConfig(
        vocab_size=NUM_VOCAB, hidden_size=form.width, intermediate_size=form.mlp_width,
        num_hidden_layers=form.num_layers, num_attention_heads=form.num_heads,
        num_key_value_heads=form.num_heads, max_position_embeddings=ROW_LENGTH,
        tie_word_embeddings=True, use_cache=False,
    )  # fmt: skip
    for seed in range(NUM_MINDS):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True
        )
        rows_RT1 = torch.from_numpy(np.load(folder / f"rows-{seed}.npy").astype(np.int64))
        for batch_BT1 in rows_RT1.split(BATCH_SIZE):
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(input_ids=batch_BT1[:, :-1], labels=batch_BT1[:, :-1]).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        model.save_pretrained(folder / "peer" / str(seed))


def timed(study, *arguments) -> float:
    """Seconds of a study in a process of its own, start included."""
    process = mp.get_context("spawn").Process(target=study, args=arguments)
    started = time.perf_counter()
    process.start()
    process.join()
    assert process.exitcode == 0, "the study failed"
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=2)
    cores = parser.parse_args().cores
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        peer = timed(study_peer, folder, cores)
        print(f"Hugging Face loop, bf16, {cores} threads: {peer:.1f} s")
        ours = timed(study_ours, folder, cores)
        print(f"upbringing, {cores} processes of one thread: {ours:.1f} s")
    ratio = peer / ours
    verdict = "holds" if ratio >= TARGET else "falls short"
    print(f"nine 1.3M minds: {ratio:.2f}× as fast as the loop, target {TARGET}×: {verdict}")


if __name__ == "__main__":
    main()
