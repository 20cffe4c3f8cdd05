"""The examination of a judge: its figures on text it never saw, and whether it may be used."""

from __future__ import annotations

from dataclasses import dataclass

BASELINE = 0.5  # no evidence either way, both sides weighing the same
LEAST_AUC = 0.80
LARGEST_SHIFT = 0.10  # from the baseline, of text without order


@dataclass(frozen=True)
class JudgeFigures:
    """Figures on unseen groups; Brier weighs both sides the same, so 0.25 is knowing nothing.

    `mean_*`: mean scores of each side; `shuffled_*`: of its texts with their words in random order;
    `unigram_*`: of words drawn singly from that side.
    """

    auc: float
    brier: float
    mean_positive: float
    mean_negative: float
    shuffled_positive: float
    shuffled_negative: float
    unigram_positive: float
    unigram_negative: float


@dataclass(frozen=True)
class JudgeReport:
    """Whether a judge may be used: AUC ≥ 0.80, text without order within 0.10 of `baseline`.

    The numbers count pieces of about 400 characters. `figures` is None where a side has no group
    that training has not seen.
    """

    num_positive: int
    num_negative: int
    num_groups: int
    baseline: float
    figures: JudgeFigures | None
    passed: bool
    reason: str


def fault_of(figures: JudgeFigures | None) -> str | None:
    """Why the judge may not be used, or None."""
    if figures is None:
        return "a side has no group that training has not seen"
    if figures.auc < LEAST_AUC:
        return f"AUC {figures.auc:.2f} on unseen groups is under {LEAST_AUC:.2f}"
    without_order = {
        "shuffled positive": figures.shuffled_positive,
        "shuffled negative": figures.shuffled_negative,
        "unigram positive": figures.unigram_positive,
        "unigram negative": figures.unigram_negative,
    }
    far = [f"{k} {v:.2f}" for k, v in without_order.items() if abs(v - BASELINE) > LARGEST_SHIFT]
    return f"text without order is judged: {', '.join(far)}" if far else None
