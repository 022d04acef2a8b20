"""Incident views for the channel tests."""

from datetime import UTC, datetime

from autopilot.incident.base import Link
from autopilot.incident.view import IncidentView, OptionView

NOW = datetime.now(UTC)


def option(number: int, **more: object) -> OptionView:
    given: dict[str, object] = {
        "id": number,
        "title": f"Raise the read capacity of orders to {number}000",
        "why": "reads exceed the provisioned capacity (F3)",
        "steps": ("set read capacity of orders to 1000",),
        "risk": "low",
        "reversibility": "reversible",
        "expected": "latency below 1000 ms within 5 minutes",
        "reach": "table orders",
    }
    return OptionView.model_validate(given | more)


def raw(**more: object) -> IncidentView:
    """Just opened: no diagnosis yet."""
    given: dict[str, object] = {
        "incident_id": "incident-checkout-1a2b.c3d4",
        "group": "incident-checkout-1a2b",
        "title": "checkout-api latency above 1000 ms",
        "service": "checkout",
        "environment": "production",
        "severity": "critical",
        "phase": "collect",
        "started_at": NOW,
        "whats_going_on": "Latency of checkout-api is 1240 ms",
        "recent_changes": ("v2.4.1 deployed", "commit abc", "traffic switched"),
        "cost": "no model calls",
        "links": (Link(title="Report", url="http://127.0.0.1:8080/incidents/1?a=1&b=2"),),
    }
    return IncidentView.model_validate(given | more)


def decidable(**more: object) -> IncidentView:
    """Diagnosed, options offered, buttons open."""
    given: dict[str, object] = {
        "phase": "decide",
        "cause": "v2.4.1 reads orders one by one and exceeds its capacity",
        "confidence": "likely, 72% (uncalibrated)",
        "analyst": "built-in analyst",
        "next_step": "Choose an option",
        "options": (option(1), option(2, risk="high"), option(3, feasible=False, note="no healthy version")),
        "decidable": True,
        "plan_revision": 2,
        "plan_digest": "0123456789abcdef",
    }
    return raw(**(given | more))
