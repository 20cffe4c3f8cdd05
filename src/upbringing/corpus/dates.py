"""Dates: when a document is from, by its own word, as a point on one axis.

Takes what stands in a field, gives a moment of the calendar or a plain number; takes a column of
either, gives the column `date` of a corpus. A corpus has dates of one form:

    calendar  ISO 8601 (`1850`, `1850-06`, `2026-11-24`, `2026-11-24T10:30`); kept as days since the
              beginning of 1970-01-01 in the proleptic Gregorian calendar, a time as a fraction
    number    any finite number, on an axis of its own (a year, a Unix time, a chapter), as it is

A year, a month and a day stand for their beginning. A time that names no offset is UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

DATE = "date"
FORMS = "2026-11-24, 2026-11-24T10:30, 2026-11, 2026, or a number"

Moment = datetime | float

_YEAR_OR_MONTH = re.compile(r"(\d{4})(-\d{2})?")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)??(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_MICROSECONDS_A_DAY = 86_400_000_000


def read_date(said: Any) -> Moment:
    """The moment (UTC) or number that was said. Text is a date if it can be, else a number.

    Raises `ValueError` for what is neither, and for numbers that are not finite.
    """
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        raise ValueError("is neither text nor a number")
    try:
        return _moment(said.strip()) if isinstance(said, str) else _finite(said)
    except OverflowError as error:
        raise ValueError("is out of range") from error


def _moment(said: str) -> Moment:
    partial = _YEAR_OR_MONTH.fullmatch(said)
    full = f"{partial[1]}{partial[2] or '-01'}-01" if partial else said
    try:
        moment = datetime.fromisoformat(full)
    except ValueError:
        if partial:  # the year 0 or the month 13, and no number
            raise
        return _finite(float(said))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _finite(number: float) -> float:
    value = float(number)
    if not np.isfinite(value):
        raise ValueError("is not finite")
    return value


def said_in_front_matter(text: str, key: str) -> str | None:
    """What the YAML between `---` and `---` at the head of a text says under `key`, if anything.

    A key with a value on its own line is found, the rest is not read: what people keep in their
    notes is not always YAML.
    """
    block = _FRONT_MATTER.match(text)
    if not block or not block[1]:
        return None
    line = rf"^{re.escape(key)}[ \t]*:[ \t]+([\"']?)(.*?)\1[ \t]*(?:[ \t]#.*)?$"
    found = re.search(line, block[1], re.MULTILINE)
    return found[2].strip() or None if found else None


def mistake_in(column: pl.Series) -> str | None:
    """What keeps a column from being one of dates, if anything does."""
    dtype = column.dtype
    if not (dtype.is_numeric() or dtype in (pl.Date, pl.Null) or isinstance(dtype, pl.Datetime)):
        return f"the column {column.name!r} holds {dtype}, neither dates nor numbers"
    if dtype.is_float() and not column.drop_nulls().is_finite().all():
        return f"the column {column.name!r} has values that are not finite"
    return None


def on_axis(column: pl.Series) -> pl.Series:
    """Float64: of pl.Date and pl.Datetime the days since 1970-01-01, of numbers themselves."""
    if not column.dtype.is_temporal():
        return column.cast(pl.Float64)
    return column.dt.timestamp("us") / _MICROSECONDS_A_DAY


def span_of(column: pl.Series) -> dict[str, Any]:
    """Of a column of dates, not all null: how many, their unit, the first and the last.

    In the calendar's own writing, to the second, where they are of the calendar.
    """
    points = on_axis(column).drop_nulls()
    ends: list[Any] = [points.min(), points.max()]
    is_calendar = column.dtype.is_temporal()
    if is_calendar:
        seconds = (np.datetime64(round(86_400 * days), "s") for days in ends)
        ends = [str(second).removesuffix("T00:00:00") for second in seconds]
    unit = "days since 1970-01-01" if is_calendar else "as given"
    return {"num_scenes": len(points), "unit": unit, "from": ends[0], "to": ends[1]}
