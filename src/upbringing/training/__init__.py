"""The third room: order → run. What the next rooms use of it."""

from upbringing.training.averaging import (
    Average,
    Averaged,
    Last,
    Moving,
    Soup,
    average_run,
)
from upbringing.training.checkpoint import open_mind, read_checkpoint
from upbringing.training.cost import Cost, estimate_cost
from upbringing.training.imprint import Imprint
from upbringing.training.kinds import KindsRead
from upbringing.training.ledger import Ledger, first_divergence
from upbringing.training.levers import BatchRule, Priority, Segment, Timeline
from upbringing.training.loop import OnStep, train
from upbringing.training.machine import Numerics, best_device, device_named, settle_process
from upbringing.training.minds import Mind
from upbringing.training.model import SHAPES, USUAL_SHAPE, Decoder, Shape, shape_named
from upbringing.training.population import Member, raise_population
from upbringing.training.raising import Life, raise_on_order
from upbringing.training.recipe import DEFAULT_AGES, Recipe
from upbringing.training.records import Moment
from upbringing.training.run import Run
from upbringing.training.schedules import (
    CURVES,
    Said,
    curve_label,
    lr_share,
    read_curve,
    say_curve,
)
from upbringing.training.sinks import NO_LOG, Log

__all__ = [
    "CURVES",
    "DEFAULT_AGES",
    "NO_LOG",
    "SHAPES",
    "USUAL_SHAPE",
    "Average",
    "Averaged",
    "BatchRule",
    "Cost",
    "Decoder",
    "Imprint",
    "KindsRead",
    "Last",
    "Ledger",
    "Life",
    "Log",
    "Member",
    "Mind",
    "Moment",
    "Moving",
    "Numerics",
    "OnStep",
    "Priority",
    "Recipe",
    "Run",
    "Said",
    "Segment",
    "Shape",
    "Soup",
    "Timeline",
    "average_run",
    "best_device",
    "curve_label",
    "device_named",
    "estimate_cost",
    "first_divergence",
    "lr_share",
    "open_mind",
    "raise_on_order",
    "raise_population",
    "read_checkpoint",
    "read_curve",
    "say_curve",
    "settle_process",
    "shape_named",
    "train",
]
