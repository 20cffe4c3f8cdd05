"""The second room: scenes → order. What the next rooms use of it."""

from upbringing.order import mixing, pacing, strategies  # noqa: F401  (they register themselves)
from upbringing.order.compile import compile_order
from upbringing.order.controls import ARMS, Block, arm_curriculum, block_of, describe_arm
from upbringing.order.curriculum import (
    Curriculum,
    Phase,
    load_curriculum,
    parse_curriculum,
)
from upbringing.order.ladder import ladder_order
from upbringing.order.look import Meeting, PhaseView, meeting, meetings_with, phases_of, ribbon
from upbringing.order.order import Order, PhaseSpan
from upbringing.order.packing import Rows
from upbringing.order.scenic_orderer import compose
from upbringing.order.selection import Names, Selection

__all__ = [
    "ARMS",
    "Block",
    "Curriculum",
    "Meeting",
    "Names",
    "Order",
    "Phase",
    "PhaseSpan",
    "PhaseView",
    "Rows",
    "Selection",
    "arm_curriculum",
    "block_of",
    "compile_order",
    "compose",
    "describe_arm",
    "ladder_order",
    "load_curriculum",
    "meeting",
    "meetings_with",
    "parse_curriculum",
    "phases_of",
    "ribbon",
]
