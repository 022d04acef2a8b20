"""What must hold for any case: determinism, invariances, and survival of broken or hostile input."""

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

FEW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
STORY = throttled_checkout(5)


def with_table(case: Case, name: Table, rows: pl.DataFrame) -> Case:
    return Case(case.manifest, {**case.tables, name: rows})


def ranking(dossier: Dossier) -> list[tuple[str, str, str, float]]:
    return [(s.service, s.cause_kind, s.change_id, s.score) for s in dossier.suspects]


def test_same_case_same_bytes() -> None:
    assert analyze(throttled_checkout(5)).model_dump_json() == analyze(STORY).model_dump_json()


@FEW
@given(seed=st.integers(0, 10_000))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    shuffled = Case(
        STORY.manifest,
        {name: rows.sample(fraction=1, shuffle=True, seed=seed) for name, rows in STORY.tables.items()},
    )
    assert analyze(shuffled).model_dump_json() == analyze(STORY).model_dump_json()


@FEW
@given(factor=st.sampled_from([1e-9, 1e-3, 1024.0, 1e6, 1e12]))
def test_unit_of_a_latency_does_not_matter(factor: float) -> None:
    metrics = STORY.table("metrics")
    scaled = pl.when(pl.col("unit") == "Milliseconds").then(pl.col("value") * factor).otherwise(pl.col("value"))
    other = analyze(with_table(STORY, "metrics", metrics.with_columns(value=scaled)))
    usual = analyze(STORY)
    assert [r[:3] for r in ranking(other)] == [r[:3] for r in ranking(usual)]
    assert [r[3] for r in ranking(other)] == pytest.approx([r[3] for r in ranking(usual)], abs=1e-3)
    assert other.onset == usual.onset


@FEW
@given(table=st.sampled_from(TABLES))
def test_any_table_may_be_missing(table: Table) -> None:
    dossier = analyze(with_table(STORY, table, frame(table)))
    assert dossier.incident_id == STORY.scope.incident_id
    assert all(s.score < 0.96 for s in dossier.suspects)


def test_nothing_collected_is_insufficient_evidence() -> None:
    dossier = analyze(Case(STORY.manifest))
    assert dossier.insufficient_evidence
    assert dossier.findings == ()
    assert "insufficient evidence" in text_table(dossier)


@FEW
@given(
    values=st.lists(
        st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.just(0.0), st.just(7.0)),
        min_size=1,
        max_size=40,
    ),
    statistic=st.sampled_from(["Sum", "Average", "", "p99"]),
    name=st.sampled_from(["Latency", "Errors", "requests_total", "availability", "CPUUtilization", "x"]),
)
def test_broken_series_survive(values: list[float], statistic: str, name: str) -> None:
    story = Story(0)
    story.metric("checkout", "custom", name, statistic, "", values, Service="checkout")
    twice = story.case().table("metrics")
    dossier = analyze(with_table(story.case(), "metrics", pl.concat([twice, twice])))
    assert all(np.isfinite(f.size) and 0 <= f.score <= 1 for f in dossier.findings)
    assert Dossier.model_validate_json(dossier.model_dump_json()) == dossier


@pytest.mark.parametrize("value", [0.0, 1.0, 1e300, -5.0])
def test_constant_series_says_nothing(value: float) -> None:
    story = Story(0)
    story.metric("checkout", "custom", "Latency", "Average", "", np.full(MINUTES, value), Service="checkout")
    assert analyze(story.case()).findings == ()


HOSTILE = st.text(min_size=0, max_size=60) | st.sampled_from(
    ['{"a":', "{}", '{"message": null}', "\x00\u202e", "(((((", "a" * 5_000, "[[]]", "$.x", "x" * 300 + "%s{0}"]
)


@FEW
@given(data=st.data())
def test_hostile_text_anywhere_is_harmless(data: st.DataObject) -> None:
    case = STORY
    for name in TABLES:
        texts = [column for column, kind in SCHEMAS[name].items() if kind == pl.String]
        numbers = {column: 1.0 for column, kind in SCHEMAS[name].items() if kind == pl.Float64}
        rows = [{column: data.draw(HOSTILE) for column in texts} | numbers for _ in range(2)]
        extra = frame(name, rows)
        if "time" in extra.columns:
            extra = extra.with_columns(time=pl.lit(NOW - timedelta(minutes=3)).cast(pl.Datetime("us", "UTC")))
        case = with_table(case, name, pl.concat([case.table(name), conform(name, extra)]))
    dossier = analyze(case)
    assert ranking(dossier)[0][:2] == ("checkout", "bad_deploy")
    assert "\x00" not in dossier.model_dump_json()
    assert "\u202e" not in text_table(dossier)


def test_overlapping_windows_and_an_alarm_before_the_data_survive() -> None:
    scope = STORY.scope.model_copy(update={"baseline": STORY.scope.incident, "alerted_at": NOW - timedelta(days=1)})
    dossier = analyze(Case(STORY.manifest.model_copy(update={"scope": scope}), STORY.tables))
    assert Windows.of(scope).start <= Windows.of(scope).split
    assert len(dossier.findings) <= 120
