"""Probe `trace`: did calls of a service become slower or fail more, and where does their time go?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from autopilot.analysis.clue import amount, make_finding
from autopilot.analysis.probes.places import in_windows, listed, match, names_in, unknown_name
from autopilot.analysis.probes.probe import Answer, Observed, ProbeArguments, ProbeKind
from autopilot.analysis.traces.call_tree import CallTree, Flags, read_tree
from autopilot.analysis.traces.slowness import compared_kinds
from autopilot.analysis.windows import Windows
from autopilot.incident.base import Name, clean
from autopilot.incident.finding import Finding, Provenance

_TRACES = 20_000
"""Traces that are read."""
_CLEAR = 3.0
"""Standard errors beyond which a share or a time has moved."""
_FASTER = 1.5
_FELT = 0.02
"""Least share of calls by which failures must have changed."""
_SMALL = 1_000.0
"""Microseconds: smaller differences are of no practical interest."""
_SHOWN = 4
Move = Literal["rose", "fell", "unchanged"]
_ORDER: tuple[Move, ...] = ("rose", "fell", "unchanged")


class TraceProbe(ProbeArguments):
    """Spans of a service."""

    operation: Name
    """Operation, or a part of its name; empty for all."""
    callee: Name
    """Service that is called, to look only at the calls into it; empty for the service's own work."""

    def answer(self, seen: Observed) -> Answer:
        """`rose`, `fell`, `unchanged` by own time and own failures; `absent`: it never makes such calls."""
        windows = seen.windows
        spans = in_windows(seen.table("spans"), windows, "start")
        services = names_in(spans["service"])
        found = match(self.service, services)
        if not found:
            return unknown_name("spans", self.service, services, "spans")
        service = found[0]
        tree = read_tree(traces_through(spans, service), windows)
        mine = tree.service == _place(tree, service)
        if not (mine & (tree.start >= windows.split)).any():
            return Answer("unknown", f"No spans of {service} during the incident", missing=("spans",))
        if self.callee:
            callee = match(self.callee, services)
            if not callee:
                return unknown_name("spans", self.callee, services, "spans")
            into = tree.remote & (tree.service == _place(tree, callee[0]))
            into[into] = mine[tree.parent[into]]
            return _answer(_Calls(tree, seen, service, callee[0], self.operation), into)
        return _answer(_Calls(tree, seen, service, "", self.operation), mine)


def traces_through(spans: pl.DataFrame, service: str) -> pl.DataFrame:
    """The traces that pass a service. Of too many, evenly spread ones: ids often begin with the time."""
    passing = spans.filter(pl.col("service") == service).select("trace_id").unique().sort("trace_id")
    return spans.join(passing.gather_every(1 + passing.height // _TRACES), on="trace_id", how="semi")


def _place(tree: CallTree, service: str) -> int:
    return tree.services.index(service) if service in tree.services else -1


@dataclass(frozen=True)
class _Calls:
    """Which calls are asked about."""

    tree: CallTree
    seen: Observed
    service: str
    callee: str
    operation: str

    @property
    def windows(self) -> Windows:
        """Baseline and incident."""
        return self.seen.windows

    def absent(self, text: str) -> Answer:
        """The answer when the service was traced without such calls."""
        return self.seen.absent("trace", self.service, text, source="spans", query=self.provenance.query)

    @property
    def what(self) -> str:
        """The calls as a reader is told."""
        into = f"{self.service} into {self.callee}" if self.callee else self.service
        return f"{into} ({clean(self.operation, 60)})" if self.operation else into

    @property
    def provenance(self) -> Provenance:
        """The exact question."""
        return Provenance(source="spans", query=f"spans of calls of {self.what}"[:1_000], window=self.windows.whole)

    def named(self, rows: Flags) -> Flags:
        """The rows whose operation (or, of calls, the caller's) has the name in it."""
        wanted = self.operation.lower()
        fits = np.array([wanted in name.lower() for name in self.tree.operations], dtype=np.bool_)
        mine = fits[self.tree.operation]
        if self.callee:
            mine = mine | (fits[self.tree.operation[self.tree.parent]] & (self.tree.parent >= 0))
        return np.asarray(rows & mine, dtype=np.bool_)


def _answer(calls: _Calls, rows: Flags) -> Answer:
    tree, split = calls.tree, calls.windows.split
    if not rows.any():
        return calls.absent(f"There are spans of {calls.service}, and none of them calls {calls.callee}")
    chosen = calls.named(rows)
    if not chosen.any():
        exists = listed(map(tree.operations.__getitem__, np.unique(tree.operation[rows])), calls.operation)
        asked = clean(calls.operation, 60)
        return Answer("unknown", f"No operation of {calls.service} is like {asked!r}; there are {exists}")
    if not (chosen & (tree.start >= split)).any():
        return calls.absent(f"No calls of {calls.what} during the incident, though {calls.service} was traced")
    slower, by_time = _time(calls, chosen)
    failing, by_failure = _failures(calls, chosen)
    findings = (*by_time, *by_failure, *_where(calls, chosen))
    outcome = _worse(slower, failing)
    if outcome is None:
        text = f"Nothing before the incident to compare calls of {calls.what} with"
        return Answer("unknown", text, findings, ("spans",))
    summary = "; ".join(f.summary for f in (*by_time, *by_failure)[:2])
    return Answer(outcome, clean(summary, 400), findings)


def _worse(one: Move | None, other: Move | None) -> Move | None:
    if one is None or other is None:
        return one or other
    return one if _ORDER.index(one) <= _ORDER.index(other) else other


def _time(calls: _Calls, chosen: Flags) -> tuple[Move | None, Sequence[Finding]]:
    """Whether the calls take longer: their own time, or as a whole where a callee is asked about."""
    tree = calls.tree
    kinds = compared_kinds(tree, calls.windows, chosen, tree.duration if calls.callee else tree.own)
    if kinds.is_empty():
        return None, ()
    faster = (
        (pl.col("z") <= -_CLEAR) & (pl.col("now") * _FASTER <= pl.col("usual"))
        & (pl.col("usual") - pl.col("now") >= _SMALL)
    )  # fmt: skip
    best = kinds.with_columns(faster=faster).sort(
        ["slow", "faster", "added", "calls", "kind"], descending=[True, True, True, True, False]
    )
    row = best.row(0, named=True)
    move: Move = "rose" if row["slow"] else "fell" if row["faster"] else "unchanged"
    usual, now = row["usual"] / 1_000, row["now"] / 1_000
    word = {"rose": "rose", "fell": "fell", "unchanged": "is unchanged"}[move]
    time = "time" if calls.callee else "own time"
    where = clean(tree.operations[int(row["operation"])], 80)
    finding = make_finding(
        "trace",
        service=calls.callee or calls.service, window=calls.windows.since(None),
        direction="up" if move == "rose" else "down" if move == "fell" else "none",
        size=now / usual if usual else 0.0, baseline=usual, observed=now, unit="ms",
        score=min(0.9, abs(row["z"]) / 10) if move == "rose" else 0.1,
        summary=(
            f"The {time} of calls of {calls.what} {word} in {where}: {amount(now, 'ms')} per call, "
            f"usually {amount(usual, 'ms')} ({row['calls']} calls, {row['base']} before)"
        ),
        provenance=calls.provenance,
    )  # fmt: skip
    return move, (finding,)


def _failures(calls: _Calls, chosen: Flags) -> tuple[Move | None, Sequence[Finding]]:
    """Whether more of the calls fail by themselves, not because something below them failed."""
    tree, late = calls.tree, calls.tree.start >= calls.windows.split
    handed_on = np.zeros(tree.size, dtype=np.bool_)
    handed_on[tree.parent[tree.failed & (tree.parent >= 0)]] = True
    own = tree.failed & (~handed_on if not calls.callee else True)
    counted = [(int((chosen & side).sum()), int((chosen & side & own).sum())) for side in (~late, late)]
    (before, failed_before), (now, failed_now) = counted
    share, usual = failed_now / max(now, 1), failed_before / max(before, 1)
    pooled = (failed_now + failed_before + 1) / (now + before + 2)
    error = float(np.sqrt(pooled * (1 - pooled) * (1 / max(now, 1) + 1 / max(before, 1))))
    clear = abs(share - usual) >= max(_FELT, _CLEAR * error)
    move: Move = ("rose" if share > usual else "fell") if clear else "unchanged"
    if not before:
        return ("rose" if failed_now and share >= 0.5 else None), _failing(calls, share, None, (now, failed_now))
    return move, _failing(calls, share, usual, (now, failed_now)) if failed_now or failed_before else ()


def _failing(
    calls: _Calls, share: float, usual: float | None, counted: tuple[int, int]
) -> tuple[Finding, ...]:  # fmt: skip
    now, failed = counted
    rose = share > (usual or 0.0) + _FELT
    whose = "" if calls.callee else ", not because of what it calls"
    before = "nothing older to compare" if usual is None else f"usually {amount(usual, 'share')}"
    return (
        make_finding(
            "trace",
            service=calls.callee or calls.service, window=calls.windows.since(None),
            direction="up" if rose else "none",
            size=share / usual if usual else 0.0, baseline=usual, observed=share, unit="share",
            score=min(0.9, share * 3) if rose else 0.1,
            summary=(
                f"{failed} of {now} calls of {calls.what} fail{whose}: {amount(share, 'share')}, {before}"
            ),
            provenance=calls.provenance,
        ),
    )  # fmt: skip


def _where(calls: _Calls, chosen: Flags) -> tuple[Finding, ...]:
    """Which services the requests that pass here spend their time in, before and now."""
    tree, late = calls.tree, calls.tree.start >= calls.windows.split
    before, now = (_spent(tree, chosen & side) for side in (~late, late))
    total, usual = sum(now.values()), sum(before.values())
    if not usual:
        return ()
    order = sorted(now, key=lambda name: (-now[name], name))[:_SHOWN]
    parts = ", ".join(
        f"{name} {amount(now[name], 'ms')} (was {amount(before[name], 'ms')})" for name in order if now[name] > 0
    )
    most = max(sorted(now), key=lambda name: now[name] - before[name])
    grown = total - usual >= 0.2 * max(usual, 1.0)
    return (
        make_finding(
            "trace",
            service=most if grown else calls.service, window=calls.windows.since(None),
            direction="up" if grown else "none", size=total / usual, baseline=usual, observed=total,
            unit="ms", score=0.4 if grown else 0.1,
            summary=(
                f"Requests through {calls.service} take {amount(total, 'ms')} of work in all, usually "
                f"{amount(usual, 'ms')}; by service: {parts}"
            ),
            provenance=calls.provenance,
        ),
    )  # fmt: skip


def _spent(tree: CallTree, rows: Flags) -> dict[str, float]:
    """Service → milliseconds of own time per trace that some rows belong to."""
    traces = np.unique(tree.trace[rows])
    inside = np.isin(tree.trace, traces)
    per = np.bincount(tree.service[inside], tree.own[inside] / 1_000, len(tree.services))
    return {name: float(per[n]) / max(traces.size, 1) for n, name in enumerate(tree.services)}


PROBE = ProbeKind(
    "Did the own time or the share of own failures of a service's calls rise, and where do its requests spend "
    "their time? With a callee: of its calls into that service; `absent` means that it makes no such calls.",
    TraceProbe,
    ("spans",),
    ("rose", "fell", "unchanged", "absent", "unknown"),
)
