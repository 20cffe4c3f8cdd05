"""Compile: curriculum + corpus → the exact sequence of visits.

Every phase selects its scenes and ranks them; one sort by (phase, pass, rank, scene key) is the
order. The result is a pure function of the corpus columns that the curriculum reads, the curriculum
and the seed. Only scenes of the `train` split can be visited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.corpus import Corpus
from upbringing.corpus.store import TRAIN
from upbringing.errors import InputError, Problem, SettingsError
from upbringing.identity import keyed_hash
from upbringing.order.curriculum import Curriculum, Phase, Selection
from upbringing.order.order import Order, PhaseSpan
from upbringing.order.places import Selected, columns_read, ranks_of
from upbringing.order.sorting import Rows, argsort
from upbringing.settings import suggestion

_FIELDS = ("kind", "lang", "work", "document")


def compile_order(corpus: Corpus, curriculum: Curriculum, *, seed: int | None = None) -> Order:
    """The order that `curriculum` gives on `corpus`; `seed` takes the place of its own.

    Raises `SettingsError` with every selection that is empty, overlaps another or names what the
    corpus does not have.
    """
    seed = curriculum.seed if seed is None else seed
    names = _columns(curriculum)
    life = _life(corpus, curriculum, names)
    claims = _claims(curriculum, life, seed)
    parts: list[Rows] = []
    spans: list[PhaseSpan] = []
    problems: list[Problem] = []
    start = 0
    for number, (phase, chosen) in enumerate(zip(curriculum.phases, claims, strict=True)):
        scenes = life.filter(pl.Series(chosen))
        try:
            parts += [_arranged(scenes, phase, seed, passed) for passed in range(phase.passes)]
        except InputError as error:
            where = curriculum.where("phases", number, "arrange")
            problems += [replace(problem, where=where) for problem in error.problems]
        stop = start + phase.passes * scenes.height
        spans.append(PhaseSpan(phase.name, start, stop, phase.batch_size, phase.lr_scale))
        start = stop
    _raise_all(problems)
    return Order.from_rows(
        corpus,
        np.concatenate(parts),
        phases=spans,
        recipe={"curriculum": curriculum.model_dump(mode="json", exclude_defaults=True)},
        seed=seed,
        columns=names,
    )


def _columns(curriculum: Curriculum) -> tuple[str, ...]:
    """The corpus columns that the order depends on, in a fixed order."""
    names = ["key", "split", "num_bytes"]
    selections = [phase.scenes for phase in curriculum.phases] + [curriculum.scenes]
    for selection in selections:
        if isinstance(selection, Selection):
            names += [field for field in _FIELDS if getattr(selection, field) is not None]
    for phase in curriculum.phases:
        names += columns_read(phase.arrange)
    return tuple(dict.fromkeys(names))


def _life(corpus: Corpus, curriculum: Curriculum, names: Sequence[str]) -> pl.DataFrame:
    """The training scenes the curriculum is about, with their row in the corpus."""
    frame = corpus.columns(names).with_row_index("row").filter(split=TRAIN)
    if curriculum.scenes is None:
        return frame
    problems: list[Problem] = []
    chosen = _select(frame, curriculum, curriculum.scenes, ("scenes",), problems)
    _raise_all(problems)
    # Not drawn by the seed: a study's seeds live through the same scenes.
    return frame.filter(pl.Series(_deal(frame, chosen, curriculum.scenes, seed=0)))


def _claims(curriculum: Curriculum, life: pl.DataFrame, seed: int) -> list[npt.NDArray[np.bool_]]:
    """Which scenes each phase owns, as masks over `life`; `rest` takes what no other claims."""
    problems: list[Problem] = []
    owner = np.full(life.height, -1)
    masks: dict[int, npt.NDArray[np.bool_]] = {}
    for number, phase in enumerate(curriculum.phases):
        if not isinstance(phase.scenes, Selection):
            continue
        path = ("phases", number, "scenes")
        num_problems = len(problems)
        chosen = _select(life, curriculum, phase.scenes, path, problems)
        masks[number] = chosen = _deal(life, chosen, phase.scenes, seed)
        if not chosen.any() and len(problems) == num_problems:
            problems.append(_no_scene(curriculum, number))
        taken = owner[chosen & (owner >= 0)]
        if taken.size:
            first = curriculum.phases[int(taken[0])].name
            what = f"{taken.size} scenes of phase {phase.name!r} belong to {first!r} already"
            problems.append(Problem(what, curriculum.where(*path), do="let one phase own them"))
        owner[chosen] = number
    for number, phase in enumerate(curriculum.phases):
        if phase.scenes == "rest":
            masks[number] = owner < 0
            if not masks[number].any():
                problems.append(_no_scene(curriculum, number))
    _raise_all(problems)
    return [masks[number] for number in range(len(curriculum.phases))]


def _no_scene(curriculum: Curriculum, number: int) -> Problem:
    what = f"phase {curriculum.phases[number].name!r} selects no scene"
    return Problem(what, curriculum.where("phases", number, "scenes"))


def _select(
    frame: pl.DataFrame,
    curriculum: Curriculum,
    selection: Selection,
    path: tuple[int | str, ...],
    problems: list[Problem],
) -> npt.NDArray[np.bool_]:
    """Scenes that match every field; values that the corpus lacks go to `problems`."""
    chosen = np.ones(frame.height, dtype=bool)
    for field in _FIELDS:
        wanted: tuple[str, ...] | None = getattr(selection, field)
        if wanted is None:
            continue
        known = frame[field].unique().sort().to_list()
        for index, value in enumerate(wanted):
            if value not in known:
                spot = (*path, field) if len(wanted) == 1 else (*path, field, index)
                what = f"no scene has the {field} {value!r}"
                allowed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
                where = curriculum.where(*spot)
                problems.append(Problem(what, where, allowed, suggestion(value, known)))
        chosen &= frame[field].is_in(wanted).to_numpy()
    return chosen


def _deal(
    frame: pl.DataFrame, chosen: npt.NDArray[np.bool_], selection: Selection, seed: int
) -> npt.NDArray[np.bool_]:
    """Keep the share `part` of the chosen bytes, in the order of a keyed hash."""
    if selection.part is None:
        return chosen
    rows = np.flatnonzero(chosen)
    keys = frame["key"].to_numpy()[rows]
    dealt = rows[np.lexsort((keys, keyed_hash(keys, seed, "part")))]
    num_bytes = frame["num_bytes"].to_numpy()[dealt].astype(np.int64)
    before = num_bytes.cumsum() - num_bytes
    low, high = (share * num_bytes.sum() for share in selection.part)
    kept = np.zeros_like(chosen)
    kept[dealt[(before >= low) & (before < high)]] = True
    return kept


def _arranged(scenes: pl.DataFrame, phase: Phase, seed: int, passed: int) -> Rows:
    """The rows of one pass over a phase, in order."""
    selected = Selected(scenes, seed, f"order/{phase.name}/{passed}")
    ranks = ranks_of(phase.arrange, selected)
    sequence: Rows = scenes["row"].to_numpy()[argsort(ranks, selected.keys)]
    return sequence


def _raise_all(problems: list[Problem]) -> None:
    if problems:
        raise SettingsError(problems)
