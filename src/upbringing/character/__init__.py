"""The fourth room: run → profile. What the next rooms use of it."""

# The measures of the package, each in the module that says what it is about; in this order.
from upbringing.character import (
    competence,
    inside,
    interpretation,
    knowledge,
    learning_curves,
    style,
    surface,
)
from upbringing.character.ablation import Ablation, ablate
from upbringing.character.asked import Asked
from upbringing.character.axes import Axis, Pole
from upbringing.character.examination import JudgeReport
from upbringing.character.judging import Judging, judge_for
from upbringing.character.measures import (
    Measure,
    by_judges,
    life_measure,
    measure,
    measures,
    measures_named,
)
from upbringing.character.probes import (
    AxisProbes,
    Probes,
    ProbeSettings,
    probes_for,
    probes_of,
)
from upbringing.character.profile import ALONG, WHOLE, Profile, measure_run
from upbringing.character.samples import Sampling, draw_samples
from upbringing.character.voice import Judge

__all__ = [
    "ALONG",
    "WHOLE",
    "Ablation",
    "Asked",
    "Axis",
    "AxisProbes",
    "Judge",
    "JudgeReport",
    "Judging",
    "Measure",
    "Pole",
    "ProbeSettings",
    "Probes",
    "Profile",
    "Sampling",
    "ablate",
    "by_judges",
    "competence",
    "draw_samples",
    "inside",
    "interpretation",
    "judge_for",
    "knowledge",
    "learning_curves",
    "life_measure",
    "measure",
    "measure_run",
    "measures",
    "measures_named",
    "probes_for",
    "probes_of",
    "style",
    "surface",
]
