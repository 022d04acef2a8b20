"""How priorities and endings are written in ticket systems. These tables are published in docs/contract.md."""

from collections.abc import Mapping
from typing import NamedTuple

from autopilot.incident.alert import Severity
from autopilot.incident.ids import digest


class Weight(NamedTuple):
    """ServiceNow works out the priority from impact and urgency (1 high, 2 medium, 3 low)."""

    impact: str
    urgency: str
    priority: str
    """What ServiceNow's own rules make of the two, as it shows it."""
    jira: str
    """The priority in Jira."""


PRIORITIES: Mapping[Severity, Weight] = {
    "critical": Weight("1", "1", "1 - Critical", "Highest"),
    "high": Weight("2", "1", "2 - High", "High"),
    "medium": Weight("2", "2", "3 - Moderate", "Medium"),
    "low": Weight("3", "2", "4 - Low", "Low"),
}
"""Ticket priority → impact and urgency, by ServiceNow's documented data lookup rules for incidents."""


class Ending(NamedTuple):
    """How a resolved ticket says what became of it."""

    close_code: str
    """ServiceNow's resolution code."""
    jira: tuple[str, ...]
    """Jira's resolutions, the first that the workflow offers is set."""


ENDINGS: Mapping[str, Ending] = {
    "fixed": Ending("Solution provided", ("Fixed", "Done")),
    "self_healed": Ending("No resolution provided", ("Cannot Reproduce", "Done")),
    "handed_over": Ending("Workaround provided", ("Done",)),
    "": Ending("Solution provided", ("Done",)),
}
"""How an incident ended → resolution codes. The last row: nothing is known."""


def weight_of(priority: str) -> Weight:
    """The weight of a ticket priority; an unknown one counts as high."""
    return next((weight for name, weight in PRIORITIES.items() if name == priority), PRIORITIES["high"])


def phase_mark(key: str, phase: str) -> str:
    """The line by which a note about a phase is found again."""
    return f"[{phase} {digest(key, phase)[:10]}]"


def published() -> str:
    """Both tables in Markdown, as the contract has them."""
    rows = ["| Ticket priority | Impact | Urgency | ServiceNow's priority | Jira's priority |", "| --- " * 5 + "|"]
    rows += [f"| `{name}` | {w.impact} | {w.urgency} | {w.priority} | {w.jira} |" for name, w in PRIORITIES.items()]
    rows += ["", "| Ended as | ServiceNow's resolution code | Jira's resolution |", "| --- " * 3 + "|"]
    for name, ending in ENDINGS.items():
        rows.append(
            f"| {f'`{name}`' if name else 'not known'} | {ending.close_code} | {', else '.join(ending.jira)} |"
        )
    return "\n".join(rows)
