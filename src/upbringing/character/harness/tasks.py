"""Tasks: what a mind is asked, as YAML and JSON Lines that lm-evaluation-harness reads offline.

    folder/NAME.yaml          a task, by its own name and under the tag `upbringing`
    folder/data/NAME.jsonl    its items
    folder/README.md          the command, and what must be set so that the figures are ours
    folder/harness.json       manifest: what was asked, and how many items could not be

A task's metadata says which measure it is, on which subject, and which items it holds, and comes
back with the results.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from upbringing.character.harness.readme import readme
from upbringing.character.harness.wording import Choice, Window, Wording
from upbringing.character.likelihood import Passage
from upbringing.character.probes import Pair, Probes
from upbringing.errors import InputError
from upbringing.files import Manifest, staged, write_manifest, write_text
from upbringing.identity import digest_bytes

FORMAT = "harness/1"
TAG = "upbringing"

STYLE = "style_margin"
KNOWLEDGE, FACTS = "knowledge_margin", "facts"
BITS = "bits_per_byte"

ROLLING = "rolling"
SIDES = ("positive", "negative", "positive_alone", "negative_alone")
"""The parts of a pair, the first two behind its opening."""


@dataclass(frozen=True)
class HarnessTask:
    """One task: its measure and subject, its items as rows of JSON, and how many were left out."""

    name: str
    measure: str
    subject: str
    rows: tuple[Mapping[str, Any], ...]
    num_left_out: int

    @property
    def num_items(self) -> int:
        """How many pairs, facts or texts it asks about."""
        return len({row["item"] for row in self.rows})

    @property
    def lines(self) -> str:
        """The items as JSON Lines."""
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows)

    @property
    def items(self) -> str:
        """The digest of its items: results of other items are not compared."""
        return digest_bytes(self.lines.encode())[:16]


def export_tasks(checkpoint: Path, row_length: int, probes: Probes, place: Path) -> Manifest:
    """Write what `probes` ask at `place`, which must not exist: pairs, facts, held-out text.

    The checkpoint, of rows of `row_length` tokens, lends its tokenizer. A task without an item that
    comes to the same tokens in the harness is not written, and has 0 items in the manifest's facts.
    Raises `InputError` where there is no other.
    """
    wording = Wording(checkpoint, row_length)
    tasks = list(_tasks(wording, probes))
    if not any(task.rows for task in tasks):
        raise InputError(
            "nothing that this mind is asked is read by the harness in the same tokens",
            where=str(checkpoint),
            do="ask a mind whose tokenizer splits at spaces",
        )
    settings = {"max_length": row_length, "prefix_token_id": wording.end_of_text}
    with staged(place) as draft:
        (draft / "data").mkdir()
        for task in (task for task in tasks if task.rows):
            write_text(draft / "data" / f"{task.name}.jsonl", task.lines)
            write_text(draft / f"{task.name}.yaml", _yaml(task))
        counts = {task.name: (task.num_items, task.num_left_out) for task in tasks}
        write_text(draft / "README.md", readme(TAG, settings, counts))
        return write_manifest(
            draft,
            FORMAT,
            recipe={"probes": probes.recipe, **settings},
            inputs={"corpus": probes.corpus.digest},
            facts={
                task.name: {
                    "measure": task.measure,
                    "subject": task.subject,
                    "items": task.items,
                    "num_items": task.num_items,
                    "num_left_out": task.num_left_out,
                }
                for task in tasks
            },
            only=("*.yaml", "data/*.jsonl"),
        )


def _tasks(wording: Wording, probes: Probes) -> Iterator[HarnessTask]:
    names = _Names()
    for axis, pairs in probes.pairs.items():
        told = [_pair(wording, number, pair) for number, pair in enumerate(pairs)]
        rows = [row for parts in told for row in parts]
        left_out = sum(not parts for parts in told)
        yield HarnessTask(names.give("style", axis), STYLE, axis, tuple(rows), left_out)
    if probes.questions:
        facts = [(q, wording.choice(q.options)) for q in probes.questions]
        rows = [
            _row(number, item, question.answer)
            | {"relation": question.relation, "kind": question.kind, "is_told": question.is_told}
            for number, (question, item) in enumerate(facts)
            if item
        ]
        name = names.give("knowledge", FACTS)
        yield HarnessTask(name, KNOWLEDGE, FACTS, tuple(rows), len(facts) - len(rows))
    for kind, passages in probes.held_out.items():
        told = [
            _rows(wording.windows(passage), item=number, num_bytes=passage.num_bytes)
            for number, passage in enumerate(passages)
        ]
        rows = [row for parts in told for row in parts]
        left_out = sum(not parts for parts in told)
        yield HarnessTask(names.give("bits", kind), BITS, kind, tuple(rows), left_out)
        texts = [wording.text(passage) for passage in passages]
        rows = [{"item": number, "text": text} for number, text in enumerate(texts) if text]
        name = names.give(ROLLING, kind)
        yield HarnessTask(name, ROLLING, kind, tuple(rows), len(texts) - len(rows))


def _pair(wording: Wording, number: int, pair: Pair) -> list[dict[str, Any]]:
    """The windows of a pair's sides, behind the opening and alone; all of them or none."""
    found = []
    for side in SIDES:
        passage: Passage = getattr(pair, side)
        rows = _rows(wording.windows(passage), item=number, side=side, num_bytes=passage.num_bytes)
        if not rows:
            return []
        found += rows
    return found


def _rows(windows: Sequence[Window] | None, **same: Any) -> list[dict[str, Any]]:
    return [{**same, "given": window.given, "text": window.text} for window in windows or ()]


def _row(number: int, item: Choice | None, answer: int) -> dict[str, Any]:
    assert item is not None
    return {"item": number, "given": item.given, "options": list(item.options), "answer": answer}


class _Names:
    """Task names that a file can have, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, what: str, subject: str) -> str:
        plain = re.sub(r"[^\w-]+", "-", subject.replace("–", "-")).strip("-") or "x"
        name = f"{TAG}_{what}_{plain}"
        while name in self._taken:
            name += "x"
        self._taken.add(name)
        return name


def _yaml(task: HarnessTask) -> str:
    form = {"doc_to_text": "given", "doc_to_target": "text"}
    output, metric, metadata = "loglikelihood", "acc", _metadata(task)
    if task.measure == KNOWLEDGE:
        output = "multiple_choice"
        form = {"doc_to_text": "given", "doc_to_choice": "options", "doc_to_target": "answer"}
    elif task.measure == ROLLING:
        output, metric, metadata = "loglikelihood_rolling", BITS, {}
        form = {"doc_to_text": "", "doc_to_target": "text"}
    said = {
        "task": task.name,
        "tag": TAG,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": f"data/{task.name}.jsonl"}},
        "test_split": "test",
        "output_type": output,
        **form,
        "target_delimiter": "",
        "num_fewshot": 0,
        "metric_list": [{"metric": metric}],
        "metadata": {"version": 1.0, **metadata},
    }
    text = io.StringIO()
    YAML().dump(said, text)
    return text.getvalue()


def _metadata(task: HarnessTask) -> dict[str, Any]:
    return {TAG: {"measure": task.measure, "subject": task.subject, "items": task.items}}
