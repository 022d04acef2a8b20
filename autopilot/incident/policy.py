"""Who may approve what, and how many people it takes. Pure."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from autopilot.incident.decision import Requirement
from autopilot.incident.plan import RISKS, Option, Plan
from autopilot.incident.playbook import ApprovalRule, Snapshot, actors

NOBODY = "nobody"
"""Stands where fitting rules name no person in common; no actor bears that name."""


def requirement(snapshot: Snapshot, plan: Plan, option: Option) -> Requirement:
    """What the rules in force demand for an option.

    Of several rules that fit, the largest number of people counts, and whoever approves must be allowed by all.
    """
    playbook, made = snapshot.playbook, authors(snapshot, plan)
    fitting = [rule for rule in playbook.approvals if _fits(rule, option)]
    named = [r.approvers for r in fitting if r.approvers] or [playbook.approvers]
    lists = [allowed for allowed in (actors(names, snapshot) for names in named) if allowed]
    approvers = tuple(a for a in lists[0] if all(a in others for others in lists)) or (NOBODY,) if lists else ()
    people = max((rule.people for rule in fitting), default=1)
    return Requirement(
        option=option.id, approvers=approvers, people=people, authors=made, reason=_reason(option, people, made)
    )


def _fits(rule: ApprovalRule, option: Option) -> bool:
    if RISKS.index(option.risk) < RISKS.index(rule.min_risk):
        return False
    return any(
        (not rule.tools or any(fnmatchcase(p.step.tool, tool) for tool in rule.tools))
        and (not rule.services or p.step.service in rule.services)
        for p in option.steps
    )


def _reason(option: Option, people: int, authors: Sequence[str]) -> str:
    if people > 1:
        return f"Option {option.id} (risk {option.risk}) takes {people} people."
    return "Who made the suspected change cannot be the only one to approve." if authors else ""


def authors(snapshot: Snapshot, plan: Plan) -> tuple[str, ...]:
    """The actors who made the blamed change, by the identity map."""
    return tuple(
        f"slack:{person.slack}"
        for person in snapshot.people
        if person.slack and any(person.is_called(name) for name in plan.change_authors)
    )
