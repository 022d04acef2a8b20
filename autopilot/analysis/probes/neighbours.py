"""Probe `neighbours`: which callers and callees of a service suffer, and who suffered first?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from autopilot.analysis.clue import SYMPTOMS, amount
from autopilot.analysis.logs.clues import log_clues
from autopilot.analysis.metrics.kinds import MetricKind
from autopilot.analysis.metrics.table import read_series
from autopilot.analysis.probes.moves import Moved, moves_of
from autopilot.analysis.probes.places import during, in_windows, listed, match, names_in, unknown_name
from autopilot.analysis.probes.probe import Answer, Observed, ProbeArguments, ProbeKind
from autopilot.analysis.topology import Graph, read_graph
from autopilot.analysis.windows import MICROS, micros
from autopilot.incident.base import clean
from autopilot.incident.finding import Finding
from autopilot.incident.investigation import FINDINGS_PER_PROBE

_CLEAR = 0.3
"""Score from which a service counts as suffering."""
_TOGETHER = 30 * MICROS
"""Onsets are not told apart more finely than this."""
_MOST = 60
"""Neighbours looked at."""


class NeighboursProbe(ProbeArguments):
    """The services around a service."""

    direction: Literal["callers", "callees", "both"]
    """Who calls it, whom it calls, or both."""

    def answer(self, seen: Observed) -> Answer:
        """`present`: neighbours suffer, told in their order; `absent`: those that are measured are healthy."""
        graph = read_graph(seen.table("topology"), seen.table("spans"))
        known = sorted({*graph.down, *graph.up})
        found = match(self.service, known)
        if not found:
            elsewhere = {*names_in(seen.table("metrics")["service"]), *names_in(seen.table("logs")["service"])}
            if match(self.service, sorted(elsewhere)):
                asked = clean(self.service, 60)
                return Answer("unknown", f"No calls of {asked} or into it are known", missing=("topology", "spans"))
            return unknown_name("calls", self.service, known, "topology")
        around = _around(graph, found[0], self.direction)
        if not around:
            text = f"{found[0]} has no known {self.direction if self.direction != 'both' else 'neighbours'}"
            return seen.absent("state", found[0], text, source="topology", query=f"calls around {found[0]}")
        return _told(found[0], around, [_health(name, seen) for name in (found[0], *sorted(around))], seen)


def _around(graph: Graph, service: str, direction: str) -> dict[str, str]:
    """Neighbour → what it is to the service; one that is both is told as what it calls."""
    callers = dict.fromkeys(graph.up.get(service, ()), "caller") if direction != "callees" else {}
    callees = dict.fromkeys(graph.down.get(service, ()), "callee") if direction != "callers" else {}
    return dict(sorted((callers | callees).items())[:_MOST])


@dataclass(frozen=True)
class _Health:
    """What is known of one service during the incident."""

    service: str
    measured: bool
    signs: tuple[Finding, ...]
    """What is bad about it, the earliest first."""

    @property
    def since(self) -> int | None:
        """Microseconds of its first bad sign."""
        return min((micros(f.onset) for f in self.signs if f.onset), default=None)


def _health(service: str, seen: Observed) -> _Health:
    windows = seen.windows
    rows = in_windows(seen.table("metrics").filter(pl.col("service").cast(pl.String) == service), windows)
    lines = seen.table("logs").filter(pl.col("service") == service)
    series = [m for m in moves_of(read_series(rows, windows)) if m.sure]
    bad = [m.finding() for m in series if _suffers(m)]
    bad += [c.finding for c in log_clues(lines, windows) if c.adverse and c.score >= _CLEAR]
    spans = seen.table("spans").filter(pl.col("service") == service)
    measured = (
        bool(series) or not during(lines, windows).is_empty() or not during(spans, windows, "start").is_empty()
    )
    ordered = sorted((f for f in bad if f.onset), key=lambda f: (f.onset or windows.whole.end, -f.score, f.summary))
    return _Health(service, measured, tuple(ordered))


def _suffers(moved: Moved) -> bool:
    """Whether a series moved to the bad side, and speaks of the service itself."""
    row = moved.row
    kind = MetricKind(row["signal"], row["cause"], row["counter"], row["about"])
    bad = kind.adverse("up" if moved.move == "rose" else "down")
    return moved.move != "unchanged" and row["score"] >= _CLEAR and row["signal"] in SYMPTOMS and bad


def _told(service: str, around: dict[str, str], health: Sequence[_Health], seen: Observed) -> Answer:
    own, others = health[0], health[1:]
    sick = sorted((h for h in others if h.signs), key=lambda h: (h.since or 0, h.service))
    well = [h.service for h in others if h.measured and not h.signs]
    unseen = [h.service for h in others if not h.measured]
    rest = f"; healthy: {listed(well)}" if well else ""
    rest += f"; nothing known of {listed(unseen)}" if unseen else ""
    if not sick and not well:
        text = f"Nothing was collected of {listed(unseen)}, the neighbours of {service}"
        return Answer("unknown", text, missing=("metrics", "logs"))
    if not sick:
        text = f"None of {len(well)} measured neighbours of {service} suffers{rest}"
        return seen.absent("metric", service, text, source="metrics", query=f"health around {service}")
    first = min((h for h in (own, *sick) if h.signs), key=lambda h: h.since or 0)
    together = any(
        h is not first and (h.since or 0) - (first.since or 0) <= _TOGETHER for h in (own, *sick) if h.signs
    )
    parts = ", ".join(f"{around[h.service]} {h.service} {_after(h, own)}" for h in sick[:3])
    head = "" if together else f"first to suffer is {first.service}; "
    head = head if own.signs else f"{service} itself shows nothing bad; "
    lead = sick[0].signs[0].summary
    summary = f"{head}{len(sick)} of {len(others)} neighbours of {service} suffer: {parts}{rest}; {lead}"
    findings = tuple(h.signs[0] for h in sick[:FINDINGS_PER_PROBE])
    return Answer("present", clean(summary, 400), findings)


def _after(neighbour: _Health, own: _Health) -> str:
    """When a neighbour began to suffer, seen from the service."""
    if neighbour.since is None or own.since is None:
        return "too"
    seconds = (neighbour.since - own.since) / MICROS
    if abs(seconds) * MICROS <= _TOGETHER:
        return "at the same time"
    return f"{amount(abs(seconds))} s {'after' if seconds >= 0 else 'before'} it"


PROBE = ProbeKind(
    "Which services around a service suffer too, and who suffered first? `absent` means that those that are "
    "measured are healthy.",
    NeighboursProbe,
    ("topology", "spans", "metrics", "logs"),
    ("present", "absent", "unknown"),
)
