"""Public incident cases, in their normalised layout, as cases of the product.

A folder holds one folder per set, a set one folder per case with a `case.json`. What a case has is read from the
files that are there and from its `case.json`; nothing depends on which set it belongs to. The answers
(`truth.jsonl`) are not read here.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from autopilot.case.case import Case
from autopilot.case.schema import frame
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, Scope, Table
from benchmarks.kubectl_text import is_mapping
from benchmarks.records import (
    EPOCH,
    change_rows,
    epoch_time,
    iso_time,
    log_of,
    name_parts,
    read_lines,
    read_samples,
    span_of,
    whole_traces,
)
from benchmarks.snapshot import Snapshot
from benchmarks.snapshot_rows import Row, alarm_rows

_KINDS = ("app", "node", "namespace")
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class PublicCase:
    """One imported case and what a prediction about it may name."""

    id: str
    dataset: str
    candidates: tuple[str, ...]
    case: Case

    def candidate(self, service: str) -> str:
        """The candidate that a service of the case stands for, "" when there is none."""
        if service in self.candidates:
            return service
        return next((c for c in self.candidates if _bare(c) == service), "")


def _bare(candidate: str) -> str:
    """`app/x` names x; other slashes belong to a name."""
    kind, _, name = candidate.partition("/")
    return name if kind in _KINDS else candidate


def find_cases(folder: Path) -> list[Path]:
    """The case folders below a folder, in a stable order. Raises FileNotFoundError when there is none."""
    found = sorted(path.parent for path in folder.glob("*/*/case.json"))
    if not found:
        raise FileNotFoundError(
            f"no <set>/<case>/case.json below {str(folder)!r}; docs/benchmarks.md names the sets"
        )
    return found


def read_case(folder: Path) -> PublicCase:
    """Import one case. Raises OSError or ValueError when its files are missing or broken."""
    told: dict[str, Any] = json.loads((folder / "case.json").read_text())
    tables: dict[Table, pl.DataFrame] = {}
    snapshot = _snapshot(folder, told)
    at = snapshot.at if snapshot else None
    metrics = _metrics(folder, told)
    windows = _windows(told, metrics, at, _began(snapshot))
    if "baseline" in told:
        metrics = _before(metrics, read_samples(folder / told["baseline"]), windows.split)
        windows = replace(windows, start=_first(metrics, windows.split))
    tables["metrics"] = metrics
    alarms = _alarms(folder, told, windows.alerted)
    tables["logs"] = _logs(folder, told, windows, snapshot)
    tables["spans"] = _spans(folder, told, windows)
    tables["changes"] = frame("changes", change_rows(read_lines(folder / "events.jsonl.gz")))
    tables["alarms"] = frame("alarms", alarms or (snapshot.alarms if snapshot else ()))
    calls = _calls(folder, told, snapshot)
    services = _scope_services(told, alarms, snapshot)
    tables["topology"] = frame("topology", [*calls, *_front(services, calls, told["candidates"])])
    state = snapshot.state(str(told.get("namespace", ""))) if snapshot else []
    tables["state"] = frame("state", [*state, *_patterns(folder, windows.alerted)])
    scope = Scope(
        incident_id=told["id"], services=services, alerted_at=windows.alerted, environment="production",
        baseline=TimeWindow(start=windows.start, end=windows.split),
        incident=TimeWindow(start=windows.split, end=windows.end), hint="",
    )  # fmt: skip
    case = Case(CaseManifest(revision=1, scope=scope), tables)
    return PublicCase(told["id"], told["dataset"], tuple(told["candidates"]), case)


@dataclass(frozen=True)
class _Windows:
    """Baseline [start, split), incident [split, end)."""

    start: datetime
    split: datetime
    end: datetime
    alerted: datetime


def _began(snapshot: Snapshot | None) -> datetime | None:
    """When the first alarm of a snapshot says that the trouble began."""
    times = [t for row in (snapshot.alarms if snapshot else ()) if isinstance(t := row["time"], datetime)]
    return min((t for t in times if snapshot and t < snapshot.at), default=None)


def _windows(
    told: Mapping[str, Any], metrics: pl.DataFrame, at: datetime | None, began: datetime | None
) -> _Windows:
    """The windows: a known start of the fault splits them, else what precedes the alarm, else the middle."""
    detected, injected = told.get("detect_time"), told.get("inject_time")
    if at is not None and metrics.is_empty():
        return _Windows(at - 2 * _HOUR, at - _HOUR, at + timedelta(minutes=1), at)
    step = timedelta(seconds=float(told.get("step_s", 1)))
    known = [epoch_time(t) for t in told.get("window", ())] or [_first(metrics, EPOCH), _last(metrics, EPOCH)]
    start, end = known[0], known[1] + step
    if injected is not None:
        alerted = epoch_time(detected) if detected is not None else end
        return _Windows(start, epoch_time(injected), end, alerted)
    if detected is None:
        inside = began is not None and start < began < end
        return _Windows(start, began if began and inside else start + (end - start) / 2, end, end)
    alerted = epoch_time(detected)
    if "baseline" in told:
        return _Windows(start, start, end, alerted)
    return _Windows(start, alerted - min(timedelta(minutes=15), (alerted - start) / 2), end, alerted)


def _first(rows: pl.DataFrame, default: datetime) -> datetime:
    found = rows["time"].min()
    return found if isinstance(found, datetime) else default


def _last(rows: pl.DataFrame, default: datetime) -> datetime:
    found = rows["time"].max()
    return found if isinstance(found, datetime) else default


def _before(metrics: pl.DataFrame, baseline: pl.DataFrame, split: datetime) -> pl.DataFrame:
    """Samples of another time, moved to end where the incident begins.

    Each moves by whole days, so that the hour of the day stays; less than a day of samples moves as one piece.
    """
    last = _last(baseline, split)
    days = (last - _first(baseline, split)) // _DAY
    if days == 0:
        moved = baseline.with_columns(pl.col("time") + (split - last - timedelta(microseconds=1)))
        return pl.concat([moved, metrics])
    period = days * _DAY
    recent = baseline.filter(pl.col("time") > last - period)
    distance = (pl.lit(split) - pl.col("time")).dt.total_microseconds().mod(period // timedelta(microseconds=1))
    moved = recent.with_columns((pl.lit(split) - pl.duration(microseconds=distance)).alias("time"))
    return pl.concat([moved.filter(pl.col("time") < split), metrics])


def _metrics(folder: Path, told: Mapping[str, Any]) -> pl.DataFrame:
    path = folder / "metrics.csv.gz"
    rows = read_samples(path) if path.exists() else frame("metrics")
    # A pod's series belong to its application, which is what a prediction names.
    names = {_bare(c) for c in told["candidates"] if _bare(c) != c}
    owners = {
        pod: next((n for n in sorted(names, key=len, reverse=True) if pod.startswith(f"{n}-")), pod)
        for pod in rows["service"].unique().to_list() if names and pod not in names
    }  # fmt: skip
    owner = pl.col("service").replace(owners)
    return rows.with_columns(resource=pl.col("service"), service=owner) if owners else rows


def _snapshot(folder: Path, told: Mapping[str, Any]) -> Snapshot | None:
    path = folder / "snapshot.json.gz"
    if not path.exists():
        return None
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return Snapshot(json.load(file), iso_time(told["collected_at"]))


def _shift(rows: Iterable[dict[str, Any]], until: datetime) -> Iterator[dict[str, Any]]:
    """Records of a fault-free span of time, moved to end just before `until`."""
    kept = list(rows)
    gap = until.timestamp() - max((row["t"] for row in kept), default=0.0) - 1e-3
    yield from (row | {"t": row["t"] + gap} for row in kept)


def _recorded(folder: Path, told: Mapping[str, Any], name: str, until: datetime) -> Iterator[dict[str, Any]]:
    """A case's own records after those of its baseline, if it has one."""
    if f"baseline_{name}" in told:
        for row in _shift(read_lines(folder / told[f"baseline_{name}"]), until):
            yield row | {"tr": f"baseline-{row.get('tr', '')}"}
    yield from read_lines(folder / f"{name}.jsonl.gz")


def _logs(folder: Path, told: Mapping[str, Any], windows: _Windows, snapshot: Snapshot | None) -> pl.DataFrame:
    ahead = snapshot.ahead if snapshot else None
    rows = [log_of(row, windows.alerted, ahead) for row in _recorded(folder, told, "logs", windows.split)]
    return frame("logs", [*rows, *(snapshot.logs if snapshot else ())])


def _spans(folder: Path, told: Mapping[str, Any], windows: _Windows) -> pl.DataFrame:
    rows = [span_of(row) for row in whole_traces(_recorded(folder, told, "traces", windows.split))]
    return frame("spans", rows)


def _alarms(folder: Path, told: Mapping[str, Any], at: datetime) -> list[Row]:
    """The alert as published, else the symptom the case states."""
    path = folder / "alerts.json"
    alert: Any = json.loads(path.read_text()) if path.exists() else {}
    if is_mapping(alert) and alert.get("service"):
        return [{
            "time": iso_time(alert["fired_at"]), "name": alert.get("monitor"), "service": alert["service"],
            "state": "firing", "reason": alert.get("summary"), "metric": alert.get("metric"),
        }]  # fmt: skip
    rows, symptom = alarm_rows(alert, at), told["symptom"]
    if not rows and symptom.get("service"):
        return [{
            "time": at, "name": symptom.get("metric") or "symptom", "service": symptom["service"],
            "state": "firing", "reason": symptom.get("text"), "metric": name_parts(symptom.get("metric") or "")[0],
        }]  # fmt: skip
    return rows


def _calls(folder: Path, told: Mapping[str, Any], snapshot: Snapshot | None) -> list[Row]:
    rows: list[Row] = [
        {"caller": caller, "callee": callee, "weight": 1.0, "source": "configuration"}
        for caller, callee in (snapshot.calls if snapshot else ())
    ]
    if "graph" in told:
        with gzip.open(folder / told["graph"]) as file:
            graph = pl.read_csv(file.read(), infer_schema=False)
        rows.extend(
            {"caller": row["caller"], "callee": row["callee"], "weight": float(row.get("calls") or 1),
             "source": "trace"}
            for row in graph.to_dicts()
        )  # fmt: skip
    return rows


def _scope_services(told: Mapping[str, Any], alarms: list[Row], snapshot: Snapshot | None) -> tuple[str, ...]:
    """Where it hurts: the symptom's service, else what alarmed, else all, from the entries on."""
    if told["symptom"].get("service"):
        return (told["symptom"]["service"],)
    named = [str(row["service"]) for row in [*alarms, *(snapshot.alarms if snapshot else ())] if row["service"]]
    everything = (*snapshot.entries(), *sorted(snapshot.applications)) if snapshot else ()
    return tuple(dict.fromkeys(named)) or tuple(dict.fromkeys(everything))


def _front(services: tuple[str, ...], calls: list[Row], candidates: list[str]) -> list[Row]:
    """A symptom seen at no component but at the edge: the edge calls what nobody else calls."""
    known = {str(row[side]) for row in calls for side in ("caller", "callee")}
    callees = {str(row["callee"]) for row in calls}
    edge = [s for s in services if s not in known and s not in candidates] if calls else []
    roots = sorted(known - callees)
    return [{"caller": s, "callee": root, "weight": 1.0, "source": "catalogue"} for s in edge for root in roots]


def _patterns(folder: Path, at: datetime) -> list[Row]:
    """Counted log patterns of a log system, as observed facts."""
    path = folder / "patterns.json"
    patterns: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return [
        {"time": at, "kind": "log_pattern", "name": str(p.get("signature", ""))[:200], "service": p.get("service"),
         "body": json.dumps(p, ensure_ascii=False)}
        for p in patterns
    ]  # fmt: skip
