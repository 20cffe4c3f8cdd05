"""Results: what lm-evaluation-harness found out about a mind, as readings in our units.

    results_DATE.json               a file of `--output_path`: the mind, the settings, each metric
    samples_TASK_DATE.jsonl         beside it, of `--log_samples`: the log-likelihoods of each item

Of tasks that `tasks` wrote, margins and bits are worked out from the items, by the formulas of the
measures of the same names. Of any other task each metric is a reading of the measure
`lm-eval:TASK`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.character.harness.running import PREFIX, UNIT, metrics_of
from upbringing.character.harness.tasks import BITS, KNOWLEDGE, SIDES, STYLE, TAG
from upbringing.character.knowledge import NEVER_TOLD
from upbringing.character.measures import Reading
from upbringing.character.questions import Question
from upbringing.character.recall import margins
from upbringing.errors import ArtefactError, InputError, Problem
from upbringing.files import read_json

FloatArray = npt.NDArray[np.float64]

BY_KIND = "knowledge_by_kind"
_LN2 = float(np.log(2))


@dataclass(frozen=True)
class Result:
    """What one results file says of one mind.

    checkpoint  the folder that was evaluated, as the harness was told it
    items       the digest of the items behind each of our tasks, by (measure, subject)
    notes       settings under which figures are not ours, in words
    """

    file: Path
    checkpoint: str
    readings: tuple[Reading, ...]
    items: Mapping[tuple[str, str], str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Scored:
    """The items of one task: log-likelihoods in nats, a list an item, and the item itself."""

    measure: str
    subject: str
    items: str
    nats: list[list[float]]
    docs: list[Mapping[str, Any]]


def read_results(sources: Sequence[Path]) -> list[Result]:
    """Every results file that is named or lies in a named folder, by name.

    Raises `InputError`, for all files at once, where there is none, where it isn't one, where the
    items of our tasks were not logged or not all asked.
    """
    files, problems = [], []
    for source in sources:
        found = [source] if source.is_file() else sorted(source.rglob("results_*.json"))
        files += found
        if not found:
            what = "holds no results_*.json" if source.exists() else "no such file or folder"
            problems.append(Problem(what, str(source), do="name what `--output_path` was"))
    results = []
    for file in dict.fromkeys(files):
        try:
            results.append(_read(file))
        except (InputError, ArtefactError) as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return results


def _read(file: Path) -> Result:
    said = read_json(file)
    where = str(file)
    if not isinstance(said, dict) or not {"results", "configs", "config"} <= said.keys():
        raise InputError("is no results file of lm-evaluation-harness", where=where)
    scored, readings = [], []
    for task, metrics in {**said["results"], **said.get("groups", {})}.items():
        ours = (said["configs"].get(task, {}).get("metadata") or {}).get(TAG)
        if ours:
            scored.append(_scored(file, task, ours, _num_asked(task, said, where)))
        else:
            found = metrics_of(metrics).items()
            readings += [Reading(f"{PREFIX}{task}", name, value, UNIT) for name, value in found]
    try:
        own = [*_style(scored), *_knowledge(scored), *_bits(scored)]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        what = f"the items that were logged are not those of our tasks: {error}"
        raise ArtefactError(what, where=where) from error
    return Result(
        file,
        _checkpoint(said, where),
        (*own, *readings),
        {(one.measure, one.subject): one.items for one in scored},
        tuple(_notes(said, file)) if scored else (),
    )


def _num_asked(task: str, said: Mapping[str, Any], where: str) -> int | None:
    """How many items were asked. Raises `InputError` where that's not all of them."""
    asked = said.get("n-samples", {}).get(task, {})
    if asked.get("effective") != asked.get("original"):
        what = f"{task} was asked {asked.get('effective')} of {asked.get('original')} items"
        raise InputError(what, where=where, do="leave --limit out")
    number: int | None = asked.get("effective")
    return number


def _scored(file: Path, task: str, ours: Mapping[str, str], num_items: int | None) -> _Scored:
    """The logged items of a task, of which there are so many, where that is known."""
    samples = file.with_name(f"samples_{task}_{file.stem.removeprefix('results_')}.jsonl")
    if not samples.is_file():
        raise InputError(
            f"the items of {task} are not there ({samples.name})",
            where=str(file),
            do="run the harness with --log_samples",
        )
    try:
        rows = [json.loads(line) for line in samples.read_text("utf-8").splitlines() if line]
        nats = [[_nats(answer) for answer in row["resps"]] for row in rows]
        docs = [row["doc"] for row in rows]
        if len(rows) != (num_items or len(rows)) or not rows:
            raise ValueError(f"{len(rows)} of {num_items} are there")
        order = sorted(range(len(docs)), key=lambda n: docs[n]["item"])
        return _Scored(
            ours["measure"],
            ours["subject"],
            ours["items"],
            [nats[n] for n in order],
            [docs[n] for n in order],
        )
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ArtefactError(f"is no log of items: {error}", where=str(samples)) from error


def _nats(answers: Any) -> float:
    """The log-likelihood in what is logged of a request: `[["-12.5", "False"]]` or `["-12.5"]`."""
    answer = answers[0]
    return float(answer[0] if isinstance(answer, list) else answer)


def _of(scored: Sequence[_Scored], measure: str) -> Iterator[_Scored]:
    return (one for one in scored if one.measure == measure)


def _style(scored: Sequence[_Scored]) -> Iterator[Reading]:
    """The three margins of each axis, as `character.style` has them."""
    for one in _of(scored, STYLE):
        bits, sizes = _summed(one, "item", "side")
        pairs = sorted({item for item, _ in bits})
        a, b, a_alone, b_alone = (np.array([bits[n, side] for n in pairs]) for side in SIDES)
        of_a, of_b = (np.array([sizes[n, side] for n in pairs]) for side in SIDES[:2])
        margins = {
            "style_margin": (b / of_b - a / of_a, "bits/byte"),
            "style_margin_sum": (b - a, "bits"),
            "style_margin_pmi": ((a_alone - a) / of_a - (b_alone - b) / of_b, "bits/byte"),
        }
        for measure, (margin_N, unit) in margins.items():
            yield Reading(measure, one.subject, float(margin_N.mean()), unit)


def _summed(
    one: _Scored, *names: str
) -> tuple[dict[tuple[Any, ...], float], dict[tuple[Any, ...], int]]:
    """Bits over the windows of each passage, and its bytes; a passage is what agrees in `names`."""
    bits: dict[tuple[Any, ...], float] = {}
    sizes = {}
    for doc, (nats,) in zip(one.docs, one.nats, strict=True):
        passage = tuple(doc[name] for name in names)
        bits[passage] = bits.get(passage, 0.0) - nats / _LN2
        sizes[passage] = doc["num_bytes"]
    return bits, sizes


def _knowledge(scored: Sequence[_Scored]) -> Iterator[Reading]:
    """`knowledge_by_kind`, and `knowledge_margin` of facts never told: which of the others were met
    is not known here.
    """
    for one in _of(scored, KNOWLEDGE):
        asked = [
            Question(-1, doc["kind"], doc["is_told"], doc["relation"], doc["answer"], ())
            for doc in one.docs
        ]
        margin_Q = margins(asked, [-np.array(nats) / _LN2 for nats in one.nats])
        groups: dict[tuple[str, str], list[float]] = {}
        for question, margin in zip(asked, margin_Q.tolist(), strict=True):
            told = (BY_KIND, question.kind) if question.is_told else (KNOWLEDGE, NEVER_TOLD)
            if np.isfinite(margin):
                groups.setdefault(told, []).append(margin)
        for (measure, subject), found in sorted(groups.items()):
            yield Reading(measure, subject, float(np.mean(found)), "bits")


def _bits(scored: Sequence[_Scored]) -> Iterator[Reading]:
    """Held-out bits per byte of each kind, and of all: their mean."""
    by_kind = {}
    for one in _of(scored, BITS):
        bits, sizes = _summed(one, "item")
        by_kind[one.subject] = sum(bits.values()) / sum(sizes.values())
    if by_kind:
        by_kind["all"] = float(np.mean(list(by_kind.values())))
    for kind, value in by_kind.items():
        yield Reading(BITS, kind, value, "bits/byte")


def _checkpoint(said: Mapping[str, Any], where: str) -> str:
    """The folder that was evaluated."""
    args = said["config"].get("model_args") or {}
    if isinstance(args, str):
        args = dict(pair.partition("=")[::2] for pair in args.split(","))
    found = args.get("pretrained")
    if not found:
        raise InputError("does not say which checkpoint was evaluated", where=where)
    return str(found)


def _notes(said: Mapping[str, Any], file: Path) -> Iterator[str]:
    dtype = str(said["config"].get("model_dtype"))
    if dtype != "torch.float32":
        yield f"{file}: was evaluated in {dtype}, so its figures are not those of fp32"
    if said.get("chat_template"):
        yield f"{file}: items were put into a chat template, so no figure is one of ours"
