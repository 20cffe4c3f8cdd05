"""The fourth room: run → profile. What the next rooms use of it."""

from upbringing.character.axes import Axis
from upbringing.character.probes import Probes, ProbeSettings
from upbringing.character.profile import Profile, measure_run
from upbringing.character.samples import Sampling, draw_samples
from upbringing.character.voice import Judge, JudgeReport, train_judge

__all__ = [
    "Axis",
    "Judge",
    "JudgeReport",
    "ProbeSettings",
    "Probes",
    "Profile",
    "Sampling",
    "draw_samples",
    "measure_run",
    "train_judge",
]
