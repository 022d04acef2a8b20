"""What must hold for any case: determinism, invariances, and survival of broken or hostile input."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autopilot.analysis.dossier import analyze
from autopilot.analysis.text_table import text_table
from autopilot.analysis.windows import Windows
from autopilot.case.case import Case
from autopilot.case.schema import SCHEMAS, conform, frame
from autopilot.incident.evidence import TABLES, Table
from autopilot.incident.finding import Dossier
from tests.unit.analysis.story import MINUTES, NOW, Story, throttled_checkout

FEW = settings(
    max_examples=3, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
"""Each example is a whole analysis; the same examples every time, so that a failure is met again."""
MORE = settings(FEW, max_examples=8)
TIMES: dict[Table, str] = {
    "metrics": "time", "logs": "time", "spans": "start", "changes": "time", "alarms": "time", "state": "time",
    "records": "time",
}  # fmt: skip


def everything(seed: int) -> Case:
    """The throttled shop with rows in every table: traces in two regions, an alarm, an event, a filling disk."""
    story = Story(seed)
    for i in range(400):
        before = 175 - 0.43 * i
        slow = before < 5
        for service, parent in (("checkout", ""), ("orders", "checkout")):
            story.add("spans", {
                "trace_id": f"t{i}", "span_id": f"t{i}-{service}", "parent_id": f"t{i}-{parent}" if parent else "",
                "service": service, "operation": "Query", "start": NOW - timedelta(minutes=before),
                "duration": float(story.random.normal(0.9 if slow else 0.4 if parent else 0.85, 0.01)),
                "status": "throttled" if slow and i % 3 == 0 else "ok", "region": ("us-east-1", "eu-west-1")[i % 2],
                "version": "2" if before < 15 else "1",
            })  # fmt: skip
    story.metric(
        "search", "AWS/RDS", "FreeStorageSpace", "Average", "Bytes",
        9e9 - 3e7 * np.arange(MINUTES) + 1e7 * story.random.standard_normal(MINUTES), DBInstanceIdentifier="search",
    )  # fmt: skip
    story.add("alarms", {
        "time": NOW - timedelta(minutes=3), "name": "checkout errors", "service": "checkout", "state": "firing",
        "reason": "12.0 was greater than the threshold (5.0)", "metric": "AWS/ApiGateway 5XXError",
        "region": "us-east-1",
    })  # fmt: skip
    story.add("state", {
        "time": NOW - timedelta(minutes=4), "kind": "event", "name": "orders", "service": "orders",
        "body": json.dumps({"message": "ProvisionedThroughputExceeded"}), "region": "us-east-1",
    })  # fmt: skip
    shop, added = throttled_checkout(seed), story.case()
    tables: dict[Table, pl.DataFrame] = {
        name: pl.concat([shop.table(name), added.table(name)]) for name in TABLES
        if shop.table(name).height + added.table(name).height
    }  # fmt: skip
    return Case(shop.manifest, tables)


STORY = throttled_checkout(5)
FULL = everything(5)


def with_table(case: Case, name: Table, rows: pl.DataFrame) -> Case:
    return Case(case.manifest, {**case.tables, name: rows})


def ranking(dossier: Dossier) -> list[tuple[str, str, str, float]]:
    return [(s.service, s.cause_kind, s.change_id, s.score) for s in dossier.suspects]


def assert_alike(other: Dossier, usual: Dossier) -> None:
    """The same suspects in the same order with the same scores, up to the last bits of arithmetic."""
    assert [r[:3] for r in ranking(other)] == [r[:3] for r in ranking(usual)]
    assert [r[3] for r in ranking(other)] == pytest.approx([r[3] for r in ranking(usual)], abs=1e-3)
    assert other.onset == usual.onset
    assert other.insufficient_evidence == usual.insufficient_evidence


def test_full_world_has_every_table_and_every_kind_of_finding() -> None:
    assert set(FULL.tables) == set(TABLES)
    kinds = {f.kind for f in analyze(FULL).findings}
    assert kinds >= {
        "impact", "alarm", "metric", "trend", "state", "log", "trace", "version", "change", "recurrence"
    }  # fmt: skip


def test_same_case_same_bytes() -> None:
    assert analyze(everything(5)).model_dump_json() == analyze(FULL).model_dump_json()


def test_same_bytes_in_another_process_with_other_hashes() -> None:
    code = (
        "import hashlib; from autopilot.analysis.dossier import analyze; "
        "from tests.unit.analysis.test_properties import FULL; "
        "print(hashlib.sha256(analyze(FULL).model_dump_json().encode()).hexdigest())"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": "4242"}, capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    assert said.stdout.strip() == hashlib.sha256(analyze(FULL).model_dump_json().encode()).hexdigest()


@FEW
@given(seed=st.integers(0, 10_000))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    shuffled = Case(
        FULL.manifest,
        {name: rows.sample(fraction=1, shuffle=True, seed=seed) for name, rows in FULL.tables.items()},
    )
    assert analyze(shuffled).model_dump_json() == analyze(FULL).model_dump_json()


def scaled(case: Case, unit: str, factor: float, name: str | None = None) -> Case:
    """All metrics of a unit times a factor, with another unit's name if given."""
    there = pl.col("unit") == unit
    metrics = case.table("metrics").with_columns(
        value=pl.when(there).then(pl.col("value") * factor).otherwise(pl.col("value")),
        unit=pl.when(there & pl.lit(name is not None)).then(pl.lit(name)).otherwise(pl.col("unit")),
    )
    return with_table(case, "metrics", metrics)


@FEW
@given(factor=st.sampled_from([1e-9, 1e-3, 1024.0, 1e6, 1e12]), unit=st.sampled_from(["Milliseconds", "Bytes"]))
def test_scale_of_a_gauge_does_not_matter(factor: float, unit: str) -> None:
    assert_alike(analyze(scaled(FULL, unit, factor)), analyze(FULL))


@pytest.mark.parametrize(
    ("unit", "factor", "name"),
    [
        ("Milliseconds", 1e-3, "Seconds"), ("Milliseconds", 1e3, "Microseconds"), ("Bytes", 1e-6, "Megabytes"),
        ("Bytes", 1e-9, "Gigabytes"), ("Percent", 1.0, "%"),
    ],
)  # fmt: skip
def test_unit_of_a_metric_does_not_matter(unit: str, factor: float, name: str) -> None:
    assert_alike(analyze(scaled(FULL, unit, factor, name)), analyze(FULL))


@FEW
@given(factor=st.sampled_from([0.1, 3.0, 50.0]))
def test_all_traffic_may_be_larger_or_smaller(factor: float) -> None:
    """Counts of requests and of what they use, with the limit that they meet."""
    metrics = FULL.table("metrics")
    there = (pl.col("unit") == "Count") & ~pl.col("metric").cast(pl.String).str.contains("5XX")
    grown = metrics.with_columns(value=pl.when(there).then(pl.col("value") * factor).otherwise(pl.col("value")))
    assert [r[:3] for r in ranking(analyze(with_table(FULL, "metrics", grown)))[:2]] == [
        r[:3] for r in ranking(analyze(FULL))[:2]
    ]


@MORE
@given(table=st.sampled_from(TABLES))
def test_any_table_may_be_missing(table: Table) -> None:
    dossier = analyze(with_table(FULL, table, frame(table)))
    assert dossier.incident_id == FULL.scope.incident_id
    assert all(s.score < 0.96 for s in dossier.suspects)
    assert Dossier.model_validate_json(dossier.model_dump_json()) == dossier


@MORE
@given(table=st.sampled_from(TABLES))
def test_any_table_may_be_all_there_is(table: Table) -> None:
    dossier = analyze(Case(FULL.manifest, {table: FULL.table(table)}))
    assert len(dossier.findings) <= 120
    assert dossier.gaps
    assert text_table(dossier)


def test_nothing_collected_is_insufficient_evidence() -> None:
    dossier = analyze(Case(STORY.manifest))
    assert dossier.insufficient_evidence
    assert dossier.findings == ()
    assert "insufficient evidence" in text_table(dossier)


@MORE
@given(
    values=st.lists(
        st.one_of(st.floats(allow_nan=False, allow_infinity=True), st.just(0.0), st.just(7.0)),
        min_size=1,
        max_size=40,
    ),
    statistic=st.sampled_from(["Sum", "Average", "", "p99"]),
    name=st.sampled_from(
        ["Latency", "Errors", "requests_total", "availability", "CPUUtilization", "x", "memory_used", "FreeStorage"]
    ),
)
def test_broken_series_survive(values: list[float], statistic: str, name: str) -> None:
    story = Story(0)
    story.metric("checkout", "custom", name, statistic, "", values, Service="checkout")
    twice = story.case().table("metrics")
    dossier = analyze(with_table(story.case(), "metrics", pl.concat([twice, twice])))
    assert all(np.isfinite(f.size) and 0 <= f.score <= 1 for f in dossier.findings)
    assert Dossier.model_validate_json(dossier.model_dump_json()) == dossier


@FEW
@given(value=st.sampled_from([None, float("nan"), float("inf"), float("-inf")]), seed=st.integers(0, 100))
def test_samples_that_are_no_numbers_change_nothing(value: float | None, seed: int) -> None:
    metrics = FULL.table("metrics")
    broken = metrics.sample(200, seed=seed).with_columns(value=pl.lit(value, pl.Float64))
    assert analyze(with_table(FULL, "metrics", pl.concat([metrics, broken]))).model_dump_json() == (
        analyze(FULL).model_dump_json()
    )


@FEW
@given(seed=st.integers(0, 100))
def test_samples_that_came_twice_change_nothing(seed: int) -> None:
    metrics = FULL.table("metrics")
    again = metrics.sample(fraction=0.3, seed=seed)
    assert analyze(with_table(FULL, "metrics", pl.concat([metrics, again]))).model_dump_json() == (
        analyze(FULL).model_dump_json()
    )


@FEW
@given(seed=st.integers(0, 100), other=st.sampled_from([0.0, 1.0, 1e9]))
def test_duplicated_timestamps_with_other_values_survive_in_any_order(seed: int, other: float) -> None:
    metrics = FULL.table("metrics")
    clash = metrics.sample(300, seed=seed).with_columns(value=pl.lit(other))
    one = analyze(with_table(FULL, "metrics", pl.concat([metrics, clash])))
    assert (
        one.model_dump_json() == analyze(with_table(FULL, "metrics", pl.concat([clash, metrics]))).model_dump_json()
    )


@MORE
@given(table=st.sampled_from(sorted(TIMES)), keep=st.integers(1, 2))
def test_single_rows_survive(table: Table, keep: int) -> None:
    rows = FULL.table(table).sort(TIMES[table], descending=True).head(keep)
    assert len(analyze(with_table(FULL, table, rows)).findings) <= 120
    assert analyze(Case(FULL.manifest, {table: rows})).gaps


@FEW
@given(table=st.sampled_from(sorted(TIMES)), share=st.floats(0.1, 1.0))
def test_times_may_be_missing(table: Table, share: float) -> None:
    rows = FULL.table(table)
    gone = pl.int_range(pl.len()) < int(rows.height * share)
    timeless = rows.with_columns(
        pl.when(gone)
        .then(None)
        .otherwise(pl.col(TIMES[table]))
        .cast(SCHEMAS[table][TIMES[table]])
        .alias(TIMES[table])
    )
    assert len(analyze(with_table(FULL, table, timeless)).findings) <= 120


@pytest.mark.parametrize("duration", [None, float("nan"), float("inf"), -1.0, 1e300])
def test_spans_with_impossible_durations_survive(duration: float | None) -> None:
    spans = FULL.table("spans")
    odd = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit(duration, pl.Float64)).otherwise(pl.col("duration"))
    dossier = analyze(with_table(FULL, "spans", spans.with_columns(duration=odd)))
    assert Dossier.model_validate_json(dossier.model_dump_json()) == dossier


@pytest.mark.parametrize("value", [0.0, 1.0, 1e300, -5.0])
def test_constant_series_says_nothing(value: float) -> None:
    story = Story(0)
    for name in ("Latency", "Errors", "MemoryUtilization", "FreeStorageSpace"):
        story.metric("checkout", "custom", name, "Average", "", np.full(MINUTES, value), Service="checkout")
    assert analyze(story.case()).findings == ()


INNOCENT = throttled_checkout(7, 3, effective=False, surge=3)
"""A deploy two minutes after the onset, which did nothing."""


@MORE
@given(table=st.sampled_from(sorted(TIMES)), seconds=st.integers(-55, 55))
def test_skewed_clocks_make_no_change_a_cause(table: Table, seconds: int) -> None:
    rows = INNOCENT.table(table)
    moved = rows.with_columns(pl.col(TIMES[table]) + timedelta(seconds=seconds))
    dossier = analyze(with_table(INNOCENT, table, moved))
    assert dossier.suspects[0].change_id == ""
    assert all(s.score < 0.35 for s in dossier.suspects if s.change_id)


@FEW
@given(table=st.sampled_from(["logs", "spans", "alarms", "state", "records"]), seconds=st.integers(-40, 40))
def test_skewed_clocks_keep_the_first_suspect(table: Table, seconds: int) -> None:
    moved = FULL.table(table).with_columns(pl.col(TIMES[table]) + timedelta(seconds=seconds))
    assert ranking(analyze(with_table(FULL, table, moved)))[0][:3] == ranking(analyze(FULL))[0][:3]


HOSTILE = st.text(min_size=0, max_size=60) | st.sampled_from([
    '{"a":', "{}", '{"message": null}', "\x00\u202e", "(((((", "a" * 5_000, "[[]]", "$.x", "x" * 300 + "%s{0}",
    '{"a":' * 900 + "1" + "}" * 900, "[" * 3_000 + "]" * 3_000, '{"slo": "99.9%", "memory_mb": 1e308}',
    "a" * 30_000 + "!", "(a+)+$" * 200, "user=" * 2_000, "slo " * 3_000 + "99", "1" * 4_000,
    "'; DROP TABLE incidents; --", "%s%n%x", "{0.__class__.__mro__}", "${jndi:ldap://x}", "\u2066\u202eevil\u2069",
    "\ud7ff\uffff\ufeff", "<script>alert(1)</script>", "objective 99.9% over 999999999999 days",
    '{"read_capacity": NaN, "max_connections": -1}', '{"status": 99999999999999999999999, "user": {}}',
    "threshold (999999999999999999999999999999)", "=cmd|' /C calc'!A0",
])  # fmt: skip


def texts_of(table: Table) -> list[str]:
    """The columns of a table that hold text."""
    return [column for column, kind in SCHEMAS[table].items() if kind in (pl.String, pl.Categorical)]


@MORE
@given(data=st.data())
def test_hostile_text_anywhere_is_harmless(data: st.DataObject) -> None:
    case = FULL
    for name in TABLES:
        texts = texts_of(name)
        numbers = {column: 1.0 for column, kind in SCHEMAS[name].items() if kind == pl.Float64}
        rows = [{column: data.draw(HOSTILE) for column in texts} | numbers for _ in range(2)]
        extra = frame(name, rows)
        if name in TIMES:
            late = pl.lit(NOW - timedelta(minutes=3)).cast(pl.Datetime("us", "UTC"))
            extra = extra.with_columns(late.alias(TIMES[name]))
        case = with_table(case, name, pl.concat([case.table(name), conform(name, extra)]))
    dossier = analyze(case)
    assert ranking(dossier)[0][:2] == ("checkout", "bad_deploy")
    assert "\x00" not in dossier.model_dump_json()
    assert "\u202e" not in text_table(dossier)
    assert max(len(f.summary) for f in dossier.findings) <= 400


@MORE
@given(data=st.data(), table=st.sampled_from(TABLES))
def test_hostile_text_in_a_column_of_real_rows_is_harmless(data: st.DataObject, table: Table) -> None:
    column, text = data.draw(st.sampled_from(texts_of(table))), data.draw(HOSTILE)
    rows = conform(table, FULL.table(table).with_columns(pl.lit(text).alias(column)))
    dossier = analyze(with_table(FULL, table, rows))
    assert len(dossier.findings) <= 120
    assert Dossier.model_validate_json(dossier.model_dump_json()) == dossier


def test_overlapping_windows_and_an_alarm_before_the_data_survive() -> None:
    scope = FULL.scope.model_copy(update={"baseline": FULL.scope.incident, "alerted_at": NOW - timedelta(days=1)})
    dossier = analyze(Case(FULL.manifest.model_copy(update={"scope": scope}), FULL.tables))
    assert Windows.of(scope).start <= Windows.of(scope).split
    assert len(dossier.findings) <= 120


@pytest.mark.parametrize("days", [-400, 400])
def test_everything_far_from_the_windows_says_nothing(days: int) -> None:
    moved: dict[Table, pl.DataFrame] = {
        name: rows.with_columns(pl.col(TIMES[name]) + timedelta(days=days)) if name in TIMES else rows
        for name, rows in FULL.tables.items()
    }
    dossier = analyze(Case(FULL.manifest, moved))
    assert dossier.insufficient_evidence
    assert dossier.onset is None
