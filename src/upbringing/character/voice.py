"""The judge of voice: how surely a text has one manner rather than another, by word order alone.

Takes texts of two sides with their groups (works, or topics told in both manners) and gives a
`Judge`: a calibrated probability for any text, without a bag of words to lean on (`neighbours`).
`Judge.examine` tests it on groups it has never seen and on text without order, where it must stay
near one half. A judge that does not pass must not be used, and its report says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from upbringing.character.examination import BASELINE, JudgeFigures, JudgeReport, fault_of
from upbringing.character.neighbours import (
    FeatureArray,
    FloatArray,
    View,
    choose_forms,
    choose_words,
    encode,
    excess,
    frequent_pairs,
    pieces_of,
    unigram_drawn,
    units_of,
    word_shuffled,
)
from upbringing.errors import ArtefactError, InputError, Problem
from upbringing.files import read_json, write_json
from upbringing.identity import digest_json, keyed_hash, keys_of

BoolArray = npt.NDArray[np.bool_]

FORMAT = "judge/1"
NUM_CHARACTERS = 400  # of a piece: about the length of a sample
MOST_PIECES = 4000  # a side
NUM_FOLDS = 4
INVERSE_PENALTY = 3.0  # scikit-learn's C; held-out Brier is flat from 1 to 10


@dataclass(frozen=True, eq=False)
class Judge:
    """P(positive side | text) = logistic(slope · evidence summed over the views).

    `groups` are those that training saw.
    """

    views: tuple[View, ...]
    slope: float
    groups: frozenset[str]

    def score(self, texts: Sequence[str]) -> FloatArray:
        """The probability of the positive side for each text, shape (num_texts,).

        Calibrated for texts of about 400 characters; a text of one word or none scores `BASELINE`.
        """
        units = [units_of(text) for text in texts]
        evidence = np.zeros(len(texts))
        for view in self.views:
            evidence += [view.evidence(tokens_N) for tokens_N in encode(units, view.codes)]
        probabilities: FloatArray = 1 / (1 + np.exp(-self.slope * evidence))
        return probabilities

    def examine(
        self, texts: Sequence[str], is_positive: Sequence[bool], groups: Sequence[str], *, seed: int
    ) -> JudgeReport:
        """Test the judge on the groups that training did not see; texts of others are left out."""
        _check(texts, is_positive, groups)
        unseen = [i for i, group in enumerate(groups) if group not in self.groups]
        sides = [
            [texts[i] for i in unseen if bool(is_positive[i]) is side] for side in (True, False)
        ]
        positive, negative = (_pieces(side, ["" for _ in side], seed)[0] for side in sides)
        num_groups = len({groups[i] for i in unseen})
        figures = self._figures(positive, negative, seed) if positive and negative else None
        fault = fault_of(figures)
        return JudgeReport(
            num_positive=len(positive),
            num_negative=len(negative),
            num_groups=num_groups,
            baseline=BASELINE,
            figures=figures,
            passed=fault is None,
            reason=fault or f"tested on {num_groups} groups never seen",
        )

    def _figures(self, positive: list[str], negative: list[str], seed: int) -> JudgeFigures:
        by_side = [self.score(side) for side in (positive, negative)]
        sizes = [len(positive), len(negative)]
        labels = np.repeat([1, 0], sizes)
        scores = np.concatenate(by_side)
        weights = np.repeat([1 / size for size in sizes], sizes)
        without_order = [
            self.score(make(side, seed))
            for make in (word_shuffled, unigram_drawn)
            for side in (positive, negative)
        ]
        return JudgeFigures(
            float(roc_auc_score(labels, scores)),
            float(brier_score_loss(labels, scores, sample_weight=weights)),
            *(float(found.mean()) for found in (*by_side, *without_order)),
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the judge as canonical JSON."""
        return digest_json(self.as_json())

    def save(self, file: Path) -> None:
        """Write the judge as JSON; `load` reads it back."""
        write_json(file, self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The judge as plain JSON: tokens, pairs of tokens with weights, slope, groups seen."""
        views = []
        for view in self.views:
            pairs_F2 = np.argwhere(view.weights)
            weights_F = view.weights[pairs_F2[:, 0], pairs_F2[:, 1]]
            pairs = [
                [int(a), int(b), float(w)] for (a, b), w in zip(pairs_F2, weights_F, strict=True)
            ]
            views.append({"tokens": list(view.codes), "pairs": pairs})
        return {
            "format": FORMAT,
            "slope": self.slope,
            "groups": sorted(self.groups),
            "views": views,
        }

    @classmethod
    def load(cls, file: Path) -> Judge:
        """Read what `save` wrote; it scores the same to the bit.

        Raises `ArtefactError` for any other file.
        """
        said = read_json(file)
        try:
            if said["format"] != FORMAT:
                raise ValueError(f"its format is {said['format']!r}, not {FORMAT!r}")
            views = []
            for view in said["views"]:
                pairs = np.array(view["pairs"], dtype=np.float64).reshape(-1, 3)
                views.append(View.of(view["tokens"], pairs[:, :2].astype(np.int64), pairs[:, 2]))
            return cls(tuple(views), float(said["slope"]), frozenset(said["groups"]))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ArtefactError(f"is not a judge: {error}", where=str(file)) from error


def train_judge(
    texts: Sequence[str], is_positive: Sequence[bool], groups: Sequence[str], seed: int
) -> Judge:
    """Learn the word order that tells the positive side from the other; same input, same judge.

    Texts are cut into pieces of about 400 characters, at most 4,000 a side. A logistic regression
    without intercept, both sides weighing the same; its slope is then calibrated on pieces of
    groups left out of the fit (Platt 1999, one parameter, so that no evidence stays one half).
    With fewer than two groups on a side, single pieces are left out instead.

    Raises `InputError` for sequences of unequal length and for a side without two pieces.
    """
    _check(texts, is_positive, groups)
    positive, negative = (
        _pieces(
            [text for text, label in zip(texts, is_positive, strict=True) if bool(label) is side],
            [
                group
                for group, label in zip(groups, is_positive, strict=True)
                if bool(label) is side
            ],
            seed,
        )
        for side in (True, False)
    )
    _check_sides(len(positive[0]), len(negative[0]))
    units = [units_of(piece) for piece in (*positive[0], *negative[0])]
    sources = [*positive[1], *negative[1]]
    labels = np.repeat([True, False], [len(positive[0]), len(negative[0])])

    features, fitted = [], []
    for tokens in (choose_words(units, sources), choose_forms(units)):
        encoded = encode(units, {token: code for code, token in enumerate(tokens, start=1)})
        pairs_F2 = frequent_pairs(encoded, len(tokens) + 1)
        features.append(excess(encoded, pairs_F2, len(tokens) + 1))
        fitted.append((tokens, pairs_F2))
    features_TF = np.concatenate(features, axis=1)
    weights_F = _regression(features_TF, labels).coef_[0].astype(np.float64)
    by_view = np.split(weights_F, [len(fitted[0][1])])
    return Judge(
        tuple(View.of(*view, weights) for view, weights in zip(fitted, by_view, strict=True)),
        _slope(features_TF, labels, sources),
        frozenset(groups),
    )


def _pieces(texts: Sequence[str], groups: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """At most `MOST_PIECES` pieces by keyed lot, in reading order, each with its group."""
    cut = [
        (piece, group)
        for text, group in zip(texts, groups, strict=True)
        for piece in pieces_of(text, NUM_CHARACTERS)
    ]
    lots = keyed_hash(keys_of([piece for piece, _ in cut]), seed, "judge pieces")
    kept = np.sort(np.argsort(lots, kind="stable")[:MOST_PIECES])
    return [cut[i][0] for i in kept], [cut[i][1] for i in kept]


def _regression(features_TF: FeatureArray, labels: BoolArray) -> LogisticRegression:
    regression = LogisticRegression(
        C=INVERSE_PENALTY, fit_intercept=False, class_weight="balanced", max_iter=1000
    )
    return regression.fit(features_TF, labels)


def _slope(features_TF: FeatureArray, labels: BoolArray, groups: Sequence[str]) -> float:
    """What the scores of unseen pieces must be multiplied by to be log-odds; never negative."""
    group_numbers = np.unique(groups, return_inverse=True)[1]
    fewest = min(len(set(group_numbers[labels == side])) for side in (True, False))
    folds = (
        StratifiedGroupKFold(min(NUM_FOLDS, fewest)).split(features_TF, labels, group_numbers)
        if fewest >= 2
        else StratifiedKFold(2).split(features_TF, labels)
    )
    evidence = np.zeros(len(labels))
    for train, test in folds:
        evidence[test] = _regression(features_TF[train], labels[train]).decision_function(
            features_TF[test]
        )
    return _platt_slope(evidence, labels)


def _platt_slope(evidence_T: FloatArray, labels_T: BoolArray) -> float:
    """The slope, never negative, of least log loss with both sides weighing the same.

    Targets are Platt's (n + 1)/(n + 2) in place of 1, so that separable sides have a slope too.
    """
    sizes_T = np.where(labels_T, labels_T.sum(), (~labels_T).sum())
    signed_T = np.where(labels_T, evidence_T, -evidence_T)
    target_T = (sizes_T + 1) / (sizes_T + 2)

    def loss(slope: float) -> float:
        right_T, wrong_T = np.logaddexp(0, -slope * signed_T), np.logaddexp(0, slope * signed_T)
        return float(((target_T * right_T + (1 - target_T) * wrong_T) / sizes_T).sum())

    return float(minimize_scalar(loss, bounds=(0.0, 100.0), method="bounded").x)


def _check(texts: Sequence[str], is_positive: Sequence[bool], groups: Sequence[str]) -> None:
    sizes = len(texts), len(is_positive), len(groups)
    if len(set(sizes)) > 1:
        raise InputError(
            "{} texts, {} sides, {} groups".format(*sizes), allowed="one side and one group a text"
        )


def _check_sides(num_positive: int, num_negative: int) -> None:
    numbers = {"positive": num_positive, "negative": num_negative}
    problems = [
        Problem(f"{number} pieces of text on the {side} side", allowed="two or more")
        for side, number in numbers.items()
        if number < 2
    ]
    if problems:
        raise InputError(problems)
