"""Cases in the public layout become cases of the product."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.cases import find_cases, read_case
from tests.unit.benchmarks.small_cases import START, fault, write_case, write_lines, write_samples

BEGIN = datetime.fromtimestamp(START, UTC)


def test_known_start_of_the_fault_splits_the_windows(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "shop" / "a", inject_time=START + 120, window=[START, START + 179], step_s=1)
    write_samples(folder / "metrics.csv.gz", fault("db"))
    public = read_case(folder)
    scope = public.case.scope
    assert scope.services == ("web",)
    assert (scope.baseline.start, scope.incident.start) == (BEGIN, BEGIN + timedelta(seconds=120))
    assert scope.incident.end == BEGIN + timedelta(seconds=180)
    assert public.case.table("metrics").height == 360


def test_baseline_of_other_days_keeps_the_hour_and_ends_at_the_incident(tmp_path: Path) -> None:
    day = 86_400
    folder = write_case(
        tmp_path / "shop" / "a",
        detect_time=START + 600,
        window=[START, START + 900],
        step_s=300,
        baseline="../_b/m.gz",
    )
    write_samples(folder / "metrics.csv.gz", [(START + t, "web", "latency.p99", 1.0) for t in range(0, 901, 300)])
    old = [START + 90 * day + t for t in range(0, 2 * day + 3_600, 300)]
    write_samples(folder.parent / "_b" / "m.gz", [(t, "web", "latency.p99", t % day) for t in old])
    case = read_case(folder).case
    rows = case.table("metrics")
    before = rows.filter(rows["time"] < BEGIN).sort("time")
    gaps = before["time"].diff().drop_nulls().unique().to_list()
    assert gaps == [timedelta(minutes=5)]
    assert before["time"].max() == BEGIN - timedelta(minutes=5)
    assert [t.timestamp() % day for t in before["time"].to_list()] == before["value"].to_list()
    assert case.scope.incident.start == BEGIN
    assert rows.select("metric", "statistic", "resource").unique().rows() == [("latency", "p99", "")]


def test_logs_traces_and_their_baseline_are_one_table(tmp_path: Path) -> None:
    folder = write_case(
        tmp_path / "shop" / "a", inject_time=START + 120, window=[START, START + 180], baseline_logs="../_b/l.gz"
    )
    line = {"t": START + 130, "s": "db", "l": "ERROR", "m": "deadlock", "tr": 1, "sp": 2}
    write_lines(folder / "logs.jsonl.gz", [line])
    write_lines(folder.parent / "_b" / "l.gz", [{"t": 5.0, "s": "db", "l": "INFO", "m": "fine", "tr": 1, "sp": 2}])
    write_lines(folder / "traces.jsonl.gz", [
        {"t": START + 130, "tr": 1, "sp": 1, "s": "web", "op": "GET", "us": 5_000},
        {"t": START + 130, "tr": 1, "sp": 2, "pa": 1, "s": "db", "op": "query", "us": 4_000},
    ])  # fmt: skip
    case = read_case(folder).case
    logs = case.table("logs").sort("time")
    assert logs["message"].to_list() == ["fine", "deadlock"]
    assert logs["time"][0] < case.scope.incident.start
    spans = case.table("spans")
    assert spans.select("parent_id", "service", "duration").rows() == [("", "web", 0.005), ("1", "db", 0.004)]


def test_a_deploy_is_told_with_the_commit_it_names(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "platform" / "a", detect_time=START + 600)
    write_samples(folder / "metrics.csv.gz", [(START + t, "web", "errors", 0.0) for t in range(0, 900, 60)])
    write_lines(folder / "events.jsonl.gz", [
        {"kind": "commit", "sha": "abcdef1234", "timestamp": "2026-06-24T13:00:00Z", "author": "kim",
         "message": "fewer retries", "files_changed": ["retry.go"], "diff": "-8 +2"},
        {"kind": "deploy", "service": "db", "commit_sha": "abcdef1234", "version": "v2",
         "timestamp": "2026-06-24T14:00:00Z"},
        {"kind": "flag", "flag": "fast", "service": "web", "change": "off->on", "actor": "li",
         "timestamp": "2026-06-24T14:05:00Z"},
    ])  # fmt: skip
    changes = {row["kind"]: row for row in read_case(folder).case.table("changes").to_dicts()}
    assert changes["commit"]["service"] == changes["deploy"]["service"] == "db"
    assert changes["deploy"]["files"] == '["retry.go"]'
    assert changes["deploy"]["id"] == "deploy:db:abcdef1234"
    assert changes["flag"]["summary"] == "fast off->on"


def test_a_symptom_at_the_edge_calls_what_nobody_calls(tmp_path: Path) -> None:
    folder = write_case(
        tmp_path / "shop" / "a", inject_time=START + 120, window=[START, START + 180], graph="graph.csv.gz",
        symptom={"service": "edge"},
    )  # fmt: skip
    with gzip.open(folder / "graph.csv.gz", "wt") as file:
        file.write("caller,callee,calls\nweb,db,3\n")
    calls = set(read_case(folder).case.table("topology").select("caller", "callee").rows())
    assert calls == {("web", "db"), ("edge", "web")}


def test_a_folder_without_cases_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"docs/benchmarks\.md"):
        find_cases(tmp_path)
