"""Published records, line by line, as rows of a case: samples, log lines, spans, commits, deploys and flags."""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from autopilot.case.schema import conform
from benchmarks.snapshot_rows import Row, log_row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATISTIC = re.compile(r"^(.+)\.(Average|Sum|Minimum|Maximum|SampleCount|p\d+(?:\.\d+)?)$")
_UNIT = re.compile(r"^(.*?)\(([^()]{1,20})\)$")
_UNITS = {"%": "Percent", "s": "Seconds", "ms": "Milliseconds"}


def epoch_time(seconds: float) -> datetime:
    """Seconds since the epoch as a UTC time."""
    return EPOCH + timedelta(seconds=float(seconds))


def read_samples(path: Path) -> pl.DataFrame:
    """Samples in the long form time, service, metric, value."""
    with gzip.open(path) as file:
        raw = pl.read_csv(file.read(), schema_overrides={"time": pl.Float64, "value": pl.Float64})
    names = (
        raw.select("metric")
        .unique()
        .with_columns(pl.col("metric").map_elements(name_parts, return_dtype=pl.List(pl.String)).alias("named"))
    )
    rows = raw.join(names, on="metric", how="left", maintain_order="left")
    return conform("metrics", rows.select(
        pl.from_epoch((pl.col("time") * 1e6).cast(pl.Int64), "us").dt.replace_time_zone("UTC").alias("time"),
        "service",
        pl.col("named").list.get(0).alias("metric"), pl.col("named").list.get(1).alias("statistic"),
        pl.col("named").list.get(2).alias("unit"), "value", pl.lit("metrics").alias("source"),
    ))  # fmt: skip


def name_parts(name: str) -> list[str]:
    """Metric, statistic and unit, as far as the name tells them apart."""
    statistic = _STATISTIC.match(name)
    if statistic:
        return [statistic.group(1), statistic.group(2), ""]
    unit = _UNIT.match(name)
    return [unit.group(1), "", _UNITS.get(unit.group(2), unit.group(2))] if unit else [name, "", ""]


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from (json.loads(line) for line in file if line.strip())


def iso_time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def log_of(row: dict[str, Any], at: datetime, ahead: timedelta | None = None) -> Row:
    if "timestamp" in row:
        known = ("timestamp", "service", "severity_text", "msg", "trace_id")
        more = " ".join(f"{key}={value}" for key, value in row.items() if key not in known)
        return {
            "time": iso_time(row["timestamp"]), "service": row.get("service"), "level": row.get("severity_text"),
            "message": f"{row.get('msg', '')} {more}".strip(), "trace_id": row.get("trace_id"),
            "kind": "application",
        }  # fmt: skip
    if "t" not in row:
        stream, text = str(row.get("stream", "")), str(row.get("m", ""))
        return log_row(str(row.get("s", "")), stream, text, at, ahead=ahead)
    return {
        "time": epoch_time(row["t"]), "service": row.get("s"), "level": row.get("l"), "message": row.get("m"),
        "trace_id": str(row.get("tr", "")), "span_id": str(row.get("sp", "")), "kind": "application",
    }  # fmt: skip


def span_of(row: dict[str, Any]) -> Row:
    if "start" in row:
        failed = str(row.get("status", "")).upper() not in ("OK", "UNSET", "")
        return {
            "trace_id": row.get("trace_id"), "span_id": row.get("span_id"), "parent_id": row.get("parent_id"),
            "service": row.get("service"), "operation": row.get("name"), "start": iso_time(row["start"]),
            "duration": float(row.get("duration_ms", 0)) / 1e3, "status": "error" if failed else "ok",
        }  # fmt: skip
    return {
        "trace_id": str(row["tr"]), "span_id": str(row["sp"]), "parent_id": str(row.get("pa", "")),
        "service": row["s"], "operation": row.get("op"), "start": epoch_time(row["t"]),
        "duration": float(row["us"]) / 1e6, "status": "ok",
    }  # fmt: skip


def whole_traces(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Spans whose parent is told under another trace id join the trace of that parent, where only one fits.

    Some sets write the id of a trace at its first span only.
    """
    told = list(rows)
    known: dict[tuple[str, str], str] = {}
    homes: dict[str, list[str]] = {}
    for row in told:
        own, parent = str(row.get("trace_id", "")), str(row.get("parent_id") or "")
        elsewhere = homes.get(parent, ()) if (own, parent) not in known else ()
        trace = known.get((own, parent)) or (elsewhere[0] if len(elsewhere) == 1 else own)
        known[own, str(row.get("span_id", ""))] = trace
        homes.setdefault(str(row.get("span_id", "")), []).append(trace)
        yield row | {"trace_id": trace} if "trace_id" in row else row


def change_rows(events: Iterable[dict[str, Any]]) -> Iterator[Row]:
    """Commits, deploys and flags; a deploy is told with the commit it names, as a deployment system does.

    A commit that a deploy names has the service and the version of that deploy, others have neither.
    """
    told = list(events)
    commits = {event["sha"]: event for event in told if event["kind"] == "commit"}
    deploys = {event["commit_sha"]: event for event in told if event.get("commit_sha")}
    for event in told:
        sha = event.get("sha") or event.get("commit_sha") or ""
        commit = commits.get(sha, {})
        deploy = deploys.get(sha, {})
        service = event.get("service") or deploy.get("service", "")
        summary = event.get("message") or event.get("change") or commit.get("message", "")
        yield {
            "time": iso_time(event["timestamp"]), "kind": event["kind"], "service": service,
            "id": f"{event['kind']}:{service}:{sha or event.get('flag', '')}",
            "version": event.get("version") or deploy.get("version", ""),
            "author": event.get("author") or event.get("actor") or commit.get("author", ""),
            "resource": event.get("flag", ""), "summary": f"{event.get('flag', '')} {summary}".strip(),
            "files": json.dumps(event.get("files_changed") or commit.get("files_changed") or []),
            "diff": event.get("diff") or commit.get("diff") or "",
        }  # fmt: skip
