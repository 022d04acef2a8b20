"""Time that is lost on the network: what waits without working, and what sends again.

A service whose typical request became slower, while nothing it calls did in proportion and its own processor has
no more to do than before, waits for packets. Like is compared with like: the typical request of the caller with the
typical request of the callee, for a delayed pod also slows a few requests of what it calls. Several such services
on one node, and none elsewhere, speak against the node. Lost packets show as retransmissions where they get lost.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.metrics.table import SeriesTable, reference
from autopilot.analysis.topology import Graph
from autopilot.incident.cause import Mechanism
from autopilot.incident.finding import Provenance

_TYPICAL = re.compile(r"p50|p_?50|median|average|\bavg|mean", re.IGNORECASE)
_RETRANSMITS = "(?i)retran|retans|rexmit"
_SLOWER = 1.5
"""Times the usual before a service counts as slower."""
_HANDED_ON = 0.15
"""A caller waits as long as each of its calls: a callee that rose by less than a seventh of it explains nothing."""
_SMALL = 0.05
"""Share of the largest delay below which another one is an echo of it."""
_BUSIER = 2.0
"""Times the usual processor time from which on a slow service works more instead of waiting."""
_RESENT = 1.0
"""Retransmissions per second that are usual on nodes without any loss."""
_STANDS_OUT = 2.0
"""Times the next worst."""
_SCORE = 0.85
_LEAST = 5.0
"""Times the usual from which on the delay is beyond what load does."""


@dataclass(frozen=True)
class _Rise:
    """How a series rose."""

    service: str
    row: Mapping[str, Any]

    @property
    def by(self) -> float:
        """The difference, in the unit of the series."""
        return float(self.row["observed"] - self.row["baseline"])

    @property
    def times(self) -> float:
        """The ratio; from nothing it is counted as from a hundredth of what there is now."""
        return float(self.row["observed"] / max(self.row["baseline"], self.row["observed"] / 100, 1e-12))


def delay_clues(table: SeriesTable, graph: Graph, hosts: Mapping[str, frozenset[str]]) -> list[Clue]:
    """Delays of pods and nodes, and lost packets.

    Args:
        table: All series.
        graph: Who calls whom.
        hosts: Service → the nodes its pods run on.
    """
    rises = _slower(table)
    origins = [r for r in rises.values() if _stands_alone(r, rises, graph)]
    if not origins:
        return []
    first = min(origins, key=lambda r: (-r.by, r.service))
    if _works_more(first.service, table):
        return []
    waiting = [first, *_others(first, origins, graph)]
    node = _common_node(waiting, hosts)
    lossy = _lossy(table, hosts)
    if lossy is not None:
        return [
            _clue(lossy, "node_packet_loss" if _is_node(lossy.service, hosts) else "packet_loss", waiting, table)
        ]
    if node:
        return [_clue(first, "node_network_delay", waiting, table, node)]
    return [_clue(first, "network_delay", [first], table)]


def hosts_of(state: pl.DataFrame) -> dict[str, frozenset[str]]:
    """Service → the nodes that its observed pods run on."""
    body = pl.col("body")
    pods = state.filter((pl.col("kind") == "k8s_pod") & body.str.starts_with("{") & body.str.ends_with("}"))
    placed = pods.select("service", node=body.str.json_path_match("$.spec.nodeName")).drop_nulls().unique()
    found = placed.sort("service", "node").group_by("service", maintain_order=True).agg("node")
    return {str(service): frozenset(nodes) for service, nodes in found.iter_rows()}


def _slower(table: SeriesTable) -> dict[str, _Rise]:
    """Services whose typical request is slower, by the one measure that most services have."""
    rows = table.scored.filter(
        (pl.col("signal") == "latency") & pl.col("observed").is_finite() & pl.col("baseline").is_finite()
    ).to_dicts()
    measures: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if _TYPICAL.search(f"{row['metric']} {row['statistic']}"):
            measures.setdefault((row["metric"], row["statistic"], row["unit"]), []).append(row)
    if not measures:
        return {}
    widest = max(sorted(measures), key=lambda m: len({row["service"] for row in measures[m]}))
    worst: dict[str, _Rise] = {}
    for row in sorted(measures[widest], key=lambda r: (r["service"], r["sid"])):
        rise = _Rise(row["service"], row)
        if (
            rise.by > 0
            and rise.times >= _SLOWER
            and (rise.service not in worst or rise.by > worst[rise.service].by)
        ):
            worst[rise.service] = rise
    return worst


def _stands_alone(rise: _Rise, rises: Mapping[str, _Rise], graph: Graph) -> bool:
    """Whether it takes part in calls and nothing that it calls explains its rise."""
    if rise.service not in graph.down and rise.service not in graph.up:
        return False
    below = graph.callees(rise.service) - {rise.service}
    slow = [rises[s] for s in sorted(below) if s in rises]
    # In a circle of calls both would explain each other; the larger rise stands.
    return not any(
        other.by >= _HANDED_ON * rise.by
        and (rise.service not in graph.callees(other.service) or other.by > rise.by)
        for other in slow
    )


def _others(first: _Rise, origins: Sequence[_Rise], graph: Graph) -> list[_Rise]:
    """Further origins of a size with the first that neither wait for it nor are called by it."""
    related = graph.callees(first.service) | graph.callers(first.service) | {first.service}
    apart = (r for r in origins if r.service not in related and r.by >= _SMALL * first.by)
    return sorted(apart, key=lambda r: (-r.by, r.service))


def _works_more(service: str, table: SeriesTable) -> bool:
    """Whether its processor has more to do most of the time, or is not measured, so that nobody can tell."""
    used = table.scored.filter(
        (pl.col("service") == service)
        & (pl.col("cause") == "cpu")
        & ~pl.col("metric").str.contains(r"(?i)throttl|cfs")
    )
    levels = _lasting(used, table).filter(pl.col("observed") >= _BUSIER * pl.col("baseline"))
    return used.is_empty() or not levels.is_empty()


def _lasting(rows: pl.DataFrame, table: SeriesTable) -> pl.DataFrame:
    """Series with the middle of their samples in the incident as what was observed, where that is not nothing."""
    during = table.samples.filter(pl.col("time") >= table.windows.split)
    middle = during.group_by("sid").agg(observed=pl.col("value").median())
    return rows.drop("observed").join(middle, on="sid", how="inner").filter(pl.col("observed") > 0)


def _common_node(waiting: Sequence[_Rise], hosts: Mapping[str, frozenset[str]]) -> str:
    """The one node on which all of several origins run, "" when there is none or every service runs there."""
    if len(waiting) < 2 or any(r.service not in hosts for r in waiting):
        return ""
    common = set(hosts[waiting[0].service]).intersection(*(hosts[r.service] for r in waiting))
    elsewhere = any(not (nodes & common) for nodes in hosts.values())
    return min(common) if len(common) == 1 and elsewhere else ""


def _lossy(table: SeriesTable, hosts: Mapping[str, frozenset[str]]) -> _Rise | None:
    """The service, or node of services, that sends again far more than before and than the others all the time.

    A delay also makes senders send again, but only until they have learned of it: so the middle of the incident's
    samples counts. What carries none of the services cannot lose their packets.
    """
    places = sorted({*hosts, *(node for nodes in hosts.values() for node in nodes)})
    rows = table.scored.filter(pl.col("metric").str.contains(_RETRANSMITS) & pl.col("service").is_in(places))
    found = (_Rise(r["service"], r) for r in _lasting(rows, table).to_dicts())
    rising = sorted(found, key=lambda r: (-r.by, r.service))
    if not rising or rising[0].row["observed"] < _RESENT or rising[0].times < _LEAST:
        return None
    second = next((r.by for r in rising[1:] if r.service != rising[0].service), 0.0)
    return rising[0] if rising[0].by >= _STANDS_OUT * second else None


def _is_node(name: str, hosts: Mapping[str, frozenset[str]]) -> bool:
    return any(name in nodes for nodes in hosts.values())


def _clue(rise: _Rise, mechanism: Mechanism, waiting: Sequence[_Rise], table: SeriesTable, node: str = "") -> Clue:
    row = rise.row
    onset = int(row["onset"]) if row["onset"] is not None else table.windows.split
    services = ", ".join(r.service for r in waiting[:4])
    told = (
        f"{row['metric']} of {rise.service} rose from {amount(row['baseline'], row['unit'])} to "
        f"{amount(row['observed'], row['unit'])} since {clock(onset)}"
    )
    why = {
        "network_delay": "nothing it calls became slower in proportion, and it works no more than before",
        "node_network_delay": f"{services} wait without working more, and all of them run on {node}",
    }.get(mechanism, f"no other sends that much again, while {services} became slower")
    finding = make_finding(
        "metric",
        service=node or rise.service, resource=str(row["resource"]), region=str(row["region"]),
        window=table.windows.since(onset), onset=onset, uncertainty=int(row["uncertainty"] or 0), direction="up",
        size=rise.times, baseline=row["baseline"], observed=row["observed"], unit=row["unit"],
        score=_SCORE if rise.times >= _LEAST else _SCORE * 0.8,
        summary=f"{told[0].upper()}{told[1:]}; {why}",
        mechanism=mechanism, metric=reference(dict(row)),
        provenance=Provenance(
            source=row["source"] or "metrics", query=f"{row['metric']} {row['dimensions']}"[:1_000]
        ),
    )  # fmt: skip
    reach = frozenset(r.service for r in waiting)
    return Clue(finding, "condition", onset, int(row["uncertainty"] or 0), adverse=True, reach=reach)
