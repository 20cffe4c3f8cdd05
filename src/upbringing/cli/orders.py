"""Scenes → order: composing, planning, compiling, showing, and the ways out and in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from upbringing.cli.options import (
    BatchRule,
    BatchSize,
    CorpusOption,
    Lang,
    Out,
    PeakRate,
    Priority,
    RowLength,
    Schedule,
    Seed,
    Shape,
    Weighs,
    WeightDecay,
    curve_in,
    is_new,
    some_names,
    spoken,
    vectors_in,
)
from upbringing.errors import InputError


def compose(
    corpus: Annotated[Path, typer.Argument(help="A corpus folder.")],
    intention: Annotated[
        str | None,
        typer.Argument(
            help="A character, a sketch ('myth, then chat, then the rest'), 'first KIND'."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", callback=is_new)] = Path(
        "ltm_curriculum.yaml"
    ),
    like: Annotated[Path | None, typer.Option(help="A text that the life shall follow.")] = None,
    lang: Lang = None,
    vectors: Annotated[
        str, typer.Option(help="tfidf, FILE.npy, model2vec=FOLDER, sentence_transformers=FOLDER.")
    ] = "tfidf",
    book: Annotated[str, typer.Option(help="Of recipes: claimed or measured.")] = "claimed",
) -> None:
    """Write a life for a corpus and an intention, with a comment on each choice."""
    from upbringing.corpus import Corpus
    from upbringing.files import read_text, write_json, write_text
    from upbringing.order import SCHEMA_FILE, SCHEMA_LINE, curriculum_schema
    from upbringing.order import compose as compose_life
    from upbringing.terminal.console import say

    text = compose_life(
        Corpus.open(corpus),
        intention,
        example=None if like is None else read_text(like),
        lang=lang,
        vectors=vectors_in(vectors),
        book=book,
    )
    write_text(out, f"{SCHEMA_LINE}\n{text}")
    write_json(out.with_name(SCHEMA_FILE), curriculum_schema())
    say(f"{out}: change it as you like, then `upbringing order {out} --corpus {corpus} -o order`")


def order(
    curriculum: Annotated[Path, typer.Argument(help="ltm_curriculum.yaml")],
    corpus: CorpusOption,
    out: Out,
    seed: Seed = None,
    schema: Annotated[  # noqa: ARG001  (it is answered before the rest is read)
        bool,
        typer.Option(
            "--schema",
            is_eager=True,
            callback=_say_schema,
            help="Print the JSON Schema of a curriculum, for editors, and stop.",
        ),
    ] = False,
) -> None:
    """Compile a curriculum into the exact order of a corpus."""
    from upbringing.corpus import Corpus
    from upbringing.order import compile_order, load_curriculum
    from upbringing.terminal.looking import say_order

    compiled = compile_order(Corpus.open(corpus), load_curriculum(curriculum), seed=seed)
    compiled.save(out)
    say_order(compiled, f"order {out}")


def controls(
    curriculum: Annotated[Path, typer.Argument(help="ltm_curriculum.yaml")],
    out: Out,
) -> None:
    """Write the controls of a curriculum: its visits in six other orders, as files."""
    from upbringing.files import staged, write_json, write_text
    from upbringing.order import SCHEMA_FILE, control_files, curriculum_schema
    from upbringing.terminal.console import say

    files = control_files(curriculum)
    with staged(out) as draft:
        for name, text in files.items():
            write_text(draft / name, text)
        write_json(draft / SCHEMA_FILE, curriculum_schema())
    for name in files:
        say(str(out / name))


def plan(
    curriculum: Annotated[Path, typer.Argument(help="ltm_curriculum.yaml")],
    corpus: CorpusOption,
    seed: Seed = None,
    shape: Shape = None,
    schedule: Schedule = "linear",
    priority: Priority = None,
    weighs: Weighs = "rate",
    batch_size: BatchSize = 8,
    batch_rule: BatchRule = "sqrt",
    row_length: RowLength = 128,
    peak_lr: PeakRate = None,
    weight_decay: WeightDecay = 0.1,
    svg: Annotated[
        Path | None,
        typer.Option(callback=is_new, help="Draw order and imprint to this new file."),
    ] = None,
) -> None:
    """Say what a curriculum would do on a corpus, and what it would cost. Keeps nothing."""
    from upbringing.terminal.planning import show_plan
    from upbringing.training import Life

    life = Life(
        shape=shape,
        schedule=curve_in(schedule, "--schedule"),
        priority=priority and curve_in(priority, "--priority"),
        weighs=weighs,
        batch_size=batch_size,
        batch_rule=batch_rule,
        row_length=row_length,
        peak_lr=peak_lr,
        weight_decay=weight_decay,
    )
    show_plan(curriculum, corpus, life, seed=seed, svg=svg)


def show(
    artefact: Annotated[Path, typer.Argument(help="A corpus, order, run or study.")],
    corpus: Annotated[Path | None, typer.Option(help="An order's corpus.")] = None,
    at: Annotated[float | None, typer.Option(help="What is read at this age, 0 to 1?")] = None,
    scene: Annotated[str | None, typer.Option(help="When is the scene of this id met?")] = None,
    against: Annotated[Path | None, typer.Option(help="Another order: what moved?")] = None,
    svg: Annotated[
        Path | None, typer.Option(callback=is_new, help="Draw it to this new file.")
    ] = None,
    arrange: Annotated[
        str | None, typer.Option(help="What would this arrangement do to a corpus? YAML.")
    ] = None,
    select: Annotated[str | None, typer.Option(help="To these of its scenes. YAML.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the arrangement.")] = None,
) -> None:
    """Show what an artefact holds: a tree, a ribbon, a moment of it, what differs in another."""
    from upbringing.terminal.arranging import Trial, show_trial
    from upbringing.terminal.showing import Question, show_artefact

    question, trial = Question(at, scene, against, svg), Trial(arrange, select, seed)
    if trial.asked:
        show_trial(artefact, trial, question)
    else:
        show_artefact(artefact, question, corpus=corpus)


def export(
    order: Annotated[Path, typer.Argument(help="An order; a study or a run as lm-eval.")],
    as_: Annotated[
        str,
        typer.Option("--as", help="jsonl, parquet, hf, numpy, rows, megatron, mds; lm-eval."),
    ],
    out: Out,
    corpus: Annotated[Path | None, typer.Option(help="An order's corpus.")] = None,
    tokenizer: Annotated[Path | None, typer.Option(help="tokenizer.json, for tokens.")] = None,
    row_length: Annotated[int | None, typer.Option(help="Tokens of a row.")] = None,
    packing: Annotated[str | None, typer.Option(help="stream, whole or single.")] = None,
    ranks: Annotated[int | None, typer.Option(help="Processes that will read it.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Rows of an optimiser step: the last one is filled.")
    ] = None,
    description: Annotated[
        Path | None, typer.Option(help="What Megatron wrote of its dataset, for its index cache.")
    ] = None,
    positive: Annotated[str | None, typer.Option(help="lm-eval, a run: kinds of a pole.")] = None,
    negative: Annotated[str | None, typer.Option(help="lm-eval, a run: of the other.")] = None,
    axis: Annotated[
        list[str] | None, typer.Option(help="lm-eval, a run: an axis, as in measure.")
    ] = None,
    lang: Annotated[
        str | None, typer.Option(callback=spoken, help="lm-eval, a run: by default what it read.")
    ] = None,
) -> None:
    """Write an order for another trainer, or what minds are asked for lm-evaluation-harness."""
    from upbringing.corpus import Corpus
    from upbringing.exports import ExportOptions, export_order
    from upbringing.order import Order
    from upbringing.terminal.console import say

    if as_ == "lm-eval":
        from upbringing.terminal.harnessing import export_harness

        poles = (some_names(positive), some_names(negative))
        export_harness(order, out, *poles, axes=axis or (), lang=lang)
        return
    if corpus is None:
        raise InputError("an order is exported with its corpus", do="add --corpus FOLDER")
    options = ExportOptions(
        as_, tokenizer, row_length, packing, ranks, batch_size, description
    )  # fmt: skip
    opened = Corpus.open(corpus)
    facts = export_order(Order.open(order, opened), out, options).facts
    rows = f", {facts['num_rows']:,} rows" if "num_rows" in facts else ""
    say(f"{out}: {facts['num_visits']:,} visits{rows}; what must be set is in {out / 'README.md'}")


def import_(
    sources: Annotated[
        list[Path],
        typer.Argument(help="A list of ids or of numbers, or an export; results of lm-eval."),
    ],
    out: Out,
    corpus: Annotated[Path | None, typer.Option(help="Of whose scenes it is a list.")] = None,
    as_: Annotated[
        str | None, typer.Option("--as", help="ids, hf, pythia or rows; lm-eval.")
    ] = None,
    column: Annotated[str, typer.Option(help="Of a table: which holds the ids.")] = "id",
    documents: Annotated[
        Path | None, typer.Option(help="Ids that numbers count; the corpus's scenes by default.")
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="lm-eval: the study of runs evaluated elsewhere.")
    ] = None,
) -> None:
    """Make an order of a list that another tool wrote, or readings of results of lm-eval."""
    from upbringing.corpus import Corpus
    from upbringing.exports import import_order
    from upbringing.terminal.console import say
    from upbringing.terminal.looking import say_order

    if as_ == "lm-eval":
        from upbringing.terminal.harnessing import import_harness

        import_harness(sources, out, study)
        return
    if corpus is None or len(sources) > 1:
        what = "an order is made of one list and a corpus"
        raise InputError(what, do="name one list, and --corpus FOLDER")
    imported = import_order(
        sources[0], Corpus.open(corpus), as_, column=column, documents=documents
    )
    imported.order.save(out)
    for note in imported.notes:
        say(note)
    say_order(imported.order, f"order {out}")


def _say_schema(asked: bool) -> None:
    if asked:
        from upbringing.order import curriculum_schema

        typer.echo(json.dumps(curriculum_schema(), indent=2, ensure_ascii=False))
        raise typer.Exit
