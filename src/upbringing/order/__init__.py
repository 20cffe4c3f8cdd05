"""The second room: scenes → order. What the next rooms use of it."""

import upbringing.order.chain
import upbringing.order.mixing
import upbringing.order.pacing
import upbringing.order.strategies  # noqa: F401  (they register themselves)
from upbringing.order.arms import ARMS, Block, arm_curriculum, block_of, describe_arm
from upbringing.order.caveats import caveats
from upbringing.order.compare import Alone, Comparison, compare
from upbringing.order.compile import compile_order
from upbringing.order.control_files import control_files
from upbringing.order.controls import CONTROLS
from upbringing.order.curriculum import Curriculum, load_curriculum, parse_curriculum
from upbringing.order.ladder import ladder_order
from upbringing.order.levers import NO_LEVERS, Adapter, Levers
from upbringing.order.look import (
    Acquaintance,
    Encounter,
    Meeting,
    Moment,
    PhaseView,
    acquaintance,
    meeting,
    moment,
    phases_of,
    ribbon,
)
from upbringing.order.order import Order
from upbringing.order.packing import Attention, Packing, Rows, packing_named
from upbringing.order.phases import Phase
from upbringing.order.scenic_orderer import compose
from upbringing.order.schema import SCHEMA_FILE, SCHEMA_LINE, curriculum_schema
from upbringing.order.selection import Names, Selection
from upbringing.order.spans import PhaseSpan

__all__ = [
    "ARMS",
    "CONTROLS",
    "NO_LEVERS",
    "SCHEMA_FILE",
    "SCHEMA_LINE",
    "Acquaintance",
    "Adapter",
    "Alone",
    "Attention",
    "Block",
    "Comparison",
    "Curriculum",
    "Encounter",
    "Levers",
    "Meeting",
    "Moment",
    "Names",
    "Order",
    "Packing",
    "Phase",
    "PhaseSpan",
    "PhaseView",
    "Rows",
    "Selection",
    "acquaintance",
    "arm_curriculum",
    "block_of",
    "caveats",
    "compare",
    "compile_order",
    "compose",
    "control_files",
    "curriculum_schema",
    "describe_arm",
    "ladder_order",
    "load_curriculum",
    "meeting",
    "moment",
    "packing_named",
    "parse_curriculum",
    "phases_of",
    "ribbon",
]
