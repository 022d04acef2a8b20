"""How severe an incident is: what the alarm says, corrected by who was measurably hit. Pure.

The table is published in docs/contract.md. It is our own rule, not a vendor's: an alarm is believed as it is where
nothing can be measured, a measured harm can only be believed too little, so that it raises further than it lowers.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import Field

from autopilot.incident.alert import SEVERITIES, Severity
from autopilot.incident.base import Line, Model
from autopilot.incident.finding import Impact

ImpactLevel = Literal["unknown", "none", "some", "many", "most"]
LEVELS: tuple[ImpactLevel, ...] = get_args(ImpactLevel)
Row = dict[ImpactLevel, Severity]


def _row(unknown: Severity, none: Severity, some: Severity, many: Severity, most: Severity) -> Row:
    return {"unknown": unknown, "none": none, "some": some, "many": many, "most": most}


TABLE: Mapping[Severity, Row] = {
    "critical": _row("critical", "high", "high", "critical", "critical"),
    "high": _row("high", "medium", "high", "high", "critical"),
    "medium": _row("medium", "low", "medium", "high", "critical"),
    "low": _row("low", "low", "low", "medium", "high"),
}
"""Alarm severity → measured impact → severity."""


class Reached(Model):
    """From where on an impact is of a level: whichever is reached first counts."""

    error_share: float | None = Field(default=None, ge=0, le=1)
    users: int | None = Field(default=None, ge=1)
    services: int | None = Field(default=None, ge=1)
    slo_budget: float | None = Field(default=None, ge=0)
    """Share of the error budget that was used."""

    def reason(self, impact: Impact) -> str:
        """What of an impact reaches it, in words; empty when nothing does."""
        measured = (
            (impact.error_share, self.error_share, f"{impact.error_share or 0:.1%} of requests fail"),
            (impact.users, self.users, f"{impact.users} users are hit"),
            (len(impact.services), self.services, f"{len(impact.services)} services are hit"),
            (impact.slo_budget_used, self.slo_budget, f"{impact.slo_budget_used or 0:.0%} of the budget is used"),
        )
        return next((say for is_, at, say in measured if is_ is not None and at is not None and is_ >= at), "")


class SeverityRules(Model):
    """What a playbook says otherwise."""

    some: Reached = Reached(error_share=0.001, users=1, slo_budget=0.01)
    many: Reached = Reached(error_share=0.05, users=500, services=3, slo_budget=0.1)
    most: Reached = Reached(error_share=0.25, users=10_000, services=6, slo_budget=0.5)
    table: dict[Severity, Row] = {}
    """Cells that differ from `TABLE`."""
    at_least: Severity | None = None


class Assessed(Model):
    """A severity and how it came about."""

    severity: Severity
    level: ImpactLevel
    reason: Line


def level_of(impact: Impact, rules: SeverityRules) -> tuple[ImpactLevel, str]:
    """How large an impact is, and by what; `unknown` when nothing of it could be measured."""
    levels: tuple[tuple[ImpactLevel, Reached], ...] = (
        ("most", rules.most), ("many", rules.many), ("some", rules.some),
    )  # fmt: skip
    for level, reached in levels:
        if said := reached.reason(impact):
            return level, said
    if all(v is None for v in (impact.error_share, impact.failed_requests, impact.users, impact.slo_budget_used)):
        return "unknown", "the impact could not be measured"
    return "none", "no impact is measurable"


def assess(alarm: Severity, impact: Impact, rules: SeverityRules) -> Assessed:
    """The severity of an incident.

    Args:
        alarm: The worst that the alerts say.
        impact: What was measured, from the dossier.
        rules: Those of the playbook.
    """
    level, said = level_of(impact, rules)
    severity = rules.table.get(alarm, {}).get(level) or TABLE[alarm][level]
    reason = f"alarm {alarm}, impact {level}: {said}"
    if rules.at_least is not None and SEVERITIES.index(severity) > SEVERITIES.index(rules.at_least):
        severity, reason = rules.at_least, f"{reason}; the playbook says at least {rules.at_least}"
    return Assessed(severity=severity, level=level, reason=reason)


def published() -> str:
    """The tables in Markdown, as the contract has them."""
    rules = SeverityRules()
    rows = [f"| Alarm | {' | '.join(f'impact `{level}`' for level in LEVELS)} |", "| --- " * 6 + "|"]
    rows += [f"| `{alarm}` | {' | '.join(TABLE[alarm][level] for level in LEVELS)} |" for alarm in SEVERITIES]
    rows += ["", "| Impact | Error share | Users | Services | SLO budget used |", "| --- " * 5 + "|"]
    for level, reached in (("some", rules.some), ("many", rules.many), ("most", rules.most)):
        share = f"{reached.error_share:g}" if reached.error_share is not None else ""
        budget = f"{reached.slo_budget:g}" if reached.slo_budget is not None else ""
        rows.append(f"| `{level}` | {share} | {reached.users or ''} | {reached.services or ''} | {budget} |")
    return "\n".join(rows)
