"""Probe `database`: is a database under pressure, and does each request ask more of it than before?"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from autopilot.analysis.clue import amount, clock, make_finding
from autopilot.analysis.logs.clues import log_clues
from autopilot.analysis.metrics.demand import Quotient, limit_clues, quotients
from autopilot.analysis.metrics.kinds import words
from autopilot.analysis.metrics.table import WORTH_TELLING, SeriesTable, read_series
from autopilot.analysis.probes.lines import complains
from autopilot.analysis.probes.moves import Moved, moves_of
from autopilot.analysis.probes.places import during, in_windows, listed, match, names_in, unknown_name
from autopilot.analysis.probes.probe import Answer, Observed, ProbeArguments, ProbeKind
from autopilot.analysis.state.clues import read_inventory
from autopilot.analysis.topology import Graph, read_graph
from autopilot.analysis.windows import Windows
from autopilot.incident.base import clean
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding, Provenance
from autopilot.incident.investigation import FINDINGS_PER_PROBE

Pressure = Literal["rose", "fell", "unchanged"]
Aspect = Literal["all", "load", "work_per_request", "slow_queries", "throttling", "connections", "locks"]
_DATABASE = re.compile(
    r"dynamo|\brds\b|aurora|sql|postgres|mongo|redis|valkey|cassandra|memcache|elasti|opensearch|clickhouse|"
    r"database|db\b|docdb|oracle|maria|cockroach|neo4j|etcd|neptune|redshift|spanner|bigtable|firestore|cosmos"
)
_SPEAKS_OF_ONE = re.compile(
    r"read_capacity|write_capacity|quer(y|ies)|\bsql|\bdb\b|database|transaction|deadlock|row_|rows_"
)
_ASPECTS: tuple[tuple[Aspect, re.Pattern[str]], ...] = (
    ("locks", re.compile(r"\block|deadlock|blocked|wait_event")),
    ("connections", re.compile(r"connection|\bpool|session")),
    ("slow_queries", re.compile(r"slow_?quer|query_(time|duration|latency)|long_running")),
)
_BY_CAUSE: Mapping[CauseKind, Aspect] = {
    "slow_query": "slow_queries", "lock_contention": "locks", "connection_pool": "connections",
    "throttled": "throttling", "capacity": "load",
}  # fmt: skip
_BY_SIGNAL: Mapping[str, Aspect] = {
    "latency": "slow_queries", "traffic": "load", "work": "load", "saturation": "load", "headroom": "load",
}  # fmt: skip
_FEW = 3
"""Samples on either side below which a quotient says nothing."""
_ORDER: tuple[Pressure, ...] = ("rose", "fell", "unchanged")
_TURNED: Mapping[Pressure, Pressure] = {"rose": "fell", "fell": "rose", "unchanged": "unchanged"}
_DIRECTIONS: Mapping[Pressure, Literal["up", "down", "none"]] = {"rose": "up", "fell": "down", "unchanged": "none"}


class DatabaseProbe(ProbeArguments):
    """A database, or what a service asks of its databases."""

    aspect: Aspect
    """What to look at; `load` is requests, processor time and disk work."""

    def answer(self, seen: Observed) -> Answer:
        """`rose`, `fell`, `unchanged` by the pressure; `absent`: there are only lines, and none tells of any."""
        graph = read_graph(seen.table("topology"), seen.table("spans"))
        stores = _stores(self.service, seen, graph)
        if not stores:
            known = {*names_in(seen.table("metrics")["service"]), *names_in(seen.table("inventory")["service"])}
            if match(self.service, sorted(known)):
                return Answer("unknown", f"The case knows no database that {clean(self.service, 60)} is or calls")
            return unknown_name("database metrics", self.service, known, "metrics")
        asked = frozenset(match(self.service, [*graph.down, *graph.up, *seen.case.scope.services])) | stores
        near = asked.union(*(graph.up.get(store, ()) for store in stores))
        rows = in_windows(seen.table("metrics"), seen.windows)
        table = read_series(rows.filter(pl.col("service").cast(pl.String).is_in(sorted(near))), seen.windows)
        lines = seen.table("logs").filter(pl.col("service").is_in(sorted(asked)))
        signs = [
            *_of_series(table, stores), *_of_quotients(table, graph, stores, seen.windows),
            *_of_limits(table, stores, seen), *_of_lines(lines, seen.windows),
        ]  # fmt: skip
        wanted = [sign for sign in _seen_whole(signs) if self.aspect in ("all", sign.aspect)]
        if wanted:
            return _told(wanted, sorted(stores))
        hidden = any(sign.aspect == self.aspect for sign in signs)
        measured = any(service in stores for service in table.identity["service"].unique().to_list())
        return self._silent(seen, sorted(stores), lines, hidden=hidden, measured=measured)

    def _silent(
        self, seen: Observed, stores: Sequence[str], lines: pl.DataFrame, *, hidden: bool, measured: bool
    ) -> Answer:
        """Nothing speaks of the aspect: it is hidden by a limit, or only lines could have told of it, or nobody."""
        asked = "pressure" if self.aspect == "all" else self.aspect.replace("_", " ")
        where, count = listed(stores), during(lines, seen.windows).height
        if hidden:
            return Answer("unknown", f"A limit that is reached hides the {asked} of {where}")
        if self.aspect in ("slow_queries", "locks", "connections") and count and complains(lines):
            text = f"None of the {count} lines of {where} and those who call it tells of {asked}"
            return seen.absent("log", stores[0], text, source="logs", query=f"{asked} in lines of {where}")
        text = f"Nothing was collected of the {asked} of {where}"
        return Answer("unknown", text, missing=() if measured else ("metrics",))


@dataclass(frozen=True)
class _Sign:
    """What one series, quotient, limit or line says of the pressure on a database."""

    aspect: Aspect
    pressure: Pressure
    finding: Finding


def _seen_whole(signs: Sequence[_Sign]) -> list[_Sign]:
    """Without quotients that a limit caps: who is refused more work has not asked for less."""
    capped = any(
        s.pressure == "rose" and (s.aspect == "throttling" or s.finding.cause_kind == "capacity") for s in signs
    )
    return [s for s in signs if not (capped and s.aspect == "work_per_request" and s.pressure != "rose")]


def _stores(asked: str, seen: Observed, graph: Graph) -> frozenset[str]:
    """The databases that a name means: itself, those it calls, else itself where it measures one."""
    metrics, inventory = seen.table("metrics"), seen.table("inventory")
    hints: dict[str, set[str]] = defaultdict(set)
    for service, namespace, metric in (
        metrics.select(pl.col("service", "namespace", "metric").cast(pl.String)).unique().iter_rows()
    ):
        hints[service] |= {words(namespace), f"metric {words(metric)}"}
    for service, name, kind, resource in inventory.select("service", "name", "kind", "resource").iter_rows():
        hints[service or name] |= {words(kind), *({f"id {resource}"} if resource else set[str]())}
    known = sorted({*hints, *graph.down, *graph.up, *names_in(seen.table("logs")["service"])} - {""})
    resources = {h.removeprefix("id "): s for s in sorted(hints) for h in hints[s] if h.startswith("id ")}
    found = match(asked, known) or [resources[r] for r in match(asked, sorted(resources), tail=True)]
    around = {name for service in found for name in (service, *graph.down.get(service, ()))}
    stores = {name for name in around if _is_database(name, hints.get(name, set()))}
    return frozenset(stores or {s for s in found if any(_SPEAKS_OF_ONE.search(h) for h in hints.get(s, ()))})


def _is_database(name: str, hints: set[str]) -> bool:
    texts = [words(name), *(h for h in hints if not h.startswith(("metric ", "id ")))]
    return any(_DATABASE.search(text.replace("_", " ")) for text in texts)


def _aspect(moved: Moved) -> Aspect | None:
    metric = words(moved.row["metric"])
    if moved.row["signal"] == "throttling":
        return "throttling"
    for aspect, rule in _ASPECTS:
        if rule.search(metric):
            return aspect
    return _BY_SIGNAL.get(moved.row["signal"])


def _of_series(table: SeriesTable, stores: frozenset[str]) -> list[_Sign]:
    found = moves_of(
        table, table.identity.filter(pl.col("service").is_in(sorted(stores)) & (pl.col("version") == ""))
    )
    signs: list[_Sign] = []
    for moved in found:
        aspect = _aspect(moved)
        if aspect is not None and moved.sure:
            pressure = _TURNED[moved.move] if moved.row["signal"] == "headroom" else moved.move
            signs.append(_Sign(aspect, pressure, moved.finding()))
    return signs


def _of_quotients(table: SeriesTable, graph: Graph, stores: frozenset[str], windows: Windows) -> list[_Sign]:
    """What each request asks of the databases, moved or not."""
    return [
        _Sign("work_per_request", _moved(quotient), _per_request(quotient, windows))
        for quotient in quotients(table, graph)
        if quotient.used["service"] in stores and quotient.row["n_base"] >= _FEW and quotient.row["n"] >= 2 * _FEW
    ]


def _moved(quotient: Quotient) -> Pressure:
    row = quotient.row
    if row["score"] < WORTH_TELLING:
        return "unchanged"
    return "rose" if row["observed"] > row["baseline"] else "fell"


def _per_request(quotient: Quotient, windows: Windows) -> Finding:
    row, used, by = quotient.row, quotient.used, quotient.by
    move = _moved(quotient)
    base, now = row["baseline"], row["observed"]
    since = f" since {clock(row['onset'])}" if move != "unchanged" else ""
    change = "as many as before" if move == "unchanged" else f"{amount(base)} before"
    return make_finding(
        "metric",
        service=by["service"], resource=used["resource"] or used["service"], region=used["region"],
        window=windows.since(row["onset"] if move != "unchanged" else None),
        onset=row["onset"] if move != "unchanged" else None, uncertainty=row["uncertainty"],
        direction=_DIRECTIONS[move], size=now / base if base else 0.0,
        baseline=base, observed=now, unit="per request", score=row["score"],
        summary=(
            f"Each request to {by['service']} asks {amount(now)} {used['metric']} of {used['service']}{since}, "
            f"{change}"
        ),
        cause_kind="slow_query" if move == "rose" and used["signal"] == "work" else None,
        provenance=Provenance(
            source=used["source"] or "metrics",
            query=f"{used['namespace']} {used['metric']} {used['dimensions']} / "
            f"{by['namespace']} {by['metric']} {by['dimensions']}"[:1_000],
            window=windows.whole,
        ),
    )  # fmt: skip


def _of_limits(table: SeriesTable, stores: frozenset[str], seen: Observed) -> list[_Sign]:
    settings = {
        (item.service, name): value
        for item in read_inventory(seen.table("inventory"))
        for name in ("read_capacity", "write_capacity")
        if (value := item.number(name))
    }
    found = (clue.finding for clue in limit_clues(table, settings) if clue.service in stores)
    return [_Sign("load", "rose", finding) for finding in found]


def _of_lines(lines: pl.DataFrame, windows: Windows) -> list[_Sign]:
    signs: list[_Sign] = []
    for clue in log_clues(lines, windows):
        aspect = _BY_CAUSE.get(clue.finding.cause_kind or "unknown")
        if aspect is not None and clue.adverse:
            signs.append(_Sign(aspect, "rose", clue.finding))
    return signs


def _told(signs: Sequence[_Sign], stores: Sequence[str]) -> Answer:
    by_aspect: dict[Aspect, list[_Sign]] = defaultdict(list)
    for sign in sorted(signs, key=lambda s: (_ORDER.index(s.pressure), -s.finding.score, s.finding.summary)):
        by_aspect[sign.aspect].append(sign)
    leads = sorted(
        (own[0] for own in by_aspect.values()),
        key=lambda s: (_ORDER.index(s.pressure), s.aspect != "work_per_request", -s.finding.score),
    )
    rest = [sign for own in by_aspect.values() for sign in own[1:] if sign.pressure != "unchanged"]
    shown = [*leads, *sorted(rest, key=lambda s: (-s.finding.score, s.finding.summary))][:FINDINGS_PER_PROBE]
    each = ", ".join(f"{sign.aspect.replace('_', ' ')} {sign.pressure}" for sign in leads)
    summary = f"{listed(stores)}: {each}; {leads[0].finding.summary}"
    return Answer(leads[0].pressure, clean(summary, 400), tuple(sign.finding for sign in shown))


PROBE = ProbeKind(
    "Is a database (or the databases that a service calls) under more pressure: load, work per request, slow "
    "queries, throttling, connections, locks? `absent` means that the lines tell of none and nothing else "
    "measures it.",
    DatabaseProbe,
    ("metrics", "logs", "topology", "spans", "inventory"),
    ("rose", "fell", "unchanged", "absent", "unknown"),
)
