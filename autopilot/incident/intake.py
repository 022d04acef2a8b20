"""Taking alerts into an incident: counted once per delivery, bounded in a storm."""

from collections.abc import Iterable

from autopilot.incident.alert import Alert, worst
from autopilot.incident.metric import Signal
from autopilot.incident.state import MAX_ALERTS, IncidentState

MAX_DELIVERIES = 2_000
MAX_FINGERPRINTS = 500
MAX_SIGNALS = 8


def take_alert(state: IncidentState, alert: Alert) -> bool:
    """Add an alert to the incident's state; False when it was a redelivery."""
    if alert.delivery_key in state.deliveries:
        return False
    state.deliveries = [*state.deliveries, alert.delivery_key][-MAX_DELIVERIES:]
    fingerprint = alert.alert_fingerprint
    if alert.status == "resolved":
        _note(state.resolved_fingerprints, [fingerprint])
        if state.alerts:
            return True
    state.alert_count += 1
    if fingerprint in state.fingerprints or len(state.fingerprints) < MAX_FINGERPRINTS:
        state.fingerprints[fingerprint] = state.fingerprints.get(fingerprint, 0) + 1
    if len(state.alerts) < MAX_ALERTS:
        state.alerts.append(alert)
    first = len(state.services) == 0
    state.service = alert.service if first else state.service
    state.environment = alert.environment if first else state.environment
    state.severity = alert.severity if first else worst((state.severity, alert.severity))
    _note(state.services, [alert.service])
    _note(state.regions, [alert.region] if alert.region else [])
    _watch(state, alert.signal)
    return True


def take_handed_over(state: IncidentState, joining: str, alerts: Iterable[Alert]) -> int:
    """Take the alerts of an incident that joins this one; returns how many were new."""
    _note(state.joined, [joining])
    return sum(take_alert(state, alert) for alert in alerts)


def _note(known: list[str], new: list[str]) -> None:
    known.extend(item for item in new if item not in known and len(known) < MAX_FINGERPRINTS)


def _watch(state: IncidentState, signal: Signal | None) -> None:
    known = [s.metric for s in state.signals]
    if signal is not None and signal.metric not in known and len(known) < MAX_SIGNALS:
        state.signals.append(signal)
