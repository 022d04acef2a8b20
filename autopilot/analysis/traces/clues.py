"""Traces: the services in which requests became slow, or began to go another way, and nobody below explains it.

A caller that waits longer is not to blame for it, nor is one that fails because of what it calls: time counts where
it is spent (`slowness`), a changed pattern of calls, lines and errors where it begins (`patterns`, `propagation`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from autopilot.analysis.clue import Clue, Signal, amount, clock, make_finding
from autopilot.analysis.metrics.series import Floats, detect, tidy
from autopilot.analysis.traces.call_tree import CallTree, Ints, read_tree
from autopilot.analysis.traces.patterns import CLEAR, Shift, shifts
from autopilot.analysis.traces.propagation import NewFailure, failures_without_history, origins
from autopilot.analysis.traces.slowness import SlowKind, SlowService, beginnings, slow_services
from autopilot.analysis.traces.span_events import read_events
from autopilot.analysis.traces.trace_lines import lines_of
from autopilot.analysis.traces.trace_logs import failing_lines
from autopilot.analysis.windows import MICROS, Windows
from autopilot.incident.base import clean
from autopilot.incident.cause import Mechanism
from autopilot.incident.finding import Provenance

MOST = 20
"""Trace findings in a dossier."""
_WORTH_TELLING = 0.2
_NAMED = 0.3
"""Score from which slowness is sure enough to say how it comes about."""
_PER_SERVICE = 3
_FELT = 0.05
"""Share of an operation's calls that newly fail at which errors count about two thirds."""
_UNCERTAIN = 30 * MICROS
_UNCOMPARED = 0.7
"""What failures count of which nothing is known from before."""


@dataclass(frozen=True)
class _Begun:
    """A shift, with the share of its traces whose trouble begins with it."""

    shift: Shift
    share: float
    score: float


def trace_clues(spans: pl.DataFrame, logs: pl.DataFrame, windows: Windows) -> list[Clue]:
    """What traces say, and which lines go with the traces in trouble; the telling ones first, at most MOST."""
    tree = read_tree(spans, windows)
    if not tree.size:
        return []
    slow = [s for s in slow_services(tree, windows) if s.score >= _WORTH_TELLING]
    lines = lines_of(tree, logs)
    begun, began = _begun(tree, lines, slow, windows)
    slow_since, begun_since = _onsets_of_slowness(tree, slow, windows), _onsets_of_shifts(tree, begun, windows)
    clues = [
        *(_slow_clue(s, onset, windows) for s, onset in zip(slow, slow_since, strict=True)),
        *(_shift_clue(b, onset, windows) for b, onset in zip(begun, begun_since, strict=True)),
        *(_unknown_clue(u, tree, windows) for u in failures_without_history(tree, windows)),
        *failing_lines(tree, lines, began, windows),
    ]
    return sorted(clues, key=lambda c: (-c.score, c.service, c.finding.summary))[:MOST]


def _begun(
    tree: CallTree, lines: pl.DataFrame, slow: Sequence[SlowService], windows: Windows
) -> tuple[list[_Begun], Ints]:
    """Shifts of pattern that begin in their own service, and the spans in which traces' troubles begin.

    What is clearly slow may change what is done after it, so slow spans explain as changed ones do.
    """
    slow_rows = [s.rows for s in slow if s.score >= _NAMED]
    best: tuple[list[_Begun], Ints] = [], np.unique(np.concatenate([*slow_rows, np.empty(0, dtype=np.int64)]))
    events = read_events(tree, lines, windows)
    for since in beginnings(windows):
        found = shifts(tree, events, windows, since)
        if not found:
            continue
        starts = origins(tree, np.unique(np.concatenate([*(s.rows for s in found), *slow_rows])))
        weighed = [_weighed(tree, s, starts) for s in found]
        if max(b.score for b in weighed) > max((b.score for b in best[0]), default=0.0):
            best = weighed, starts
    return _told(best[0]), best[1]


def _weighed(tree: CallTree, shift: Shift, starts: Ints) -> _Begun:
    hit, begun = np.unique(tree.trace[shift.rows]), np.unique(tree.trace[np.intersect1d(shift.rows, starts)])
    begins = begun.size / max(hit.size, 1)
    seen = min(hit.size, shift.before[0] if shift.change == "gone" else shift.before[1])
    evidence = (1 - float(np.exp(-(shift.clear - CLEAR + 0.5) / 1.5))) * seen / (seen + 1)
    felt = shift.share**2 if shift.change == "gone" else 1 - float(np.exp(-shift.share / _FELT))
    return _Begun(shift, begins, round(evidence * felt * begins, 6))


def _told(weighed: Sequence[_Begun]) -> list[_Begun]:
    """The best shifts of each service; the rest are other sides of the same."""
    groups: dict[str, list[_Begun]] = defaultdict(list)
    for b in sorted(weighed, key=lambda b: (-b.score, b.shift.service, b.shift.operation, b.shift.event)):
        if b.score >= _WORTH_TELLING and len(groups[b.shift.service]) < _PER_SERVICE:
            groups[b.shift.service].append(b)
    return [b for _, group in sorted(groups.items()) for b in group]


@dataclass(frozen=True)
class _Onset:
    at: int
    uncertainty: int


def _onsets_of_slowness(tree: CallTree, slow: Sequence[SlowService], windows: Windows) -> list[_Onset]:
    """When the most telling kind of span of each service became slow."""
    samples = [(tree.start[s.lead], tree.own[s.lead].astype(np.float64)) for s in slow]
    return _onsets(samples, [int(tree.start[s.rows].min()) for s in slow], windows)


def _onsets_of_shifts(tree: CallTree, begun: Sequence[_Begun], windows: Windows) -> list[_Onset]:
    """When calls of each operation began to go another way."""
    samples: list[tuple[Ints, Floats]] = []
    for b in begun:
        lead = b.shift.rows[:1]
        rows = np.flatnonzero((tree.service == tree.service[lead]) & (tree.operation == tree.operation[lead]))
        samples.append((tree.start[rows], np.isin(rows, b.shift.rows).astype(np.float64)))
    return _onsets(samples, [int(tree.start[b.shift.rows].min()) for b in begun], windows)


def _onsets(samples: Sequence[tuple[Ints, Floats]], first: Sequence[int], windows: Windows) -> list[_Onset]:
    """Change points of several samples; where none is clear, the first span that shows it."""
    frames = [
        pl.DataFrame({"sid": np.full(at.size, sid), "time": at, "value": value})
        for sid, (at, value) in enumerate(samples)
    ]
    if not frames:
        return []
    found = detect(tidy(pl.concat(frames)), windows).filter(
        (pl.col("score") >= _WORTH_TELLING) & (pl.col("onset") >= windows.split)
    )
    clear = {row["sid"]: _Onset(row["onset"], row["uncertainty"]) for row in found.to_dicts()}
    return [clear.get(sid, _Onset(at, _UNCERTAIN)) for sid, at in enumerate(first)]


def _slow_clue(slow: SlowService, onset: _Onset, windows: Windows) -> Clue:
    lead = slow.kinds[0]
    before, after = lead.before / 1_000, lead.after / 1_000
    finding = make_finding(
        "trace",
        service=slow.service, window=windows.since(onset.at), onset=onset.at, uncertainty=onset.uncertainty,
        direction="up", size=after / before if before else 0.0, baseline=before, observed=after,
        unit="Milliseconds", score=slow.score, mechanism=_mechanism(slow),
        summary=(
            f"{_place(slow, lead)} rose from {amount(before)} ms to {amount(after)} ms in {lead.calls} calls since "
            f"{clock(onset.at)}: {amount(100 * slow.share)}% of the time added in traces lies in {slow.service}"
            f"{' and on the way to and from it' if slow.on_the_way > 0 else ''}"
        ),
        provenance=_provenance(lead.caller, lead.operation, "self time", windows),
    )  # fmt: skip
    return Clue(finding, "self_time", onset.at, onset.uncertainty, adverse=True)


def _place(slow: SlowService, kind: SlowKind) -> str:
    if not kind.callee:
        return f"Own time of {slow.service} {kind.operation[:80]}"
    return f"Time on the way of {kind.operation[:60]} from {kind.caller} to {kind.callee}"


def _mechanism(slow: SlowService) -> Mechanism | None:
    """How the slowness comes about, where the shape of it says so.

    Late packets delay calls into a service and none of its work. A starved process is slow at
    whatever it does: at its own work here and there and at taking and making calls.
    """
    if slow.score < _NAMED or slow.calls_slow < 0.5:
        return None
    if slow.on_the_way >= 0.9 and slow.inward >= 0.5 and slow.starved < 0.25:
        return "network_delay"
    return "cpu_overload" if slow.starved >= 0.25 else None


def _shift_clue(begun: _Begun, onset: _Onset, windows: Windows) -> Clue:
    shift, worse = begun.shift, begun.shift.change != "gone"
    (had, calls), (has, later) = shift.before, shift.after
    before, after = 100 * had / max(calls, 1), 100 * has / max(later, 1)
    event = f'"{clean(shift.sample, 120)}"' if shift.sample else shift.event[:120]
    what = "now show" if worse else "no longer show"
    finding = make_finding(
        "trace",
        service=shift.service, window=windows.since(onset.at), onset=onset.at, uncertainty=onset.uncertainty,
        direction="up" if worse else "gone", size=after / before if before else 0.0, baseline=before,
        observed=after, unit="Percent", score=begun.score,
        summary=(
            f"Calls of {shift.caller} {shift.operation[:80]} {what} {event}: in {has} of {later} traces "
            f"since {clock(onset.at)}, in {had} of {calls} before; in "
            f"{amount(100 * begun.share)}% of these traces the trouble begins "
            f"{'there' if shift.caller == shift.service else f'as {shift.service} does not answer'}"
        ),
        provenance=_provenance(shift.caller, shift.operation, f"event {shift.event[:200]!r}", windows),
    )  # fmt: skip
    signal: Signal = "own_errors" if shift.change == "errors" else "pattern"
    return Clue(finding, signal, onset.at, onset.uncertainty, adverse=True, mentions=shift.sample)


def _unknown_clue(failure: NewFailure, tree: CallTree, windows: Windows) -> Clue:
    onset = int(tree.start[failure.rows].min())
    service, operation = tree.services[failure.service], tree.operations[failure.operation]
    share = failure.traces / failure.failing
    finding = make_finding(
        "trace",
        service=service, window=windows.since(onset), onset=onset, uncertainty=_UNCERTAIN, direction="new",
        size=float(failure.traces), observed=100 * share, unit="Percent",
        score=_UNCOMPARED * share * failure.traces / (failure.traces + 1),
        summary=(
            f"{failure.traces} of {failure.failing} failing traces begin to fail in {service} {operation[:80]} "
            f"since {clock(onset)}; hardly any such call is known from before"
        ),
        provenance=_provenance(service, operation, "failed spans", windows),
    )  # fmt: skip
    return Clue(finding, "own_errors", onset, _UNCERTAIN, adverse=True)


def _provenance(service: str, operation: str, what: str, windows: Windows) -> Provenance:
    query = f"spans of service {service!r}, operation {operation[:200]!r}: {what}"
    return Provenance(source="traces", query=query, window=windows.whole)
