"""Whether a suspect is right as often as its likelihood says, and the constants of the map that gives it.

The map of `autopilot.analysis.ranking.calibration` is fitted by maximum likelihood, every set
counting alike, and judged on each set with constants fitted on the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autopilot.analysis.ranking.calibration import leads
from benchmarks.demo import wilson
from benchmarks.predictions import Prediction
from benchmarks.scoring import Truth

BINS = 5
_STEPS = 50
_RIDGE = 1e-3
Constants = tuple[float, float, float]
"""Intercept, weight of the score, weight of the lead."""


@dataclass(frozen=True)
class Judged:
    """One suspect of an answer."""

    dataset: str
    place: int
    """From 1."""
    score: float
    lead: float
    right: bool


def judge(truths: Mapping[str, Sequence[Truth]], answers: Mapping[str, Prediction]) -> list[Judged]:
    """The leading suspects of every answer, held against the truth."""
    judged: list[Judged] = []
    for name in sorted(truths):
        for truth in truths[name]:
            suspects = answers[truth.id].suspects if truth.id in answers else ()
            behind = leads([score for _, score in suspects])
            judged += [
                Judged(name, place, score, lead, component in truth.services)
                for place, ((component, score), lead) in enumerate(zip(suspects, behind, strict=True), start=1)
            ]
    return judged


def calibration_error(scores: Sequence[float], right: Sequence[bool]) -> float:
    """The expected calibration error: distance of score and share of right ones over equal bins, by their size."""
    total = 0.0
    for inside in _bins(scores):
        total += abs(sum(scores[n] - right[n] for n in inside))
    return total / len(scores) if scores else 0.0


def brier(scores: Sequence[float], right: Sequence[bool]) -> float:
    """The mean squared distance of score and outcome."""
    return sum((score - hit) ** 2 for score, hit in zip(scores, right, strict=True)) / max(len(scores), 1)


def _bins(scores: Sequence[float]) -> list[list[int]]:
    places = [min(int(score * BINS), BINS - 1) for score in scores]
    return [[n for n, place in enumerate(places) if place == each] for each in range(BINS)]


def fit(judged: Sequence[Judged]) -> Constants | None:
    """The constants that make the outcomes most likely; None when all outcomes are alike."""
    right = np.array([j.right for j in judged])
    if not judged or right.all() or not right.any():
        return None
    sizes = {name: sum(j.dataset == name for j in judged) for name in {j.dataset for j in judged}}
    x = np.array([[1.0, j.score, j.lead] for j in judged])
    share = np.array([len(judged) / len(sizes) / sizes[j.dataset] for j in judged])
    w = np.zeros(3)
    for _ in range(_STEPS):  # Newton's method; the small ridge keeps separable outcomes finite
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (share * (right - p)) - _RIDGE * w
        hessian = (x.T * (share * p * (1 - p))) @ x + _RIDGE * np.eye(3)
        w += np.linalg.solve(hessian, gradient)
    return float(w[0]), float(w[1]), float(w[2])


def likelihood(judged: Judged, constants: Constants | None) -> float:
    """What the map says of a suspect; its score where nothing could be fitted."""
    if constants is None:
        return judged.score
    intercept, of_score, of_lead = constants
    return float(1 / (1 + np.exp(-(intercept + of_score * judged.score + of_lead * judged.lead))))


def mapped(judged: Sequence[Judged]) -> list[float]:
    """Likelihoods, each with the constants fitted on the other sets."""
    constants = {
        name: fit([j for j in judged if j.dataset != name]) for name in sorted({j.dataset for j in judged})
    }
    return [likelihood(j, constants[j.dataset]) for j in judged]


def reliability(judged: Sequence[Judged]) -> str:
    """Tables of first suspects and of those behind them, with likelihoods from constants of the other sets."""
    through = dict(zip(map(id, judged), mapped(judged), strict=True))
    lines = ["| suspect | likelihood | suspects | mean | right (95 %) |", "|---|---|---|---|---|"]
    ends = [""]
    for words, first in (("first", True), ("second or third", False)):
        part = [j for j in judged if (j.place == 1) == first]
        said, right = [through[id(j)] for j in part], [j.right for j in part]
        lines += [
            _row(words, place, [said[n] for n in inside], [right[n] for n in inside])
            for place, inside in enumerate(_bins(said))
            if inside
        ]
        raw = [j.score for j in part]
        ends.append(
            f"{words}: calibration error {calibration_error(said, right):.3f} "
            f"(of the scores {calibration_error(raw, right):.3f}), Brier {brier(said, right):.3f} "
            f"({brier(raw, right):.3f})"
        )
    constants = fit(judged)
    told = ", ".join(f"{value:.2f}" for value in constants) if constants else "none"
    return "\n".join([*lines, *ends, f"Constants fitted on all sets (intercept, score, lead): {told}."])


def _row(words: str, place: int, said: Sequence[float], outcomes: Sequence[bool]) -> str:
    right = sum(outcomes)
    low, high = wilson(right, len(outcomes))
    share = f"{right / len(outcomes):.2f} ({low:.2f} to {high:.2f})"
    mean = sum(said) / len(said)
    return f"| {words} | {place / BINS:.1f} to {(place + 1) / BINS:.1f} | {len(outcomes)} | {mean:.2f} | {share} |"
