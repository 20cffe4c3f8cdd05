"""The fifth room: runs → verdict. What the next rooms use of it."""

from upbringing.study.design import Design, study_folder
from upbringing.study.execution import execute, is_done
from upbringing.study.findings import conclude, gates, lines_of, open_findings
from upbringing.study.imprint import ImprintDesign, ImprintSettings, execute_imprint
from upbringing.study.imprint_findings import conclude_imprint
from upbringing.study.imprint_preparation import prepare_imprint
from upbringing.study.lives import longest_life
from upbringing.study.pool import OnProgress, Progress
from upbringing.study.preparation import prepare
from upbringing.study.settings import StudySettings, preset

__all__ = [
    "Design",
    "ImprintDesign",
    "ImprintSettings",
    "OnProgress",
    "Progress",
    "StudySettings",
    "conclude",
    "conclude_imprint",
    "execute",
    "execute_imprint",
    "gates",
    "is_done",
    "lines_of",
    "longest_life",
    "open_findings",
    "prepare",
    "prepare_imprint",
    "preset",
    "study_folder",
]
