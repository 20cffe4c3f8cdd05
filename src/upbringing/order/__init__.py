"""The second room: scenes → order. What the next rooms use of it."""

from upbringing.order.compile import compile_order
from upbringing.order.controls import ARMS, Block, arm_curriculum, block_of, describe_arm
from upbringing.order.curriculum import (
    Curriculum,
    Phase,
    Selection,
    load_curriculum,
    parse_curriculum,
)
from upbringing.order.ladder import ladder_order
from upbringing.order.order import Order, PhaseSpan
from upbringing.order.packing import Rows

__all__ = [
    "ARMS",
    "Block",
    "Curriculum",
    "Order",
    "Phase",
    "PhaseSpan",
    "Rows",
    "Selection",
    "arm_curriculum",
    "block_of",
    "compile_order",
    "describe_arm",
    "ladder_order",
    "load_curriculum",
    "parse_curriculum",
]
