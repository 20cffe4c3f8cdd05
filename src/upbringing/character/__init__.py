"""The fourth room: run → profile. What the next rooms use of it."""

from upbringing.character.ablation import Ablation, ablate
from upbringing.character.axes import Axis
from upbringing.character.examination import JudgeReport
from upbringing.character.judging import Judging, judge_for
from upbringing.character.probes import Probes, ProbeSettings, probes_for
from upbringing.character.profile import Profile, measure_run
from upbringing.character.samples import Sampling, draw_samples
from upbringing.character.voice import Judge

__all__ = [
    "Ablation",
    "Axis",
    "Judge",
    "JudgeReport",
    "Judging",
    "ProbeSettings",
    "Probes",
    "Profile",
    "Sampling",
    "ablate",
    "draw_samples",
    "judge_for",
    "measure_run",
    "probes_for",
]
