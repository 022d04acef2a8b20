"""Severity: the published table, corrected by who was hit, and what a playbook may change."""

from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot.incident.alert import SEVERITIES, Severity
from autopilot.incident.finding import Impact
from autopilot.incident.severity import LEVELS, TABLE, ImpactLevel, Reached, SeverityRules, assess, published

CONTRACT = Path(__file__).resolve().parents[3] / "docs" / "contract.md"
RULES = SeverityRules()
SHARES = st.none() | st.floats(0, 1)
IMPACTS = st.builds(
    Impact,
    error_share=SHARES,
    users=st.none() | st.integers(0, 100_000),
    services=st.lists(st.sampled_from("abcdefgh"), unique=True).map(tuple),
    slo_budget_used=st.none() | st.floats(0, 5),
)


@pytest.mark.parametrize(
    ("alarm", "impact", "level", "severity"),
    [
        ("critical", Impact(), "unknown", "critical"),
        ("critical", Impact(error_share=0.0), "none", "high"),
        ("high", Impact(error_share=0.0, users=0), "none", "medium"),
        ("medium", Impact(error_share=0.002), "some", "medium"),
        ("medium", Impact(users=500), "many", "high"),
        ("low", Impact(services=("a", "b", "c")), "many", "medium"),
        ("medium", Impact(error_share=0.3, users=1), "most", "critical"),
        ("high", Impact(slo_budget_used=0.6), "most", "critical"),
        ("high", Impact(services=("a",)), "unknown", "high"),
    ],
)
def test_alarm_and_impact_make_a_severity(
    alarm: Severity, impact: Impact, level: ImpactLevel, severity: Severity
) -> None:
    found = assess(alarm, impact, RULES)
    assert (found.level, found.severity) == (level, severity)
    assert f"alarm {alarm}, impact {level}" in found.reason


def test_a_playbook_changes_cells_thresholds_and_the_floor() -> None:
    rules = SeverityRules(many=Reached(error_share=0.02), table={"high": {"none": "high"}}, at_least="medium")
    assert assess("medium", Impact(error_share=0.02), rules).severity == "high"
    assert assess("high", Impact(error_share=0.0), rules).severity == "high"
    floor = assess("low", Impact(error_share=0.0), rules)
    assert (floor.severity, "at least medium" in floor.reason) == ("medium", True)


@given(st.sampled_from(SEVERITIES), IMPACTS, IMPACTS)
def test_more_harm_is_never_less_severe(alarm: Severity, one: Impact, other: Impact) -> None:
    together = Impact(
        error_share=_most(one.error_share, other.error_share),
        users=_most(one.users, other.users),
        services=tuple({*one.services, *other.services}),
        slo_budget_used=_most(one.slo_budget_used, other.slo_budget_used),
    )
    found, worse = assess(alarm, one, RULES), assess(alarm, together, RULES)
    measured = found.level != "unknown"
    assert not measured or SEVERITIES.index(worse.severity) <= SEVERITIES.index(found.severity)


N = TypeVar("N", int, float)


def _most(one: N | None, other: N | None) -> N | None:
    return max((v for v in (one, other) if v is not None), default=None)


def test_a_worse_alarm_is_never_less_severe() -> None:
    for level in LEVELS:
        column = [SEVERITIES.index(TABLE[alarm][level]) for alarm in SEVERITIES]
        assert column == sorted(column)


def test_the_table_is_published() -> None:
    assert published() in CONTRACT.read_text()
