"""Learning curves: what a life acquires and what it forgets, from its readings by age.

Takes the readings of one mind along its life, as a profile has them; gives figures by kind, from
held-out bits per byte. A life is known at the ages at which it was kept, and no figure says more.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from upbringing.character.measures import Figures, life_measure
from upbringing.errors import InputError

FloatArray = npt.NDArray[np.float64]

MEASURE, ALL = "bits_per_byte", "all"


@life_measure(unit="bits/byte")
def forgetting(readings: pl.DataFrame) -> Figures:
    """For each kind, the last bits per byte minus the lowest that the mind ever had.

    `readings` are of one mind and one scope: age, measure, subject, value.

    Unit: bits a byte; 0 where the mind was never better than at the end.
    Cost: none beyond the readings.
    Fails: what was learnt and lost between two kept ages is not seen; noise of held-out text makes
    it positive where nothing is forgotten, so compare it with the shuffle's.
    """
    return {kind: float(bits[-1] - bits.min()) for kind, _, bits in curves(readings)}


@life_measure(unit="share of life")
def acquisition_age(readings: pl.DataFrame) -> Figures:
    """For each kind, the age at which half of its gain was reached (`half_gain`).

    `readings` are of one mind and one scope: age, measure, subject, value.

    Unit: a share of life. A kind that was at its best at the first kept age has that age.
    Cost: none beyond the readings.
    Fails: the gain counts from the first kept age, so what was learnt before is not in it; with few
    kept ages it is a guess along a straight line; a gain as small as noise has an age too.
    """
    return {kind: half_gain(ages, bits)[0] for kind, ages, bits in curves(readings)}


def half_gain(ages_A: FloatArray, bits_A: FloatArray) -> tuple[float, bool]:
    """The first age at which half of the gain was reached, and whether that was seen to happen.

    The gain is from the first kept age to the lowest bits of all; between two kept ages the curve
    is taken as straight. A curve that never falls below its first value has the first age, unseen.
    """
    level = (bits_A[0] + bits_A.min()) / 2
    if level >= bits_A[0]:
        return float(ages_A[0]), False
    after = int(np.argmax(bits_A <= level))
    share = (bits_A[after - 1] - level) / (bits_A[after - 1] - bits_A[after])
    return float(ages_A[after - 1] + share * (ages_A[after] - ages_A[after - 1])), True


def curves(readings: pl.DataFrame) -> Iterator[tuple[str, FloatArray, FloatArray]]:
    """Each kind with its kept ages, rising, and its bits per byte there, (A,) each; the kinds by
    name. A life that diverged has the ages before.

    Raises `InputError` where an age has two readings of a kind.
    """
    own = readings.filter(
        pl.col("measure") == MEASURE, pl.col("subject") != ALL, pl.col("value").is_finite()
    ).sort("subject", "age")
    if own.select("subject", "age").is_duplicated().any():
        raise InputError("an age has several readings of a kind", do="give those of one mind")
    for (kind,), rows in own.group_by("subject", maintain_order=True):
        yield str(kind), rows["age"].to_numpy(), rows["value"].to_numpy()
