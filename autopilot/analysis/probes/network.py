"""Probe `network`: are calls lost on the way, or does the far side answer?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.logs.clues import log_clues
from autopilot.analysis.logs.signatures import signature_of
from autopilot.analysis.metrics.delays import delay_clues, hosts_of
from autopilot.analysis.metrics.table import read_series
from autopilot.analysis.probes.lines import complains
from autopilot.analysis.probes.moves import moves_of
from autopilot.analysis.probes.places import during, in_windows, listed, match, names_in, speaks_of, unknown_name
from autopilot.analysis.probes.probe import Answer, Observed, ProbeArguments, ProbeKind
from autopilot.analysis.probes.trace import traces_through
from autopilot.analysis.topology import Graph, read_graph
from autopilot.analysis.traces.call_tree import CallTree, read_tree
from autopilot.analysis.traces.slowness import compared_kinds
from autopilot.analysis.windows import Windows
from autopilot.incident.base import Name, clean
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding, Provenance
from autopilot.incident.investigation import FINDINGS_PER_PROBE

_LOST = ("name resolution", "connection refused", "connection reset")
"""Signatures of calls that found nobody."""
_LATE = ("timeout",)
"""Signatures of calls that found no answer in time: lost on the way, or the far side is slow."""
_ANSWERS: tuple[CauseKind, ...] = ("throttled", "quota", "permission", "data", "capacity")
"""Causes of rejections: whoever rejects was reached."""
_MEASURES = (
    r"(?i)retran|rexmit|retrans|packet.{0,12}(loss|lost|drop)|dns|tcp.{0,20}(reset|fail|rst)|unreachable|"
    r"network.{0,12}(error|drop)|connection.{0,3}(error|refus|reset|timeout|attempt)|\brtt"
)
_TAKEN = 0.5
"""Share of the usual calls that must arrive for the far side to count as reached."""
_ENOUGH = 0.2
"""Least score of a sign."""


class NetworkProbe(ProbeArguments):
    """The way between a service and its peers."""

    peer: Name
    """The service or host at the other end; empty for all."""

    def answer(self, seen: Observed) -> Answer:
        """`present`: connections, names or packets fail; `absent`: no such sign, or the far side answers."""
        graph = read_graph(seen.table("topology"), seen.table("spans"))
        known = sorted({
            *names_in(seen.table("metrics")["service"]), *names_in(seen.table("logs")["service"]),
            *names_in(seen.table("spans")["service"]), *graph.down, *graph.up,
        })  # fmt: skip
        found = match(self.service, known)
        if not found:
            return unknown_name("calls", self.service, known, "logs")
        # A peer may be a host outside that only messages name.
        peer = (match(self.peer, known) or [self.peer])[0] if self.peer else ""
        way = _Way(seen, graph, found[0], peer)
        return _judged(way, way.lines(), [*way.travelled(), *way.measured(), *way.delayed()], way.reached())


@dataclass(frozen=True)
class _Way:
    """The calls of a service to a peer (to any, when it is empty)."""

    seen: Observed
    graph: Graph
    service: str
    peer: str

    @property
    def told(self) -> str:
        """Both ends, for a reader."""
        return f"{self.service} and {clean(self.peer, 60) or 'its peers'}"

    def written(self) -> pl.DataFrame:
        """The lines of the service."""
        return in_windows(self.seen.table("logs").filter(pl.col("service") == self.service), self.seen.windows)

    def lines(self) -> list[Clue]:
        """Failures that newly show in the lines."""
        return [c for c in log_clues(self.written(), self.seen.windows) if c.finding.direction in ("new", "up")]

    def concerning(self, lines: Sequence[Clue]) -> list[Clue]:
        """Those of the lines that speak of the peer; without one, all."""
        return [c for c in lines if not self.peer or speaks_of(c.mentions, [self.peer])]

    def nameless(self, lines: Sequence[Clue]) -> list[Clue]:
        """Those of the lines that name nobody whom the service calls: they may speak of the peer or of another."""
        ends = (self.peer, *self.graph.down.get(self.service, ()))
        return [c for c in lines if not speaks_of(c.mentions, ends)]

    def _series(self) -> pl.DataFrame:
        ends = {self.service, self.peer} - {""}
        near = ends.union(*(self.graph.down.get(s, ()) for s in ends), *(self.graph.up.get(s, ()) for s in ends))
        rows = in_windows(self.seen.table("metrics"), self.seen.windows)
        return rows.filter(pl.col("service").cast(pl.String).is_in(sorted(near)))

    def measured(self) -> list[Finding]:
        """Series of connections, packets and names at both ends, moved or not."""
        ends = sorted({self.service, self.peer} - {""})
        rows = self._series().filter(
            pl.col("service").cast(pl.String).is_in(ends) & pl.col("metric").cast(pl.String).str.contains(_MEASURES)
        )
        return [m.finding() for m in moves_of(read_series(rows, self.seen.windows)) if m.sure]

    def delayed(self) -> list[Finding]:
        """Delays and losses that show in who waits for whom."""
        clues = delay_clues(
            read_series(self._series(), self.seen.windows), self.graph, hosts_of(self.seen.table("state"))
        )
        ends = {self.service, self.peer} - {""}
        return [c.finding for c in clues if ends & ({c.service} | c.reach)]

    def travelled(self) -> list[Finding]:
        """The time that calls spend on the way to the peer, where traces have both ends of them."""
        windows = self.seen.windows
        spans = in_windows(self.seen.table("spans"), windows, "start")
        tree = read_tree(traces_through(spans, self.service), windows)
        ends = [n for n, name in enumerate(tree.services) if name in (self.service, self.peer)]
        on_the_way = np.isin(tree.service, ends) | np.isin(tree.callee, ends)
        if self.peer:
            on_the_way = np.isin(tree.service, ends) & np.isin(tree.callee, ends)
        kinds = compared_kinds(tree, windows, on_the_way & (tree.callee >= 0), tree.own)
        first = kinds.sort(["slow", "added", "kind"], descending=[True, True, False]).head(1).to_dicts()
        return [_on_the_way(row, tree, windows) for row in first]

    def reached(self) -> Finding | None:
        """Calls of the service that the far side took up during the incident, as traces show."""
        windows = self.seen.windows
        spans = in_windows(self.seen.table("spans"), windows, "start")
        parents = spans.filter(pl.col("service") == self.service).select("trace_id", parent_id="span_id").unique()
        taken = spans.filter((pl.col("service") != self.service) & (pl.col("parent_id") != "")).join(
            parents, on=["trace_id", "parent_id"], how="semi"
        )
        taken = taken.filter(pl.col("service") == self.peer) if self.peer else taken
        now = during(taken, windows, "start")
        minutes = max((windows.end - windows.split) / 60e6, 1e-9)
        usual = (taken.height - now.height) / max(windows.baseline_minutes, 1e-9)
        if now.height / minutes < max(_TAKEN * usual, 1e-9):
            return None
        return make_finding(
            "trace",
            service=self.peer or self.service, window=windows.since(None), baseline=usual,
            observed=now.height / minutes, unit="calls per minute", score=0.1,
            summary=(
                f"{now.height} calls of {self.service} were taken up by {listed(names_in(now['service']))} during "
                f"the incident: {amount(now.height / minutes)} per minute, before {amount(usual)}"
            ),
            provenance=Provenance(source="spans", query=f"calls between {self.told}"[:1_000], window=windows.whole),
        )  # fmt: skip


def _judged(way: _Way, lines: Sequence[Clue], measured: Sequence[Finding], reached: Finding | None) -> Answer:
    naming = way.concerning(lines)
    lost = [c.finding for c in naming if _is_lost(c)]
    late = [c.finding for c in naming if _signature(c) in _LATE]
    answers = [c.finding for c in naming if c.finding.cause_kind in _ANSWERS]
    # That calls arrive says nothing of how long they travel, unless that was measured too.
    answers += [reached] if reached and any(f.kind == "trace" for f in measured) else []
    moved = [f for f in measured if f.direction == "up" and f.score >= _ENOUGH]
    # Late answers alone prove nothing of the way when other answers do come.
    signs = [*lost, *moved, *(late if not answers else ())]
    if signs:
        found = (*signs, *answers)[:FINDINGS_PER_PROBE]
        but = f"; yet it answers: {answers[0].summary}" if answers else ""
        return Answer("present", clean(f"Between {way.told}: {signs[0].summary}{but}", 400), found)
    if answers:
        text = f"The far side answers, so that {way.told} reach each other: {answers[0].summary}"
        return Answer("absent", clean(text, 400), (*answers, *late, *measured)[:FINDINGS_PER_PROBE])
    open_ = [c.finding for c in way.nameless(lines) if _is_lost(c) or _signature(c) in _LATE]
    if open_:
        text = f"Calls of {way.service} fail, and no line tells whether those to {way.peer}: {open_[0].summary}"
        return Answer("unknown", clean(text, 400), tuple(open_[:FINDINGS_PER_PROBE]))
    written = way.written()
    count = during(written, way.seen.windows).height
    if not measured and not (count and complains(written)):
        text = f"Nothing that was measured, and none of {count} lines, would tell of the way between {way.told}"
        return Answer("unknown", text, missing=() if count else ("logs", "spans"))
    since = clock(way.seen.windows.split)
    text = (
        f"No new failure of connections, names or packets between {way.told} since {since}, "
        f"in {count} lines and {len(measured)} series of the network"
    )
    nothing = way.seen.absent(
        "log", way.service, text, source="logs", query=f"failures of connections between {way.told}"
    )
    return replace(nothing, findings=(*nothing.findings, *measured)[:FINDINGS_PER_PROBE])


def _on_the_way(row: dict[str, Any], tree: CallTree, windows: Windows) -> Finding:
    usual, now, slow = row["usual"] / 1_000, row["now"] / 1_000, bool(row["slow"])
    callee = tree.services[int(row["callee"])]
    ends, moved = f"{tree.services[int(row['service'])]} to {callee}", "rose to" if slow else "is unchanged at"
    return make_finding(
        "trace",
        service=callee, window=windows.since(None), direction="up" if slow else "none",
        size=now / usual if usual else 0.0, baseline=usual, observed=now, unit="ms", score=0.7 if slow else 0.1,
        summary=(
            f"The time on the way from {ends} {moved} {amount(now, 'ms')} per call, "
            f"usually {amount(usual, 'ms')} ({row['calls']} calls, {row['base']} before)"
        ),
        provenance=Provenance(source="spans", query=f"calls from {ends}"[:1_000], window=windows.whole),
    )  # fmt: skip


def _is_lost(clue: Clue) -> bool:
    return _signature(clue) in _LOST or clue.finding.cause_kind == "network"


def _signature(clue: Clue) -> str:
    known = signature_of(clue.mentions)
    return known.name if known else ""


PROBE = ProbeKind(
    "Do connections, name resolution or packets between a service and a peer fail? `absent` means that no such "
    "sign was found where it would show, or that the far side answers: a rejection is an answer.",
    NetworkProbe,
    ("logs", "metrics", "spans", "topology", "state"),
    ("present", "absent", "unknown"),
)
