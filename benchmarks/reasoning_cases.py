"""Public cases as stored cases, and two kinds of cases derived from them by code, without looking at any answer.

*Healthy*: the windows are moved so that both lie before the incident; what comes later is taken away, and so are
alarms and observed states. Nothing is wrong in what is left, as far as the publisher's baseline is clean.
*Unanswerable*: every table that carries evidence is taken away; what is left is one alarm without a reason, and who
calls whom.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from autopilot.case.case import Case
from autopilot.case.schema import frame
from autopilot.case.store import StoredCases
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import TABLES, CaseManifest, Table

Variant = Literal["whole", "healthy", "unanswerable"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
LEAST_SAMPLES = 3
"""Times at which the healthy window must have been measured, and as many before it, to judge it at all."""
_TIMED: tuple[tuple[Table, str], ...] = (
    ("metrics", "time"), ("logs", "time"), ("spans", "start"), ("changes", "time"),
)  # fmt: skip
_STRUCTURE: tuple[Table, ...] = ("topology", "inventory", "records")


def derived(case: Case, variant: Variant) -> Case | None:
    """The case as that variant; None where it cannot be derived."""
    if variant == "healthy":
        return healthy(case)
    return unanswerable(case) if variant == "unanswerable" else case


def starts_when_told(folder: Path) -> bool:
    """Whether the publisher says when the trouble began, or gives a time without any: else nothing is clean."""
    told: dict[str, object] = json.loads((folder / "case.json").read_text())
    return bool({"inject_time", "baseline"} & set(told))


def healthy(case: Case) -> Case | None:
    """The last part of the baseline as the incident window, at most a third of it; None without enough samples."""
    scope = case.scope
    start, split = scope.baseline.start, scope.baseline.end
    length = min(scope.incident.end - scope.incident.start, (split - start) / 3)
    cut = split - length
    metrics = case.table("metrics")
    if min(_samples(metrics, start, cut), _samples(metrics, cut, split)) < LEAST_SAMPLES:
        return None
    tables: dict[Table, pl.DataFrame] = {name: case.table(name) for name in _STRUCTURE}
    for name, column in _TIMED:
        tables[name] = case.table(name).filter(pl.col(column) < split)
    moved = scope.model_copy(update={
        "baseline": TimeWindow(start=start, end=cut), "incident": TimeWindow(start=cut, end=split),
        "alerted_at": split,
    })  # fmt: skip
    return Case(case.manifest.model_copy(update={"scope": moved}), tables)


def unanswerable(case: Case) -> Case:
    """An alarm that says that something is wrong with the alarmed service, and nothing else."""
    scope = case.scope
    alarm = {"time": scope.alerted_at, "name": "symptom", "service": scope.services[0], "state": "firing"}
    tables: dict[Table, pl.DataFrame] = {name: case.table(name) for name in _STRUCTURE}
    tables["alarms"] = frame("alarms", [alarm])
    return Case(case.manifest, tables)


def _samples(metrics: pl.DataFrame, start: datetime, end: datetime) -> int:
    return metrics.filter((pl.col("time") >= start) & (pl.col("time") < end))["time"].n_unique()


def keep(store: StoredCases, case: Case) -> CaseManifest:
    """Write a case into a store, as collectors do."""
    incident = case.scope.incident_id
    parts = tuple(
        store.put_part(incident, 1, "public", table, case.table(table))
        for table in TABLES if case.table(table).height
    )  # fmt: skip
    return store.seal(case.manifest.model_copy(update={"revision": 1, "parts": parts}))
