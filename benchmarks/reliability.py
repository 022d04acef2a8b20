"""Whether the score of a suspect says how often it is right, and whether a map of scores would say it better.

The map is `1 - (1 - score) ** power`: doubt to a power keeps 0, 1 and the order of suspects. Its power is fitted by
likelihood without the set it is judged on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.demo import wilson
from benchmarks.predictions import Prediction
from benchmarks.scoring import Truth

BINS = 5
_POWERS = np.arange(0.5, 4.01, 0.05)
_EDGE = 1e-6


@dataclass(frozen=True)
class Judged:
    """One suspect of an answer."""

    dataset: str
    place: int
    """From 1."""
    score: float
    right: bool


def judge(truths: Mapping[str, Sequence[Truth]], answers: Mapping[str, Prediction]) -> list[Judged]:
    """The leading suspects of every answer, held against the truth."""
    return [
        Judged(name, place, score, component in truth.services)
        for name in sorted(truths) for truth in truths[name] if truth.id in answers
        for place, (component, score) in enumerate(answers[truth.id].suspects, start=1)
    ]  # fmt: skip


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


def fit(judged: Sequence[Judged]) -> float:
    """The power that makes the outcomes of first suspects most likely; 1 without any."""
    first = [j for j in judged if j.place == 1]
    if not first:
        return 1.0
    doubt = 1 - np.array([j.score for j in first])
    right = np.array([j.right for j in first])
    sure = np.clip(1 - doubt[None, :] ** _POWERS[:, None], _EDGE, 1 - _EDGE)
    likelihood = np.where(right, np.log(sure), np.log(1 - sure)).sum(axis=1)
    return float(_POWERS[int(np.argmax(likelihood))])


def mapped(judged: Sequence[Judged]) -> list[float]:
    """Scores through the map, each with the power fitted on the other sets."""
    powers = {name: fit([j for j in judged if j.dataset != name]) for name in {j.dataset for j in judged}}
    return [1 - (1 - j.score) ** powers[j.dataset] for j in judged]


def reliability(judged: Sequence[Judged]) -> str:
    """Tables of first suspects and of those behind them, with what the map would change."""
    parts = [[j for j in judged if j.place == 1], [j for j in judged if j.place > 1]]
    through = dict(zip(map(id, judged), mapped(judged), strict=True))
    lines = ["| suspect | score | suspects | mean score | right (95 %) |", "|---|---|---|---|---|"]
    ends = [""]
    for words, part in zip(("first", "second or third"), parts, strict=True):
        scores, right = [j.score for j in part], [j.right for j in part]
        lines += [
            _row(words, place, [part[n] for n in inside]) for place, inside in enumerate(_bins(scores)) if inside
        ]
        new = [through[id(j)] for j in part]
        ends.append(
            f"{words}: calibration error {calibration_error(scores, right):.3f} "
            f"(mapped {calibration_error(new, right):.3f}), Brier {brier(scores, right):.3f} "
            f"(mapped {brier(new, right):.3f})"
        )
    return "\n".join([*lines, *ends, f"Power of the map, fitted on all sets: {fit(judged):.2f}."])


def _row(words: str, place: int, inside: Sequence[Judged]) -> str:
    right = sum(j.right for j in inside)
    low, high = wilson(right, len(inside))
    mean = sum(j.score for j in inside) / len(inside)
    share = f"{right / len(inside):.2f} ({low:.2f} to {high:.2f})"
    return f"| {words} | {place / BINS:.1f} to {(place + 1) / BINS:.1f} | {len(inside)} | {mean:.2f} | {share} |"
