"""May this decision count? Pure rules, in the order a person would ask them."""

import hashlib
import hmac
import json
from datetime import datetime

from autopilot.incident.base import Time
from autopilot.incident.decision import DecisionRequest, DecisionSignal, Judgement, Reason
from autopilot.incident.plan import Plan
from autopilot.incident.playbook import Playbook, granted

SEALED_FIELDS = (
    "decision_id", "incident_id", "plan_revision", "plan_digest", "choice", "option",
    "comment", "actor", "actor_name", "channel", "at",
)  # fmt: skip


def seal(signal: DecisionSignal, key: bytes) -> str:
    """HMAC-SHA256 over what was decided, by whom and when: the gateway vouches for the sender."""
    fields = {name: str(getattr(signal, name)) for name in SEALED_FIELDS}
    message = json.dumps(fields, sort_keys=True).encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def sealed(signal: DecisionSignal, key: bytes | None) -> bool:
    """Whether the signal carries our gateway's seal."""
    return key is not None and hmac.compare_digest(signal.seal, seal(signal, key))


def _refusal(
    signal: DecisionSignal,
    incident_id: str,
    request: DecisionRequest | None,
    plan: Plan | None,
    proven: bool,
    now: Time,
) -> tuple[Reason, str] | None:
    """The first question whose answer speaks against the decision."""
    checks: list[tuple[bool, Reason, str]] = [
        (signal.choice not in ("option", "reanalyse", "manual"), "unknown_choice",
         f"{signal.choice!r} is not a choice; use option, reanalyse or manual."),
        (bool(signal.incident_id) and signal.incident_id != incident_id, "wrong_incident",
         "This decision names another incident; open the current message and decide there."),
        (request is None, "not_open", "Nothing is waiting for a decision right now; see the incident's message."),
    ]  # fmt: skip
    if request is not None:
        option = plan.option(signal.option_number) if plan else None
        permitted = not request.approvers or signal.actor in request.approvers
        stale = bool(signal.plan_digest) and signal.plan_digest != request.plan_digest
        about_the_request: list[tuple[bool, Reason, str]] = [
            (stale, "stale_plan", "The plan has changed since you saw it; look at the current options."),
            (now >= request.expires_at, "expired", "The time to decide has passed; the incident was handed over."),
            (not proven and not request.accept_unproven, "unproven",
             "Your identity is not proven on this channel; decide in Slack."),
            (proven and not permitted, "not_allowed",
             f"{signal.actor_name or signal.actor!r} may not decide here; ask {', '.join(request.approvers)}."),
            (signal.choice == "option" and option is None, "unknown_option",
             f"There is no option {signal.option!r} in plan revision {request.plan_revision}."),
            (signal.choice == "option" and option is not None and not option.feasible, "infeasible_option",
             f"Option {signal.option} cannot work now: {option.infeasible_reason if option else ''}"),
        ]  # fmt: skip
        checks += about_the_request
    return next(((reason, message) for failed, reason, message in checks if failed), None)


def _overtaken(first_answer: Judgement | None, taken: Judgement | None) -> tuple[Reason, str] | None:
    if first_answer is not None:
        return "duplicate", "This decision was received before; its first answer stands."
    if taken is not None:
        who = taken.actor_name or taken.actor
        return "late", f"{who} has already decided ({taken.choice} {taken.option or ''}).".replace(" )", ")")
    return None


def decided_at(signal: DecisionSignal, *, proven: bool, now: Time) -> Time:
    """When it was decided: the sealed time of the click, so that a worker's absence costs nobody his decision."""
    if not proven:
        return now
    try:
        clicked = datetime.fromisoformat(signal.at)
    except ValueError:
        return now
    return min(clicked, now) if clicked.tzinfo is not None else now


def judge_decision(
    signal: DecisionSignal,
    incident_id: str,
    request: DecisionRequest | None,
    plan: Plan | None,
    *,
    proven: bool,
    now: Time,
    first_answer: Judgement | None = None,
    taken: Judgement | None = None,
) -> Judgement:
    """Judge one decision by everything that can be known without looking at the world.

    `first_answer`: what the same decision was answered before. `taken`: the decision that was accepted already.
    """
    when = decided_at(signal, proven=proven, now=now)
    refusal = _overtaken(first_answer, taken) or _refusal(signal, incident_id, request, plan, proven, when)
    reason, message = refusal or ("accepted", "Your decision was accepted.")
    return Judgement(
        decision_id=signal.decision_id,
        accepted=refusal is None,
        reason=reason,
        message=message,
        choice=signal.choice,
        option=signal.option_number,
        actor=signal.actor or "unknown",
        actor_name=signal.actor_name,
        proven=proven,
        channel=signal.channel,
        comment=signal.comment,
        plan_revision=request.plan_revision if request else 0,
        at=now,
    )


def policy_decision(playbook: Playbook, plan: Plan, now: Time) -> Judgement | None:
    """Autonomous mode: the first option that is granted, dry-run and undoable decides itself; None: ask."""
    option = next((o for o in plan.options if granted(playbook, o)), None)
    if option is None or plan.ask_people:
        return None
    return Judgement(
        decision_id=f"policy-{plan.revision}",
        accepted=True,
        reason="accepted",
        message=f"The playbook {playbook.name!r} grants option {option.id}: {option.title}",
        choice="option",
        option=option.id,
        actor=f"policy:{playbook.name}",
        actor_name="playbook policy",
        proven=True,
        channel="policy",
        plan_revision=plan.revision,
        at=now,
    )
