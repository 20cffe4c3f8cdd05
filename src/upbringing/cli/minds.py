"""Order → mind: raising one, proving what it read, asking it, comparing it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from upbringing.cli.options import (
    BatchRule,
    BatchSize,
    CorpusOption,
    Lang,
    LogTo,
    PeakRate,
    Priority,
    RowLength,
    Schedule,
    Shape,
    Sinks,
    Weighs,
    WeightDecay,
    curve_in,
    is_new,
    log_to_sinks,
    names_in,
    poles_in,
)
from upbringing.errors import InputError


def train(
    order: Annotated[Path, typer.Argument(help="An order folder.")],
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option("-o", "--out", help="The run; continues if it is there.")],
    shape: Shape = None,
    untied: Annotated[
        bool, typer.Option("--untied", help="The head is a matrix of its own.")
    ] = False,
    from_: Annotated[
        Path | None, typer.Option("--from", help="A checkpoint that is raised further.")
    ] = None,
    schedule: Schedule = "linear",
    priority: Priority = None,
    weighs: Weighs = "rate",
    seed: Annotated[int, typer.Option(min=0, help="Of the initial weights.")] = 0,
    batch_size: BatchSize = 8,
    batch_rule: BatchRule = "sqrt",
    row_length: RowLength = 128,
    packing: Annotated[str, typer.Option(help="stream, whole or single.")] = "stream",
    attention: Annotated[str, typer.Option(help="across scenes, or within.")] = "across",
    peak_lr: PeakRate = None,
    weight_decay: WeightDecay = 0.1,
    tokenizer: Annotated[Path | None, typer.Option(help="tokenizer.json; else trained.")] = None,
    lora: Annotated[
        int | None, typer.Option(min=1, help="Rank of an adapter that learns alone.")
    ] = None,
    precision: Annotated[str, typer.Option(help="bf16, fp32 or fp64.")] = "bf16",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the model first.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    accumulation: Annotated[int, typer.Option(min=1, help="Micro-batches of a step.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    log: Sinks = None,
    log_to: LogTo = None,
) -> None:
    """Raise one mind on an order."""
    from upbringing.terminal.console import say
    from upbringing.terminal.progress import life_shown
    from upbringing.training import Life, raise_on_order
    from upbringing.training.world import World

    life = Life(
        shape=shape,
        untied=untied,
        schedule=curve_in(schedule, "--schedule"),
        seed=seed,
        batch_size=batch_size,
        row_length=row_length,
        packing=packing,
        attention=attention,
        peak_lr=peak_lr,
        weight_decay=weight_decay,
        tokenizer=tokenizer,
        priority=priority and curve_in(priority, "--priority"),
        weighs=weighs,
        batch_rule=batch_rule,
        parent=from_,
        lora=lora,
        precision=precision,
        compiled=compiled,
        num_threads=threads,
        accumulation=accumulation,
        device=device,
    )
    is_there = (out / "run.json").exists()
    with life_shown(out.name, log_to_sinks(log, log_to, out)) as watch:
        run = raise_on_order(order, corpus, out, life, watch=watch)
    if not World.of_process().is_first:
        return  # the first process of a world speaks for all
    if is_there:
        say("raised already: nothing is left to do")
    if run.diverged_at is not None:
        say(f"the loss stopped being a number at step {run.diverged_at}: the life ends there")
    ledger = run.manifest.facts["ledger"][:16]
    say(f"{run.path}: ledger {ledger}, {len(run.checkpoints)} checkpoints")


def verify(
    runs: Annotated[list[Path], typer.Argument(help="Runs, studies, notes, or an export.")],
    as_: Annotated[str | None, typer.Option("--as", help="The format of an export.")] = None,
    order: Annotated[Path | None, typer.Option(help="The order that an export is of.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="An export's corpus.")] = None,
) -> None:
    """Check that what a run consumed, or an export holds, is its order, and nothing is damaged."""
    from upbringing.terminal.verifying import verify_runs

    if as_ is None:
        verify_runs(runs)
        return
    from upbringing.exports import verify_export
    from upbringing.terminal.console import say

    if order is None or corpus is None:
        raise InputError("an export is checked against its order", do="say --order and --corpus")
    for place in runs:
        say(f"{place}: {verify_export(place, as_, order, corpus)}")


def measure(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    positive: Annotated[str | None, typer.Argument(help="Kinds at one pole, with commas.")] = None,
    negative: Annotated[str | None, typer.Argument(help="Kinds at the other pole.")] = None,
    axis: Annotated[
        list[str] | None, typer.Option(help="A further axis: one built in, or its file.")
    ] = None,
    add: Annotated[
        list[str] | None,
        typer.Option(help="A further measure: its name, FILE.py:FUNCTION, lm-eval:TASK."),
    ] = None,
    lang: Lang = None,
) -> None:
    """Measure what a mind is like at each of its ages, between two poles or on several axes."""
    from upbringing.terminal.measuring import measure_mind

    if positive is not None and negative is None:
        raise InputError(f"{positive} is one pole", do="name the other one behind it")
    poles = (names_in(positive), names_in(negative)) if positive and negative else None
    measure_mind(run, poles, axis or (), add or (), lang)


def ablate(
    run: Annotated[Path, typer.Argument(help="A run in which parts of the mind learnt.")],
    age: Annotated[float, typer.Argument(min=0, max=1, help="At which the stretch begins.")],
    num_random: Annotated[int, typer.Option("--random", min=2, help="Random modules.")] = 16,
) -> None:
    """Put a module back to what it was before it learnt: does the mind miss what it was taught?"""
    from upbringing.terminal.ablating import ablate_run

    ablate_run(run, age, num_random=num_random)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or studies: all their arms.")],
    age: Annotated[float, typer.Option(min=0, max=1, help="At which minds are compared.")] = 1.0,
    corpus: Annotated[
        Path | None, typer.Option(help="Whose held-out text is read; the runs' own by default.")
    ] = None,
    lang: Lang = None,
    held_out_bytes: Annotated[int, typer.Option(min=1, help="Of each kind.")] = 12_000,
    order_memory: Annotated[
        bool, typer.Option("--order-memory", help="Can it be seen when a scene was met?")
    ] = False,
    trait: Annotated[
        str | None, typer.Option(help="KINDS:KINDS, poles whose direction is looked for.")
    ] = None,
    add: Annotated[
        list[str] | None, typer.Option("--add", help="A measure of your own: FILE.py:FUNCTION.")
    ] = None,
    barrier: Annotated[
        bool, typer.Option("--barrier/--no-barrier", help="The loss barrier takes the longest.")
    ] = True,
    records: Annotated[
        Path | None, typer.Option("--json", callback=is_new, help="Also write the records.")
    ] = None,
) -> None:
    """Say how far apart minds are: what they expect, how they see text, where their weights lie."""
    from upbringing.terminal.comparing import Questions, compare_runs

    poles = poles_in(trait) if trait else None
    asked = Questions(
        age, held_out_bytes, corpus, lang, order_memory, poles, tuple(add or ()), barrier
    )
    compare_runs(runs, asked, records)


def talk(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or a study.")],
    prompt: Annotated[str, typer.Option(help="The same for every mind.")],
    age: Annotated[float, typer.Option(min=0, max=1, help="At which they are asked.")] = 1.0,
    seeds: Annotated[int, typer.Option(min=1, help="Samples of each mind.")] = 2,
    temperature: Annotated[float, typer.Option(min=0.01, help="Of the sampling.")] = 0.8,
    num_tokens: Annotated[int, typer.Option(min=1, help="Of each answer.")] = 60,
) -> None:
    """Give the same prompt to several minds."""
    from upbringing.character import Sampling
    from upbringing.terminal.talking import talk_to

    talk_to(runs, prompt, age, Sampling(temperature, num_tokens, seeds))
