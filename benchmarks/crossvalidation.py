"""Figures with the fusion's weights refitted without the group of cases they are scored on.

What a set asks to be named is what is left out: the fault type where it must be named, else the service. A set with
too few groups is scored with weights fitted on the other sets alone. The search is a small, deterministic one by
coordinates: it starts from the shipped weights, and each step takes the one changed weight that helps most.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import mean

from autopilot.analysis.ranking.weights import WEIGHTS, Weights
from benchmarks.predictions import Prediction
from benchmarks.scoring import Truth, joint_rank, rank_of, same_commit

LEAST_GROUPS = 4
_FACTORS = (0.7, 1.4)
"""What a weight is multiplied with in one step; no weight exceeds one."""
_STEPS = 4
_LEAST_GAIN = 0.004
"""Of the merit: what a change must bring, so that noise alone does not move a weight."""

Truths = Mapping[str, Sequence[Truth]]
"""Set → its accepted answers."""
Again = Callable[[Sequence[Weights]], Sequence[Mapping[str, Prediction]]]
"""Weights → our answers with them, by case id."""


@dataclass(frozen=True)
class Fold:
    """A group of cases, and the cases whose answers may choose the weights for it."""

    dataset: str
    left_out: str
    """The kind of group: `fault type`, `service`, or `set`."""
    tested: tuple[Truth, ...]
    trained: tuple[Truth, ...]


@dataclass(frozen=True)
class CrossValidated:
    """Answers of which none chose its own weights."""

    answers: dict[str, Prediction]
    left_out: dict[str, str]
    """Set → what was left out."""
    fitted: Weights
    """The weights when nothing is left out."""


def folds(truths: Truths) -> list[Fold]:
    """Every case in exactly one fold. What shares the left-out group in another set is not trained on either."""
    every = [truth for name in sorted(truths) for truth in truths[name]]
    found: list[Fold] = []
    for name in sorted(truths):
        kind, key = _grouping(truths[name])
        groups: dict[str, list[Truth]] = defaultdict(list)
        for truth in truths[name]:
            groups[key(truth)].append(truth)
        for group, tested in sorted(groups.items()):
            trained = tuple(t for t in every if key(t) != group)
            found.append(Fold(name, kind, tuple(tested), trained))
    return found


def _grouping(truths: Sequence[Truth]) -> tuple[str, Callable[[Truth], str]]:
    if any(t.taxonomy for t in truths) and len({_fault(t) for t in truths}) >= LEAST_GROUPS:
        return "fault type", _fault
    if len({_service(t) for t in truths}) >= LEAST_GROUPS:
        return "service", _service
    return "set", lambda truth: truth.dataset


def _fault(truth: Truth) -> str:
    return truth.fault or truth.id


def _service(truth: Truth) -> str:
    return truth.services[0].rpartition("/")[2]


def merit(truth: Truth, answer: Prediction) -> float:
    """What the search wants of one answer: the mean of the reciprocal ranks that apply, and of the commit."""
    parts = [_reciprocal(rank_of(answer.ranking, truth.services))]
    if truth.taxonomy:
        parts.append(_reciprocal(joint_rank(truth, answer)))
    if truth.commit:
        parts.append(float(same_commit(answer.commit, truth.commit)))
    return mean(parts)


def _reciprocal(rank: int | None) -> float:
    return 1 / rank if rank is not None and rank <= 5 else 0.0


def cross_validate(truths: Truths, again: Again) -> CrossValidated:
    """Fit without each fold, and once without leaving anything out; folds share what they try.

    Args:
        truths: The accepted answers by set; only cases of these sets count.
        again: Asks for the answers with other weights; cases it does not answer count as wrong.
    """
    parts = folds(truths)
    every = tuple(truth for name in sorted(truths) for truth in truths[name])
    search = _Search(again)
    *chosen, fitted = search.fit([*(fold.trained for fold in parts), every])
    answers: dict[str, Prediction] = {}
    for fold, weights in zip(parts, chosen, strict=True):
        given = search.answers(weights)
        answers |= {t.id: given[t.id] for t in fold.tested if t.id in given}
    return CrossValidated(answers, {fold.dataset: fold.left_out for fold in parts}, fitted)


class _Search:
    """Coordinate searches side by side, over answers that are asked for once."""

    def __init__(self, again: Again) -> None:
        self._again = again
        self._known: dict[str, Mapping[str, Prediction]] = {}
        self._merits: dict[str, dict[str, float]] = defaultdict(dict)

    def answers(self, weights: Weights) -> Mapping[str, Prediction]:
        self._ask([weights])
        return self._known[repr(weights)]

    def fit(self, trained: Sequence[Sequence[Truth]]) -> list[Weights]:
        """The weights of each search, after at most `_STEPS` steps."""
        points = [WEIGHTS for _ in trained]
        going = set(range(len(trained)))
        for _ in range(_STEPS):
            self._ask([w for n in sorted(going) for w in (points[n], *neighbours(points[n]))])
            for n in sorted(going):
                better = self._better(points[n], trained[n])
                if better is None:
                    going.discard(n)
                else:
                    points[n] = better
        return points

    def _better(self, point: Weights, trained: Sequence[Truth]) -> Weights | None:
        best = max(neighbours(point), key=lambda w: self._merit(w, trained))
        return best if self._merit(best, trained) >= self._merit(point, trained) + _LEAST_GAIN else None

    def _ask(self, wanted: Sequence[Weights]) -> None:
        new = {repr(w): w for w in wanted if repr(w) not in self._known}
        self._known |= dict(zip(new, self._again(list(new.values())), strict=True)) if new else {}

    def _merit(self, weights: Weights, trained: Sequence[Truth]) -> float:
        """The mean over the sets of the mean merit of their cases: a large set has no more say than a small one."""
        known, merits = self._known[repr(weights)], self._merits[repr(weights)]
        by_set: dict[str, list[float]] = defaultdict(list)
        for truth in trained:
            if truth.id not in merits:
                merits[truth.id] = merit(truth, known[truth.id]) if truth.id in known else 0.0
            by_set[truth.dataset].append(merits[truth.id])
        return mean(mean(each) for each in by_set.values()) if by_set else 0.0


def neighbours(weights: Weights) -> list[Weights]:
    """The weights with one of them changed, in a fixed order."""
    found: list[Weights] = []
    for field in fields(weights):
        value: float | Mapping[str, float] = getattr(weights, field.name)
        if isinstance(value, int | float):
            found += [replace(weights, **{field.name: new}) for new in _moved(value)]
        else:
            found += [
                replace(weights, **{field.name: {**value, key: new}}) for key in value for new in _moved(value[key])
            ]
    return found


def _moved(value: float) -> list[float]:
    return [new for factor in _FACTORS if (new := min(round(value * factor, 4), 1.0)) != value]


def changes(fitted: Weights) -> list[str]:
    """What a fit would change about the shipped weights, in words."""
    told: list[str] = []
    for field in fields(fitted):
        old: float | Mapping[str, float] = getattr(WEIGHTS, field.name)
        new: float | Mapping[str, float] = getattr(fitted, field.name)
        if isinstance(old, int | float) or isinstance(new, int | float):
            told += [f"{field.name} {old:g} → {new:g}"] if new != old else []
        else:
            told += [f"{field.name}.{k} {old[k]:g} → {new[k]:g}" for k in old if new[k] != old[k]]
    return told
