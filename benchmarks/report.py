"""The figures of `benchmarks.accuracy` as Markdown tables and as one JSON object."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

from benchmarks.answering import OURS
from benchmarks.predictions import Prediction
from benchmarks.scoring import Truth, joint_rank, rank_of

Scores = dict[str, dict[str, float]]
"""Set → measure → value."""
Predictions = Mapping[str, Prediction]
"""Case id → answer."""
_INTERNAL = ("low", "high", "joint_low", "joint_high", "commit_low", "commit_high")
_COUNTS = ("n", "decoys", "abstained")
_PARTED = 0.03
"""Shares that differ by more are named as parting."""
_MEASURES = (("ac1", "AC@1"), ("avg5", "Avg@5"), ("joint_a1", "joint A@1"), ("commit_pass", "commit pass"))


def table(scores: Mapping[str, Scores]) -> str:
    """All sets and methods as one Markdown table."""
    lines = [
        "| set | method | n | AC@1 (95 %) | AC@3 | Avg@5 | joint A@1 (95 %) | joint A@3 | s per case |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in sorted(scores[OURS]):
        lines += [_row(name, method, sets[name]) for method, sets in scores.items() if name in sets]
    commits = [_commit_row(name, found) for name, found in scores[OURS].items() if "commit_pass" in found]
    if commits:
        heading = "| set | n | commit pass (95 %) | decoys hit | blamed no commit | remediation right |"
        lines += ["", heading, "|---|---|---|---|---|---|", *commits]
    return "\n".join(lines)


def _row(name: str, method: str, found: Mapping[str, float]) -> str:
    first = f"{found['ac1']:.3f} ({found['low']:.2f} to {found['high']:.2f})"
    joint, joint3 = "", ""
    if method == OURS and "joint_a1" in found:
        joint = f"{found['joint_a1']:.3f} ({found['joint_low']:.2f} to {found['joint_high']:.2f})"
        joint3 = f"{found['joint_a3']:.3f}"
    seconds = f"{found['seconds_per_case']:.2f}" if method == OURS else ""
    cells = (name, method, f"{found['n']:.0f}", first, f"{found['ac3']:.3f}", f"{found['avg5']:.3f}")
    return f"| {' | '.join((*cells, joint, joint3, seconds))} |"


def _commit_row(name: str, found: Mapping[str, float]) -> str:
    passed = f"{found['commit_pass']:.3f} ({found['commit_low']:.2f} to {found['commit_high']:.2f})"
    counted = f"{found['decoys']:.0f} | {found['abstained']:.0f} | {found['remediation']:.3f}"
    return f"| {name} | {found['n']:.0f} | {passed} | {counted} |"


def as_json(found: Scores) -> str:
    """Our measures of each set as one object; counts are whole numbers, the rest has four digits."""
    told = {
        name: {
            key: int(value) if key in _COUNTS else round(value, 4)
            for key, value in measures.items() if key not in _INTERNAL
        }
        for name, measures in found.items()
    }  # fmt: skip
    return json.dumps(told)


def compared(plain: Scores, refitted: Scores, left_out: Mapping[str, str]) -> str:
    """Plain figures beside those with weights refitted without the scored group, and where they part."""
    lines = [
        "| set | n | left out | measure | plain (95 %) | cross-validated (95 %) | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    parted: list[str] = []
    for name in sorted(plain):
        for key, word in _MEASURES:
            if key not in plain[name]:
                continue
            before, after = plain[name][key], refitted[name][key]
            cells = (_share(plain[name], key), _share(refitted[name], key), f"{after - before:+.3f}")
            lines.append(f"| {name} | {plain[name]['n']:.0f} | {left_out[name]} | {word} | {' | '.join(cells)} |")
            if abs(after - before) > _PARTED:
                parted.append(f"{name} {word} {before:.3f} → {after:.3f}")
    told = "; ".join(parted) or "nowhere"
    return "\n".join([*lines, "", f"They part by more than {_PARTED:g}: {told}."])


def _share(found: Mapping[str, float], key: str) -> str:
    low, high = {"ac1": ("low", "high"), "joint_a1": ("joint_low", "joint_high"),
                 "commit_pass": ("commit_low", "commit_high")}.get(key, ("", ""))  # fmt: skip
    interval = f" ({found[low]:.2f} to {found[high]:.2f})" if low else ""
    return f"{found[key]:.3f}{interval}"


def misses(truths: Mapping[str, Sequence[Truth]], answers: Predictions) -> str:
    """Per set and group of faults how many were right, then each miss with the truth and our first answers."""
    lines = ["| set | fault | n | object right | object and fault right |", "|---|---|---|---|---|"]
    told: list[str] = []
    for name in sorted(truths):
        groups: dict[str, list[Truth]] = defaultdict(list)
        for truth in truths[name]:
            groups[truth.fault].append(truth)
        for fault, group in sorted(groups.items()):
            given = [answers.get(t.id, Prediction(t.id, name, ())) for t in group]
            pairs = list(zip(group, given, strict=True))
            right = sum(rank_of(p.ranking, t.services) == 1 for t, p in pairs)
            joint = str(sum(joint_rank(t, p) == 1 for t, p in pairs)) if group[0].taxonomy else ""
            lines.append(f"| {name} | {fault[:60]} | {len(group)} | {right} | {joint} |")
            told += [line for t, p in pairs if (line := _miss(t, p))]
    return "\n".join([*lines, "", *told])


def _miss(truth: Truth, answer: Prediction) -> str:
    """One line for an answer that is not right in everything, "" for one that is."""
    missed = rank_of(answer.ranking, truth.services) != 1
    if not (missed or (truth.taxonomy and joint_rank(truth, answer) != 1)):
        return ""
    named = ", ".join(f"{component}: {fault}" for component, fault in answer.diagnoses[:3])
    first = named if truth.taxonomy and named else ", ".join(answer.ranking[:3]) or answer.error[:80] or "nothing"
    what = "object" if missed else "fault"
    return f"{truth.dataset} {truth.id} {what}: {'/'.join(truth.services)} {truth.fault[:60]} | {first}"
