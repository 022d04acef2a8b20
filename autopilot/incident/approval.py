"""May this decision count? Pure rules, in the order a person would ask them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from autopilot.incident.base import Time
from autopilot.incident.decision import DecisionRequest, DecisionSignal, Judgement, Reason, voice
from autopilot.incident.plan import Plan
from autopilot.incident.playbook import Playbook, granted


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
        ((proven or bool(signal.incident_id)) and signal.incident_id != incident_id, "wrong_incident",
         "This decision names another incident; open the current message and decide there."),
        (request is None, "not_open", "Nothing is waiting for a decision right now; see the incident's message."),
    ]  # fmt: skip
    if request is not None:
        option = plan.option(signal.option_number) if plan else None
        of_option = signal.choice == "option"
        wanted = request.requirement(signal.option_number)
        approvers = wanted.approvers if of_option else request.approvers
        permitted = not approvers or signal.actor in approvers
        # A sealed approval that names no plan could be used for another one.
        stale = ((proven and of_option) or bool(signal.plan_digest)) and signal.plan_digest != request.plan_digest
        about_the_request: list[tuple[bool, Reason, str]] = [
            (stale, "stale_plan", "The plan has changed since you saw it; look at the current options."),
            (now >= request.expires_at, "expired", "The time to decide has passed; the incident was handed over."),
            (not proven and not request.accept_unproven, "unproven",
             "Your identity is not proven on this channel; decide in Slack."),
            (not proven and of_option and wanted.of_known_people, "unproven",
             f"{wanted.reason} Your identity is not proven on this channel; decide in Slack."),
            (proven and not permitted, "not_allowed",
             f"{signal.actor_name or signal.actor!r} may not decide here; ask {', '.join(approvers)}."),
            (signal.choice == "option" and option is None, "unknown_option",
             f"There is no option {signal.option!r} in plan revision {request.plan_revision}."),
            (signal.choice == "option" and option is not None and not option.feasible, "infeasible_option",
             f"Option {signal.option} cannot work now: {option.infeasible_reason if option else ''}"),
        ]  # fmt: skip
        checks += about_the_request
    return next(((reason, message) for failed, reason, message in checks if failed), None)


def _overtaken(
    first_answer: Judgement | None, taken: Judgement | None, *, proven: bool
) -> tuple[Reason, str] | None:
    # Somebody unproven may send under any id: that must not take the word from whose id it is.
    if first_answer is not None and (first_answer.proven or not proven):
        return "duplicate", "This decision was received before; its first answer stands."
    if taken is not None:
        who = taken.actor_name or taken.actor
        return "late", f"{who} has already decided ({taken.choice} {taken.option or ''}).".replace(" )", ")")
    return None


def _more_needed(
    signal: DecisionSignal, request: DecisionRequest, approvals: Sequence[Judgement], proven: bool
) -> tuple[Reason, str] | None:
    """Why an approval that counts does not suffice yet."""
    requirement = request.requirement(signal.option_number)
    earlier = {
        voice(j.actor, proven=j.proven)
        for j in approvals
        if j.counted and j.option == signal.option_number and j.plan_revision == request.plan_revision
    }
    own = voice(signal.actor, proven=proven)
    if own in earlier:
        return "counted_before", "Your approval is counted already; another person has to approve too."
    if requirement.enough((*earlier, own)):
        return None
    of = ", ".join(requirement.approvers) or "anybody else"
    return "second_needed", f"Your approval counts. {requirement.reason} Another person has to approve too: {of}."


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
    approvals: Sequence[Judgement] = (),
) -> Judgement:
    """Judge one decision by everything that can be known without looking at the world.

    Args:
        signal: What was sent.
        incident_id: The incident it reached.
        request: What is being asked; None when nothing is.
        plan: The options.
        proven: Whether the seal holds.
        now: The present.
        first_answer: What the same decision was answered before.
        taken: The decision that was accepted already.
        approvals: Earlier judgements, of which those that count for the same option of the same plan matter.
    """
    when = decided_at(signal, proven=proven, now=now)
    refusal = _overtaken(first_answer, taken, proven=proven) or _refusal(
        signal, incident_id, request, plan, proven, when
    )
    counted = refusal is None and signal.choice == "option" and request is not None
    if counted and request is not None:
        refusal = _more_needed(signal, request, approvals, proven)
    reason, message = refusal or ("accepted", "Your decision was accepted.")
    return Judgement(
        decision_id=signal.decision_id,
        accepted=refusal is None,
        counted=counted and reason != "counted_before",
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


def policy_decision(
    playbook: Playbook,
    plan: Plan,
    now: Time,
    *,
    error_share: float | None = None,
    asks: Collection[int] = (),
) -> Judgement | None:
    """Autonomous mode: the first option that is granted, dry-run and undoable decides itself; None: ask.

    `asks` are the options that have to be asked nevertheless (`autonomy.policy_answer`).
    """
    may = (o for o in plan.options if o.id not in asks and granted(playbook, o, error_share))
    option = next(may, None)
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
