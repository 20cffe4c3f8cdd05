"""The fifth room: runs → verdict. What the next rooms use of it."""

from upbringing.study.design import Design
from upbringing.study.execution import Progress, execute
from upbringing.study.findings import conclude, open_findings
from upbringing.study.preparation import prepare
from upbringing.study.settings import StudySettings, preset

__all__ = [
    "Design",
    "Progress",
    "StudySettings",
    "conclude",
    "execute",
    "open_findings",
    "prepare",
    "preset",
]
