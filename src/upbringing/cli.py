"""The command line: one thin command a verb. Heavy imports live inside commands."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from upbringing.destinations import check_new, kind_of
from upbringing.errors import InputError, StoppedError, UpbringingError

if TYPE_CHECKING:
    from upbringing.corpus import Fields
    from upbringing.corpus.vectors import Source
    from upbringing.training import Log

app = typer.Typer(
    help="Same model, same data, another order, another mind. And the proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# 128 and the number of SIGTERM or SIGINT, as a shell says it.
_TERMINATED, _INTERRUPTED = 143, 130


def _new(option: typer.CallbackParam, place: Path | None) -> Path | None:
    """A place to write, refused before the work where something lies there, or nothing can."""
    check_new(place, option.opts[0])
    return place


def _spoken(option: typer.CallbackParam, lang: str | None) -> str | None:
    """A language, or several, that are not an empty word."""
    if lang is not None and not all(part.strip() for part in lang.split(",")):
        raise InputError(f"{option.opts[0]} is {lang!r}", do="say a language, or leave it out")
    return lang


Out = Annotated[
    Path, typer.Option("-o", "--out", callback=_new, help="Where to write; must not exist.")
]
Texts = Annotated[list[Path] | None, typer.Argument(help="Folders of .txt/.md, or .jsonl files.")]
CorpusOption = Annotated[Path, typer.Option("--corpus", help="A corpus folder.")]
Lang = Annotated[
    str | None, typer.Option(callback=_spoken, help="The minds' language (en, ru, …).")
]
LangOfTexts = Annotated[
    str | None, typer.Option(callback=_spoken, help="Of texts that do not say theirs.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Takes the place of the curriculum's seed.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; one a core by default.")]
NoText = Annotated[bool, typer.Option("--no-text", help="Leave corpus text out of the page.")]
Sinks = Annotated[
    str | None, typer.Option(help="Mirror each step to tensorboard, trackio, wandb; with commas.")
]
LogTo = Annotated[Path | None, typer.Option(help="Where to; OUT/log by default.")]


class _Continues(TyperCommand):
    """A command that goes on where it was stopped, and says so after Ctrl-C."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            _say_saved(str(stopped) or "stopped")
            raise typer.Exit(_INTERRUPTED) from None


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"upbringing {importlib.metadata.version('upbringing')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Say it, and stop."),
    ] = False,
) -> None:
    pass


@app.command("raise", cls=_Continues)
def raise_(
    texts: Texts = None,
    first: Annotated[str | None, typer.Option(help="The kind under test.")] = None,
    last: Annotated[str | None, typer.Option(help="Its counterpart, at the far end.")] = None,
    preset: Annotated[str, typer.Option(help="quick, standard or confirm.")] = "quick",
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder of it all.")] = Path(
        "raised"
    ),
    lang: Lang = None,
    shape: Annotated[str | None, typer.Option(help="300k, 1m, 3m, 10m, 30m, 124m.")] = None,
    tokens: Annotated[int | None, typer.Option(help="Tokens of a life.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Minds an arm.")] = None,
    arms: Annotated[str | None, typer.Option(help="Of F,M,L,S,O,N.")] = None,
    schedules: Annotated[str | None, typer.Option(help="Of constant,linear,steep.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows of an optimiser step.")] = None,
    fields: Annotated[str | None, typer.Option(help="text=…,kind=…,lang=…,work=…,date=…")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend broken encodings.")] = False,
    workers: Workers = None,
    no_text: NoText = False,
    log: Sinks = None,
    log_to: LogTo = None,
) -> None:
    """Raise minds on the same scenes in several orders, and write what the order did."""
    from upbringing.protocol import TextSource, raise_minds, world_source
    from upbringing.study import preset as settings_of
    from upbringing.terminal.console import say
    from upbringing.terminal.study_progress import StudyProgress

    mirrored = _log(log, log_to, out)
    settings = settings_of(
        preset,
        name=f"{first or 'drama'} first",
        block=_split(first),
        against=_split(last) or (None if texts or preset != "quick" else ["technical"]),
        lang=lang or (None if texts else "en"),
        shape=shape,
        tokens=tokens,
        seeds=seeds,
        arms=_split(arms),
        schedules=_split(schedules),
        batch_size=batch_size,
    )
    source = (
        TextSource(texts, _fields(fields), lang, repair)
        if texts
        else world_source(
            lang or "en", {"--first": settings.block, "--last": settings.against or ()}
        )
    )
    try:
        raised = raise_minds(
            source,
            settings,
            out,
            num_workers=workers,
            with_text=not no_text,
            tell=say,
            watch=StudyProgress,
            log=mirrored,
        )
    except InputError as error:  # of kinds that a corpus of texts turns out to lack
        options = {"block": "--first", "against": "--last"}
        problems = [replace(p, where=options.get(p.where or "", p.where)) for p in error.problems]
        raise InputError(problems) from error
    say("")
    for line in raised.findings["answer"]:
        say(line)
    say(f"\n{raised.page}")


@app.command()
def ingest(
    texts: Annotated[list[Path], typer.Argument(help="Folders of .txt/.md, or .jsonl files.")],
    out: Out,
    lang: LangOfTexts = None,
    fields: Annotated[str | None, typer.Option(help="text=…,kind=…,lang=…,work=…,date=…")] = None,
    smallest: Annotated[int, typer.Option(help="Bytes of the smallest scene.")] = 300,
    largest: Annotated[int, typer.Option(help="Bytes of the largest scene.")] = 1500,
    repair: Annotated[bool, typer.Option("--repair", help="Mend broken encodings.")] = False,
) -> None:
    """Make a corpus of scenes from texts."""
    from upbringing.corpus import ingest as ingest_texts
    from upbringing.corpus import skipped_lines
    from upbringing.terminal.console import corpus_tree, say
    from upbringing.terminal.console import out as console

    corpus, reading = ingest_texts(
        texts, out, fields=_fields(fields), lang=lang,
        smallest_bytes=smallest, largest_bytes=largest, repair=repair,
    )  # fmt: skip
    for line in skipped_lines(reading):
        say(line)
    console.print(corpus_tree(corpus))


@app.command()
def world(
    out: Out,
    lang: Annotated[str, typer.Option(callback=_spoken, help="en, ru, or en,ru.")] = "en",
    events: Annotated[int, typer.Option(min=1, help="Events, thus scenes, a language.")] = 25_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the whole world.")] = 0,
    voices: Annotated[str | None, typer.Option(help="Some of them, with commas; else all.")] = None,
    probes: Annotated[int, typer.Option(min=1, help="Held-out events told in all voices.")] = 200,
    packets: Annotated[int, typer.Option(min=0, help="Events to place at an age of choice.")] = 0,
) -> None:
    """Write the built-in corpus: events told in many voices, made by rule from a seed."""
    from upbringing.corpus.world import VOICES, make_world
    from upbringing.report import write_corpus_page
    from upbringing.terminal.console import corpus_tree, say
    from upbringing.terminal.console import out as console

    corpus = make_world(
        out,
        langs=_names(lang),
        num_events=events,
        seed=seed,
        voices=_split(voices) or VOICES,
        num_probes=probes,
        num_packets=packets,
    )
    console.print(corpus_tree(corpus))
    say(str(write_corpus_page(corpus)))


@app.command()
def compose(
    corpus: Annotated[Path, typer.Argument(help="A corpus folder.")],
    intention: Annotated[
        str | None,
        typer.Argument(
            help="A character, a sketch ('myth, then chat, then the rest'), 'first KIND'."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", callback=_new)] = Path("ltm_curriculum.yaml"),
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
        vectors=_source(vectors),
        book=book,
    )
    write_text(out, f"{SCHEMA_LINE}\n{text}")
    write_json(out.with_name(SCHEMA_FILE), curriculum_schema())
    say(f"{out}: change it as you like, then `upbringing order {out} --corpus {corpus} -o order`")


def _say_schema(asked: bool) -> None:
    if asked:
        from upbringing.order import curriculum_schema

        typer.echo(json.dumps(curriculum_schema(), indent=2, ensure_ascii=False))
        raise typer.Exit


@app.command()
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


@app.command()
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


@app.command()
def plan(
    curriculum: Annotated[Path, typer.Argument(help="ltm_curriculum.yaml")],
    corpus: CorpusOption,
    seed: Seed = None,
    shape: Annotated[str, typer.Option(help="300k, 1m, 3m, 10m, 30m, 124m.")] = "300k",
    batch_size: Annotated[int, typer.Option(min=1, help="Where a phase names none.")] = 8,
    row_length: Annotated[int, typer.Option(min=8, help="Tokens of a row.")] = 128,
    schedule: Annotated[str, typer.Option(help="Of the learning rate.")] = "linear",
    svg: Annotated[
        Path | None, typer.Option(callback=_new, help="Draw order and imprint to this new file.")
    ] = None,
) -> None:
    """Say what a curriculum would do on a corpus, and what it would cost. Keeps nothing."""
    from upbringing.terminal.planning import show_plan

    show_plan(
        curriculum,
        corpus,
        seed=seed,
        shape=shape,
        batch_size=batch_size,
        row_length=row_length,
        schedule=_curve(schedule, "--schedule"),
        svg=svg,
    )


@app.command()
def show(
    artefact: Annotated[Path, typer.Argument(help="A corpus, order, run or study.")],
    corpus: Annotated[Path | None, typer.Option(help="An order's corpus.")] = None,
    at: Annotated[float | None, typer.Option(help="What is read at this age, 0 to 1?")] = None,
    scene: Annotated[str | None, typer.Option(help="When is the scene of this id met?")] = None,
    against: Annotated[Path | None, typer.Option(help="Another order: what moved?")] = None,
    svg: Annotated[
        Path | None, typer.Option(callback=_new, help="Draw it to this new file.")
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


@app.command(cls=_Continues)
def train(
    order: Annotated[Path, typer.Argument(help="An order folder.")],
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option("-o", "--out", help="The run; continues if it is there.")],
    shape: Annotated[str, typer.Option(help="300k, 1m, 3m, 10m, 30m, 124m.")] = "300k",
    from_: Annotated[
        Path | None, typer.Option("--from", help="A checkpoint that is raised further.")
    ] = None,
    schedule: Annotated[
        str, typer.Option(help="constant, linear, cosine, wsd, steep, inverse_sqrt, or a table.")
    ] = "linear",
    priority: Annotated[
        str | None, typer.Option(help="How much each age counts: a curve, as for --schedule.")
    ] = None,
    weighs: Annotated[str, typer.Option(help="Priority is a factor on: rate or loss.")] = "rate",
    seed: Annotated[int, typer.Option(min=0, help="Of the initial weights.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Where a phase names none.")] = 8,
    batch_rule: Annotated[
        str, typer.Option(help="How the rate follows a phase's batch size: sqrt, linear, none.")
    ] = "sqrt",
    row_length: Annotated[int, typer.Option(min=8, help="Tokens of a row.")] = 128,
    packing: Annotated[str, typer.Option(help="stream, whole or single.")] = "stream",
    attention: Annotated[str, typer.Option(help="across scenes, or within.")] = "across",
    peak_lr: Annotated[float | None, typer.Option(help="The shape's own by default.")] = None,
    tokenizer: Annotated[Path | None, typer.Option(help="tokenizer.json; else trained.")] = None,
    lora: Annotated[
        int | None, typer.Option(min=1, help="Rank of an adapter that learns alone.")
    ] = None,
    precision: Annotated[str, typer.Option(help="bf16, fp32 or fp64.")] = "bf16",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the model first.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    accumulation: Annotated[int, typer.Option(min=1, help="Micro-batches of a step.")] = 1,
    log: Sinks = None,
    log_to: LogTo = None,
) -> None:
    """Raise one mind on an order."""
    from upbringing.terminal.console import say
    from upbringing.terminal.progress import life_shown
    from upbringing.training import Life, raise_on_order

    life = Life(
        shape, _curve(schedule, "--schedule"), seed, batch_size, row_length, packing, attention,
        peak_lr, tokenizer, priority and _curve(priority, "--priority"), weighs, batch_rule, from_,
        lora, precision, compiled, threads, accumulation,
    )  # fmt: skip
    is_there = (out / "run.json").exists()
    with life_shown(out.name, _log(log, log_to, out)) as watch:
        run = raise_on_order(order, corpus, out, life, watch=watch)
    if int(os.environ.get("RANK", "0")):
        return  # the first process of a world speaks for all
    if is_there:
        say("raised already: nothing is left to do")
    if run.diverged_at is not None:
        say(f"the loss stopped being a number at step {run.diverged_at}: the life ends there")
    ledger = run.manifest.facts["ledger"][:16]
    say(f"{run.path}: ledger {ledger}, {len(run.checkpoints)} checkpoints")


@app.command()
def verify(
    runs: Annotated[list[Path], typer.Argument(help="Runs, studies, notes, or an export.")],
    as_: Annotated[str | None, typer.Option("--as", help="The format of an export.")] = None,
    order: Annotated[Path | None, typer.Option(help="The order that an export is of.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="An export's corpus.")] = None,
) -> None:
    """Check that what a run consumed, or an export holds, is its order, and nothing is damaged."""
    from upbringing.terminal.showing import verify_runs

    if as_ is None:
        verify_runs(runs)
        return
    from upbringing.exports import verify_export
    from upbringing.terminal.console import say

    if order is None or corpus is None:
        raise InputError("an export is checked against its order", do="say --order and --corpus")
    for place in runs:
        say(f"{place}: {verify_export(place, as_, order, corpus)}")


@app.command()
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
        str | None, typer.Option(callback=_spoken, help="lm-eval, a run: by default what it read.")
    ] = None,
) -> None:
    """Write an order for another trainer, or what minds are asked for lm-evaluation-harness."""
    from upbringing.corpus import Corpus
    from upbringing.exports import ExportOptions, export_order
    from upbringing.order import Order
    from upbringing.terminal.console import say

    if as_ == "lm-eval":
        from upbringing.terminal.harnessing import export_harness

        poles = (_split(positive), _split(negative))
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


@app.command("import")
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


@app.command()
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
    poles = (_names(positive), _names(negative)) if positive and negative else None
    measure_mind(run, poles, axis or (), add or (), lang)


@app.command()
def ablate(
    run: Annotated[Path, typer.Argument(help="A run in which parts of the mind learnt.")],
    age: Annotated[float, typer.Argument(min=0, max=1, help="At which the stretch begins.")],
    num_random: Annotated[int, typer.Option("--random", min=2, help="Random modules.")] = 16,
) -> None:
    """Put a module back to what it was before it learnt: does the mind miss what it was taught?"""
    from upbringing.character import ablate as put_back
    from upbringing.terminal.console import ablation_table, say, wide
    from upbringing.training import Run

    found = put_back(Run.open(run), age, num_random=num_random)
    learnt = f"{len(found.weights)} weights that learnt from age {found.from_age:g}"
    say(f"{learnt} to {found.to_age:g}, put back to what they were, beside {num_random} random")
    say("modules of that size; effects in bits per byte of held-out text")
    wide.print(ablation_table(found))


@app.command()
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
        Path | None, typer.Option("--json", callback=_new, help="Also write the records.")
    ] = None,
) -> None:
    """Say how far apart minds are: what they expect, how they see text, where their weights lie."""
    from upbringing.terminal.comparing import Questions, compare_runs

    poles = _poles(trait) if trait else None
    asked = Questions(
        age, held_out_bytes, corpus, lang, order_memory, poles, tuple(add or ()), barrier
    )
    compare_runs(runs, asked, records)


@app.command(cls=_Continues)
def study(
    settings: Annotated[Path, typer.Argument(help="study.yaml")],
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option("-o", "--out", help="The study; continues if it is there.")],
    workers: Workers = None,
    design_only: Annotated[
        bool, typer.Option("--design-only", help="Stop before training.")
    ] = False,
    gates_only: Annotated[
        bool, typer.Option("--gates-only", help="Raise poles and ladders, say what is measurable.")
    ] = False,
    log: Sinks = None,
    log_to: LogTo = None,
) -> None:
    """Raise and measure all minds of a study, and decide by its rules."""
    from upbringing.corpus import Corpus
    from upbringing.files import file_digest
    from upbringing.protocol import state_line, warnings_of
    from upbringing.settings import load_settings
    from upbringing.study import StudySettings, conclude, execute, gates, lines_of, prepare
    from upbringing.study.preregistration import FILE as PREREGISTRATION
    from upbringing.terminal.console import gates_table, say, wide
    from upbringing.terminal.study_progress import StudyProgress

    mirrored = _log(log, log_to, out)
    design = prepare(load_settings(settings, StudySettings), Corpus.open(corpus), out)
    say(f"{out / 'study.json'}: {len(design.plans)} runs, design {design.digest[:16]}")
    written = out / PREREGISTRATION
    say(f"{written}: hashed before the first run, SHA-256 {file_digest(written)}")
    for line in warnings_of(design):
        say(line)
    if design_only:
        return
    say(state_line(design))
    with StudyProgress(design, rungs_only=gates_only) as progress:
        execute(
            design, rungs_only=gates_only, num_workers=workers, on_progress=progress, log=mirrored
        )
    if gates_only:
        wide.print(gates_table(gates(design)))
        return
    for line in lines_of(conclude(design)):
        say(line)


@app.command()
def power(
    pilot: Annotated[Path | None, typer.Argument(help="A concluded study; or --seed-sd.")] = None,
    position: Annotated[str, typer.Option(help="The verdict that is hoped for.")] = "PRIMACY",
    effect: Annotated[float, typer.Option(min=0, help="Pole distances above other arms.")] = 0.3,
    seeds: Annotated[str, typer.Option(help="Numbers of seeds, with commas.")] = "6,8,10,12,16",
    arms: Annotated[str | None, typer.Option(help="The pilot's, or F,M,L,S.")] = None,
    axes: Annotated[int, typer.Option(min=1, help="How many the study will ask about.")] = 1,
    axis: Annotated[str | None, typer.Option(help="Of the pilot; its first by default.")] = None,
    schedule: Annotated[str | None, typer.Option(help="Of the pilot; its first.")] = None,
    seed_sd: Annotated[float | None, typer.Option(min=1e-6, help="In pole distances.")] = None,
) -> None:
    """Say how many seeds a verdict needs, before anything is trained."""
    from upbringing.terminal.powering import show_power

    show_power(
        position,
        effect,
        _numbers(seeds, "--seeds"),
        arms=_split(arms),
        num_axes=axes,
        pilot=pilot,
        axis=axis,
        schedule=schedule,
        seed_sd=seed_sd,
    )


@app.command()
def factorial(
    studies: Annotated[list[Path], typer.Argument(help="Concluded studies with shared seeds.")],
    out: Annotated[Path, typer.Option("-o", "--out", callback=_new, help="Its records.")] = Path(
        "factorial.json"
    ),
    axis: Annotated[
        str | None, typer.Option(help="One that all have; each block's own by default.")
    ] = None,
    declare: Annotated[
        str | None, typer.Option(help="Settings that may differ too, or corpus; with commas.")
    ] = None,
) -> None:
    """Set studies side by side: block × schedule × size, and what each factor changes."""
    from upbringing.terminal.factorial_tables import show_factorial

    show_factorial(studies, axis=axis, declared=_split(declare) or [], out=out)


@app.command(cls=_Continues)
def imprint(
    corpus: Annotated[Path, typer.Argument(help="A corpus folder; best a world with packets.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Continues if it is there.")],
    lang: Lang = None,
    shape: Annotated[str, typer.Option(help="300k, 1m, 3m, 10m, 30m, 124m.")] = "300k",
    schedules: Annotated[str, typer.Option(help="One or several, with commas.")] = "linear",
    ages: Annotated[int, typer.Option(help="At which packets are met, and packets a life.")] = 8,
    seeds: Annotated[int, typer.Option(help="Of twice as many lives as ages.")] = 4,
    tokens: Annotated[int | None, typer.Option(help="Of a life; all by default.")] = None,
    packet_scenes: Annotated[int, typer.Option(help="Where a corpus has no packets.")] = 8,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows of an optimiser step.")] = 8,
    row_length: Annotated[int, typer.Option(min=8, help="Tokens of a row.")] = 128,
    peak_lr: Annotated[float | None, typer.Option(help="The shape's own by default.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="AdamW's; 0.1 by default.")] = None,
    workers: Workers = None,
) -> None:
    """Measure what is left of text by the age at which it was met, beside what is predicted."""
    from upbringing.study import ImprintSettings
    from upbringing.terminal.imprinting import measure_imprint

    settings = ImprintSettings(
        lang=lang,
        shape=shape,
        schedules=tuple(_names(schedules)),
        num_ages=ages,
        num_seeds=seeds,
        tokens=tokens,
        scenes_a_packet=packet_scenes,
        batch_size=batch_size,
        row_length=row_length,
        peak_lr=peak_lr,
        weight_decay=weight_decay,
    )
    measure_imprint(corpus, settings, out, num_workers=workers)


@app.command()
def report(
    of: Annotated[Path, typer.Argument(help="A study folder, or a corpus folder.")],
    no_text: NoText = False,
    picture: Annotated[
        Path | None, typer.Option(callback=_new, help="Also write its picture, a new SVG.")
    ] = None,
) -> None:
    """Write the page of a study or of a corpus: one HTML file that asks nothing of the network."""
    from upbringing.corpus import Corpus
    from upbringing.files import write_text
    from upbringing.report import picture as picture_of
    from upbringing.report import write_corpus_page, write_page
    from upbringing.study import study_folder
    from upbringing.terminal.console import say

    kind = kind_of(of)
    if kind not in ("a corpus", "a study"):
        what = "no such folder" if not of.exists() else f"is {kind or 'no artefact of ours'}"
        raise InputError(what, where=str(of), allowed="a study or a corpus, of which a page is")
    if kind == "a corpus":
        if picture is not None:
            raise InputError("a corpus has no picture", where=str(of), do="leave --picture out")
        say(str(write_corpus_page(Corpus.open(of), with_text=not no_text)))
        return
    folder = study_folder(of)
    say(str(write_page(folder, with_text=not no_text)))
    if picture is not None:
        write_text(picture, picture_of(folder))
        say(str(picture))


@app.command()
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
    from upbringing.terminal.showing import talk_to

    talk_to(runs, prompt, age, Sampling(temperature, num_tokens, seeds))


axis_app = typer.Typer(help="Axes of character, as files.", no_args_is_help=True)
app.add_typer(axis_app, name="axis")


@axis_app.command("new")
def axis_new(
    name: Annotated[str, typer.Argument(help="NEGATIVE-POSITIVE, as calm-wild.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A folder.")] = Path(),
    lang: Annotated[
        str, typer.Option(callback=_spoken, help="Of the minds that are asked.")
    ] = "en",
) -> None:
    """Write a commented axis to fill in."""
    from upbringing.terminal.axes import write_new

    write_new(name, lang, out)


@axis_app.command("check")
def axis_check(
    axis: Annotated[str, typer.Argument(help="A file, or the name of one that is built in.")],
    corpus: Annotated[Path | None, typer.Option(help="On which it shall be asked.")] = None,
    lang: Lang = None,
) -> None:
    """Say all that is right or wrong with an axis, best on the corpus where it is asked."""
    from upbringing.terminal.axes import show_check

    show_check(axis, corpus, lang)


@axis_app.command("list")
def axis_list(lang: Lang = None) -> None:
    """List the axes that are built in."""
    from upbringing.terminal.axes import show_list

    show_list(_split(lang))


@axis_app.command("from-texts")
def axis_from_texts(
    negative: Annotated[Path, typer.Argument(help="A folder or file of texts: one pole.")],
    positive: Annotated[Path, typer.Argument(help="Another: the pole that measures grow to.")],
    out: Out,
    names: Annotated[str | None, typer.Option(help="NEGATIVE,POSITIVE; else theirs.")] = None,
    lang: LangOfTexts = None,
    fields: Annotated[str | None, typer.Option(help="text=…,lang=…,work=…,date=…")] = None,
) -> None:
    """Make an axis, and its corpus, of two heaps of text."""
    from upbringing.terminal.axes import make_from_texts

    make_from_texts(negative, positive, out, names=_split(names), lang=lang, fields=_fields(fields))


def _split(names: str | None) -> list[str] | None:
    return _names(names) if names else None


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _numbers(listed: str, option: str) -> list[int]:
    """`6,8,10` as numbers."""
    wrong = [said for said in _names(listed) if not said.isdigit() or int(said) < 2]
    if wrong or not _names(listed):
        raise InputError(f"{option} is {listed!r}", allowed="whole numbers from 2 on, with commas")
    return [int(said) for said in _names(listed)]


def _poles(said: str) -> tuple[list[str], list[str]]:
    """`drama,poetry:technical` as two lists of kinds."""
    positive, _, negative = said.partition(":")
    poles = _names(positive), _names(negative)
    if not all(poles):
        raise InputError(f"--trait is {said!r}", allowed="KINDS:KINDS, such as drama:technical")
    return poles


def _fields(given: str | None) -> Fields:
    from upbringing.corpus import Fields

    pairs = [pair.partition("=") for pair in _split(given) or []]
    known = Fields.__dataclass_fields__
    wrong = [name for name, _, value in pairs if name not in known or not value]
    if wrong:
        raise InputError(
            f"--fields has {wrong[0]!r}", allowed=", ".join(f"{n}=NAME" for n in known)
        )
    return Fields(**{name: value for name, _, value in pairs})


def _log(sinks: str | None, folder: Path | None, out: Path) -> Log:
    from upbringing.training import Log

    named = tuple(_split(sinks) or ())
    if folder is not None and not named:
        raise InputError("--log-to without --log", do="say what logs there: --log tensorboard")
    return Log(named, folder or out / "log")


def _curve(said: str, option: str) -> Any:
    """A name as it is; what looks like a map as YAML."""
    if not said.lstrip().startswith("{"):
        return said
    from upbringing.yaml_tree import read_tree

    return dict(read_tree(said, name=option))


def _source(said: str) -> Source:
    """`model2vec=FOLDER` as a curriculum writes it, `{model2vec: FOLDER}`; what it names is there.

    It is checked although some intentions compare no scenes, and would not look at it.
    """
    from upbringing.corpus.vectors import MODELS, TFIDF

    name, equals, folder = said.partition("=")
    if said == TFIDF or (equals and name in MODELS and Path(folder).is_dir()):
        return {name: folder} if equals else said
    if said.endswith(".npy") and not equals and Path(said).is_file():
        return said
    raise InputError(
        f"no vectors are {said!r}",
        where="--vectors",
        allowed=", ".join([TFIDF, "FILE.npy", *(f"{model}=FOLDER" for model in MODELS)]),
        do="name a file or a folder that is there",
    )


def _say_saved(stopped: str) -> None:
    print(f"{stopped}, saved: the same command continues", file=sys.stderr)  # noqa: T201


def main() -> None:
    """Run the command line; a problem that a person can mend exits with 2 and no traceback.

    Stopped by SIGTERM it exits with 143, and by Ctrl-C with 130, as if the signal had ended it,
    when all is saved.
    """
    try:
        app(prog_name="upbringing")
    except StoppedError as error:
        _say_saved(str(error))
        sys.exit(_TERMINATED)
    except UpbringingError as error:
        problem = str(error)
    except OSError as error:
        if error.filename is None:  # not about a file that a person named
            raise
        problem = f"{error.filename}: {error.strerror}"
    else:
        return
    print(f"error: {problem}", file=sys.stderr)  # noqa: T201
    sys.exit(2)
