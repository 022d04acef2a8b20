"""What `benchmarks.calibration` computes from judged answers: cross-validated shares, errors, reliability."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from statistics import fmean
from typing import Any

from autopilot.knowledge.calibration import LEAST_OUTCOMES, fit
from benchmarks.demo import wilson
from benchmarks.fault_types import kinds_of
from benchmarks.reasoning_answers import Answer
from benchmarks.reliability import BINS, brier, calibration_error
from benchmarks.scoring import Truth

_RESAMPLES = 1_000
_SIZES = (LEAST_OUTCOMES, 60, 100)
"""Outcomes that a team may know of one kind of cause."""
_DRAWS = 50
_SEED = 20_261_122
_EDGE = 0.01
"""How far from 0 and 1 log-odds are taken: there they have no end."""


@dataclass(frozen=True)
class Judged:
    """The leading hypothesis of one case, held against the truth."""

    id: str
    dataset: str
    kind: str
    confidence: float
    right: bool
    """The service and, where the truth says which fault it was, the kind of cause."""
    service_right: bool


Map = Callable[[float], float]
"""Confidence → how often such a confidence was right."""
Fit = Callable[[Sequence[Judged]], Map]
Group = Callable[[Judged], str]
"""What an answer is left out with."""


def judge(answers: Sequence[Answer], truths: Mapping[str, Truth]) -> list[Judged]:
    """What can be judged: answers that name a cause, of cases whose truth is known, in the order of their ids."""
    judged: list[Judged] = []
    for answer in sorted(answers, key=lambda a: a.id):
        if answer.id not in truths or not answer.hypotheses:
            continue
        truth, first = truths[answer.id], answer.hypotheses[0]
        kinds = kinds_of(truth.fault)
        service = first.component in truth.services
        named = not kinds or first.kind in kinds
        judged.append(Judged(answer.id, answer.dataset, first.kind, first.confidence, service and named, service))
    return judged


def isotonic(trained: Sequence[Judged]) -> Map:
    """The map that the knowledge base fits; what it cannot map stays as it was."""
    fitted = fit([j.confidence for j in trained], [j.right for j in trained])
    return lambda confidence: share if (share := fitted.share(confidence)) is not None else confidence


def platt(trained: Sequence[Judged]) -> Map:
    """The alternative, to compare with: a sigmoid over the log-odds, with Platt's smoothed targets (1999)."""
    right = [j.right for j in trained]
    n, hits = len(right), sum(right)
    targets = [(hits + 1) / (hits + 2) if each else 1 / (n - hits + 2) for each in right]
    odds = [[_log_odds(j.confidence)] for j in trained]
    model = import_module("sklearn.linear_model").LogisticRegression(C=math.inf)
    # A smoothed target is one outcome of each sort, weighed: the regression takes whole outcomes only.
    model.fit(odds * 2, [1] * n + [0] * n, sample_weight=[*targets, *(1 - target for target in targets)])
    slope, intercept = float(model.coef_[0][0]), float(model.intercept_[0])
    if slope < 0:  # the order must stay: then every confidence gets the plain share
        slope, intercept = 0.0, _log_odds(hits / n)
    return lambda confidence: 1 / (1 + math.exp(-(slope * _log_odds(confidence) + intercept)))


def _log_odds(share: float) -> float:
    inside = min(max(share, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))


def per_kind(trained: Sequence[Judged]) -> Callable[[Judged], float | None]:
    """What the product does: one map per kind of cause, and none below its least number of outcomes."""
    own = {kind: [j for j in trained if j.kind == kind] for kind in {j.kind for j in trained}}
    maps = {kind: isotonic(some) for kind, some in own.items() if len(some) >= LEAST_OUTCOMES}
    return lambda judged: maps[judged.kind](judged.confidence) if judged.kind in maps else None


def parts(judged: Sequence[Judged], folds: int) -> Group:
    """Parts of equal size, dealt out in a shuffled and repeatable order."""
    order = [j.id for j in judged]
    random.Random(_SEED).shuffle(order)
    places = {name: str(place % folds) for place, name in enumerate(order)}
    return lambda j: places[j.id]


def left_out(judged: Sequence[Judged], group: Group, fitted: Fit) -> list[float]:
    """For each answer its share by a map that was fitted without its group."""
    names = {group(j) for j in judged}
    maps = {name: fitted([j for j in judged if group(j) != name]) for name in sorted(names)}
    return [maps[group(j)](j.confidence) for j in judged]


def left_out_per_kind(judged: Sequence[Judged], group: Group) -> list[tuple[Judged, float]]:
    """The answers whose kind has enough outcomes without their group, with their share."""
    names = {group(j) for j in judged}
    maps = {name: per_kind([j for j in judged if group(j) != name]) for name in names}
    told = ((j, maps[group(j)](j)) for j in judged)
    return [(j, share) for j, share in told if share is not None]


def by_size(judged: Sequence[Judged], draws: int = _DRAWS) -> list[dict[str, Any]]:
    """How the maps fare when fitted on so few outcomes and judged on the rest: means over random draws."""
    chance, rows = random.Random(_SEED), list[dict[str, Any]]()
    maps: dict[str, Fit] = {"none": lambda _: float, "isotonic": isotonic, "Platt": platt}
    for size in (size for size in _SIZES if size <= len(judged) / 2):
        told: dict[str, list[tuple[float, float]]] = {name: [] for name in maps}
        for _ in range(draws):
            dealt = chance.sample(list(judged), len(judged))
            tested = dealt[size:]
            right = [j.right for j in tested]
            for name, fitted in maps.items():
                shares = list(map(fitted(dealt[:size]), (j.confidence for j in tested)))
                told[name].append((calibration_error(shares, right), brier(shares, right)))
        means = {
            name: {"ece": round(fmean(e for e, _ in some), 4), "brier": round(fmean(b for _, b in some), 4)}
            for name, some in told.items()
        }
        rows.append({"outcomes": size, "draws": draws} | means)
    return rows


def errors(shares: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """Calibration error with its 95 % bootstrap interval, and Brier score."""
    chance, n = random.Random(_SEED), len(shares)
    drawn = [[chance.randrange(n) for _ in range(n)] for _ in range(_RESAMPLES)] if n else []
    spread = sorted(calibration_error([shares[i] for i in some], [right[i] for i in some]) for some in drawn)
    low, high = (spread[round(0.025 * _RESAMPLES)], spread[round(0.975 * _RESAMPLES) - 1]) if n else (0.0, 0.0)
    return {
        "n": n,
        "ece": round(calibration_error(shares, right), 4),
        "interval": [round(low, 4), round(high, 4)],
        "brier": round(brier(shares, right), 4),
    }


def reliability(shares: Sequence[float], right: Sequence[bool]) -> list[dict[str, Any]]:
    """One row per bin that holds answers: bounds, how many, their mean share, the share that was right."""
    rows: list[dict[str, Any]] = []
    for place in range(BINS):
        inside = [n for n, share in enumerate(shares) if min(int(share * BINS), BINS - 1) == place]
        if inside:
            hits, count = sum(right[n] for n in inside), len(inside)
            low, high = wilson(hits, count)
            rows.append({
                "bin": [place / BINS, (place + 1) / BINS], "n": count,
                "mean": round(sum(shares[n] for n in inside) / count, 4), "right": round(hits / count, 4),
                "interval": [round(low, 3), round(high, 3)],
            })  # fmt: skip
    return rows


def figures(judged: Sequence[Judged], folds: int) -> dict[str, Any]:
    """Everything that is told. Raises ValueError when fewer answers than folds can be judged."""
    if len(judged) < folds:
        raise ValueError(f"{len(judged)} judged answers are not enough for {folds} folds")
    raw, right = [j.confidence for j in judged], [j.right for j in judged]
    hits, sets = sum(right), sorted({j.dataset for j in judged})
    low, high = wilson(hits, len(judged))
    groups: dict[str, Group] = {f"{folds} folds": parts(judged, folds)}
    if len(sets) > 1:
        groups["whole sets"] = lambda j: j.dataset
    after: dict[str, Any] = {}
    for name, group in groups.items():
        kinds = left_out_per_kind(judged, group)
        after[name] = {
            "isotonic": errors(left_out(judged, group, isotonic), right),
            "Platt": errors(left_out(judged, group, platt), right),
            "isotonic per kind": errors([share for _, share in kinds], [j.right for j, _ in kinds]),
            "the same, as they were": errors([j.confidence for j, _ in kinds], [j.right for j, _ in kinds]),
        }
    last = list(groups.values())[-1]
    return {
        "n": len(judged), "sets": {name: sum(j.dataset == name for j in judged) for name in sets},
        "right": {"hits": hits, "share": round(hits / len(judged), 4), "interval": [round(low, 3), round(high, 3)]},
        "service_right": sum(j.service_right for j in judged),
        "before": errors(raw, right), "after": after,
        "reliability_before": reliability(raw, right),
        "reliability_after": reliability(left_out(judged, last, isotonic), right),
        "left_out_in_table": list(groups)[-1], "by_size": by_size(judged),
    }  # fmt: skip


def table(found: Mapping[str, Any]) -> str:
    """The figures as Markdown."""
    share = found["right"]
    lines = [
        f"{found['n']} leading hypotheses of {len(found['sets'])} sets; right {share['hits']} "
        f"({share['share']:.3f}, {share['interval'][0]:.2f} to {share['interval'][1]:.2f}), "
        f"the service alone {found['service_right']}.",
        "",
        "| confidence | map | n | calibration error (95 %) | Brier |",
        "|---|---|---|---|---|",
        _error_row("as it is", "none", found["before"]),
    ]
    for name, maps in found["after"].items():
        lines += [_error_row(f"without {name}", told, one) for told, one in maps.items()]
    for words, key in (
        ("as it is", "reliability_before"),
        (f"isotonic, fitted without {found['left_out_in_table']}", "reliability_after"),
    ):
        lines += ["", f"| {words} | n | mean | right (95 %) |", "|---|---|---|---|"]
        lines += [_bin_row(row) for row in found[key]]
    lines += ["", "| fitted on | none: error, Brier | isotonic | Platt |", "|---|---|---|---|"]
    lines += [_size_row(row) for row in found["by_size"]]
    return "\n".join(lines)


def _error_row(words: str, name: str, told: Mapping[str, Any]) -> str:
    low, high = told["interval"]
    cell = f"{told['ece']:.3f} ({low:.3f} to {high:.3f}) | {told['brier']:.3f}" if told["n"] else " | "
    return f"| {words} | {name} | {told['n']} | {cell} |"


def _size_row(row: Mapping[str, Any]) -> str:
    cells = [f"{row[name]['ece']:.3f}, {row[name]['brier']:.3f}" for name in ("none", "isotonic", "Platt")]
    return f"| {row['outcomes']} outcomes, {row['draws']} draws | {' | '.join(cells)} |"


def _bin_row(row: Mapping[str, Any]) -> str:
    (start, end), (low, high) = row["bin"], row["interval"]
    share = f"{row['right']:.2f} ({low:.2f} to {high:.2f})"
    return f"| {start:.1f} to {end:.1f} | {row['n']} | {row['mean']:.2f} | {share} |"
