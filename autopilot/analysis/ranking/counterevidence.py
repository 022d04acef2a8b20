"""What speaks against the first suspect whatever it is, and which kinds of evidence are missing altogether."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from autopilot.analysis.clue import SYMPTOMS, Clue
from autopilot.analysis.metrics.table import SeriesTable
from autopilot.analysis.ranking.candidate import Candidate
from autopilot.analysis.ranking.weights import Weights
from autopilot.analysis.topology import Graph
from autopilot.case.case import Case
from autopilot.incident.evidence import Gap, Table

_CLEAR = 0.3
"""Least score of a clue that speaks against somebody."""
_MODALITIES: tuple[tuple[str, tuple[Table, ...], str, str], ...] = (
    ("metrics", ("metrics",), "No metrics were collected: levels, trends and the number of requests are not known.",
     "Connect a source of metrics for these services."),
    ("logs", ("logs",), "No logs were collected: errors that only logs name are not seen.",
     "Give the log groups of these services to a source."),
    ("traces", ("spans",), "No traces were collected: where time is lost along a call is not measured.",
     "Switch tracing on for these services."),
    ("changes", ("changes",), "No changes were collected: no deploy, flag or setting can be suspected or cleared.",
     "Connect what records deploys and settings."),
    ("state", ("state", "inventory"), "No state of resources was collected: limits and settings are not known.",
     "Allow a source to describe the resources of these services."),
)  # fmt: skip
"""Kind of evidence, its tables, what is not known without it, and what to do."""


def missing_kinds(case: Case) -> tuple[Gap, ...]:
    """A gap for each kind of evidence of which the case holds nothing."""
    return tuple(
        Gap(source=source, kind="no_data", what=what, remedy=remedy)
        for source, tables, what, remedy in _MODALITIES
        if all(case.table(table).is_empty() for table in tables)
    )


def lowered(candidates: Sequence[Candidate], missing: int, weights: Weights) -> tuple[Candidate, ...]:
    """The candidates with the doubt that each missing kind of evidence leaves; their order stays."""
    return tuple(replace(c, score=c.score * weights.missing**missing) for c in candidates)


def watched_services(table: SeriesTable) -> frozenset[str]:
    """Services whose slowness or failures are measured, so that silence tells health."""
    told = table.identity.filter(pl.col("signal").is_in(["latency", "errors", "availability"]))
    return frozenset(told["service"].unique().to_list())


def counterevidence(
    candidates: Sequence[Candidate], clues: Sequence[Clue], graph: Graph, watched: frozenset[str]
) -> tuple[str, ...]:
    """Sentences against the first of the candidates, at most one of a kind.

    Args:
        candidates: The suspects, best first.
        clues: Everything found.
        graph: Who calls whom.
        watched: Services whose symptoms are measured (`watched_services`).
    """
    if not candidates:
        return ()
    best = candidates[0]
    told = (_earlier(best, clues, graph), _well_itself(best, clues, watched), _elsewhere(best, clues))
    return tuple(f"Against the first suspect: {text}" for text in told if text)


def _earlier(best: Candidate, clues: Sequence[Clue], graph: Graph) -> str:
    """An effect that surely began before the cause it is said to have."""
    begun = best.change.first if best.change else best.onset
    if begun is None:
        return ""
    reach = {best.service} | graph.callers(best.service)
    effects = [
        c for c in clues
        if c.adverse and c.score >= _CLEAR and c.service in reach and c.onset is not None
        and c.signal in SYMPTOMS | {"log", "utilisation"} and c.onset + c.uncertainty < begun
    ]  # fmt: skip
    first = min(effects, key=lambda c: (c.onset or 0, -c.score, c.finding.summary), default=None)
    return f"this began before it: {first.finding.summary}" if first else ""


def _well_itself(best: Candidate, clues: Sequence[Clue], watched: frozenset[str]) -> str:
    """A service that only others complain about while its own measurements stand still."""
    if best.change is not None or best.service not in watched or best.cause not in ("dependency", "network"):
        return ""
    own = any(c.adverse and c.score >= _CLEAR and c.service == best.service and c.signal != "log" for c in clues)
    return "" if own else f"the slowness and failures measured of {best.service} are unchanged."


def _elsewhere(best: Candidate, clues: Sequence[Clue]) -> str:
    """The same service suffering in regions that a regional cause does not reach."""
    region = best.change.region if best.change and best.change.region else best.region
    others = sorted({
        c.finding.region for c in clues
        if c.adverse and c.score >= _CLEAR and c.service == best.service and c.finding.region not in ("", region)
    })  # fmt: skip
    if not region or not others:
        return ""
    return f"{best.service} suffers in {', '.join(others[:3])} as well as in {region}."
