"""The third room: order → run. What the next rooms use of it."""

from upbringing.training.checkpoint import read_checkpoint
from upbringing.training.cost import Cost, estimate_cost
from upbringing.training.ledger import Ledger, first_divergence
from upbringing.training.levers import SCHEDULES, Segment, Timeline, lr_share
from upbringing.training.loop import train
from upbringing.training.machine import Numerics, best_device, settle_process
from upbringing.training.model import SHAPES, Decoder, Shape, shape_named
from upbringing.training.raising import Life, raise_on_order
from upbringing.training.run import DEFAULT_AGES, Recipe, Run

__all__ = [
    "DEFAULT_AGES",
    "SCHEDULES",
    "SHAPES",
    "Cost",
    "Decoder",
    "Ledger",
    "Life",
    "Numerics",
    "Recipe",
    "Run",
    "Segment",
    "Shape",
    "Timeline",
    "best_device",
    "estimate_cost",
    "first_divergence",
    "lr_share",
    "raise_on_order",
    "read_checkpoint",
    "settle_process",
    "shape_named",
    "train",
]
