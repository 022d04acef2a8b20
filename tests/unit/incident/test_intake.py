"""Taking alerts in, storms included."""

from hypothesis import given
from hypothesis import strategies as st

from autopilot.incident.alert import SEVERITIES, Alert, Severity, worst
from autopilot.incident.intake import MAX_FINGERPRINTS, MAX_SIGNALS, take_alert, take_handed_over
from autopilot.incident.state import MAX_ALERTS, IncidentState
from tests.unit.incident.worlds import INCIDENT, T0, alert, signal


@st.composite
def alerts(draw: st.DrawFn, least: int = 0) -> list[Alert]:
    """Some deliveries, repetitions among them."""
    return [
        alert(
            external_id=f"a{draw(st.integers(0, 30))}",
            service=draw(st.sampled_from(["shop", "cart", "table"])),
            severity=draw(st.sampled_from(SEVERITIES)),
            status=draw(st.sampled_from(["firing", "firing", "resolved"])),
        )
        for _ in range(draw(st.integers(least, 30)))
    ]


def fresh() -> IncidentState:
    return IncidentState(incident_id=INCIDENT, group="incident-shop-0123456789", opened_at=T0)


@given(alerts())
def test_delivering_everything_twice_changes_nothing(delivered: list[Alert]) -> None:
    once, twice = fresh(), fresh()
    for given_alert in delivered:
        take_alert(once, given_alert)
        take_alert(twice, given_alert)
        assert not take_alert(twice, given_alert)
    assert once == twice


@given(alerts(least=1))
def test_every_new_firing_is_counted_and_the_worst_severity_stands(delivered: list[Alert]) -> None:
    state = fresh()
    taken = [a for a in delivered if take_alert(state, a)]
    firing = [a for a in taken if a.status == "firing"]
    opened_by_a_resolved_one = taken[0].status == "resolved"
    assert state.alert_count == len(firing) + opened_by_a_resolved_one
    assert state.service == taken[0].service
    assert set(state.services) == {a.service for a in firing} | {taken[0].service}
    counted: list[Severity] = [a.severity for a in (taken[0], *firing)]
    assert state.severity == worst(tuple(counted))


def test_a_storm_is_counted_but_not_kept() -> None:
    state = fresh()
    for number in range(3_000):
        take_alert(state, alert(external_id=f"s{number}", title=f"rule {number}", signal=signal(1, f"m{number}")))
    assert state.alert_count == 3_000
    assert len(state.alerts) == MAX_ALERTS
    assert len(state.fingerprints) == MAX_FINGERPRINTS
    assert len(state.signals) == MAX_SIGNALS


def test_a_resolved_alert_is_noted_and_not_counted() -> None:
    state = fresh()
    take_alert(state, alert())
    assert take_alert(state, alert(status="resolved"))
    assert state.alert_count == 1
    assert state.resolved_fingerprints == [alert().alert_fingerprint]


def test_a_younger_incident_that_joins_hands_over_what_is_new() -> None:
    state = fresh()
    take_alert(state, alert())
    moved = [alert(), alert(service="cart", external_id="c1", region="r2", signal=signal(5, "Errors"))]
    assert take_handed_over(state, "incident-cart-1", moved) == 1
    assert take_handed_over(state, "incident-cart-1", moved) == 0
    assert (state.joined, state.alert_count) == (["incident-cart-1"], 2)
    assert (state.services, state.regions) == (["shop", "cart"], ["r2"])
    assert [s.metric.name for s in state.signals] == ["Errors"]
