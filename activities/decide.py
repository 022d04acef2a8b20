"""Deciding: each decision is judged once, and its answer reaches its sender."""

from datetime import UTC, datetime

from temporalio import activity

from activities.edge import guarded, this_call
from activities.unasked import Unasked
from autopilot.incident.approval import judge_decision
from autopilot.incident.audit import AuditLog, Entry, decision_key, unproven
from autopilot.incident.autonomy import PolicyAnswer, PolicyOrder, policy_answer
from autopilot.incident.base import Model, Time
from autopilot.incident.decision import DecisionRequest, DecisionSignal, Judgement, Reason
from autopilot.incident.freeze import FreezeReader
from autopilot.incident.plan import Plan, Step, TargetState
from autopilot.incident.ports import Failure, Notifier, Toolbox
from autopilot.incident.seal import Keyring
from autopilot.incident.view import IncidentView


class JudgeDecision(Model):
    """One inbox entry, with what it must fit."""

    signal: DecisionSignal
    incident_id: str
    request: DecisionRequest | None
    plan: Plan | None
    first_answer: Judgement | None = None
    """The answer that this decision got when it came the first time."""
    taken: Judgement | None = None
    """The decision that was accepted already."""
    approvals: tuple[Judgement, ...] = ()
    """Earlier ones that count."""


class AnswerDecision(Model):
    """What became of a decision, for its sender."""

    view: IncidentView
    judgement: Judgement
    reply_to: str = ""


class Deciding:
    """RemediationDecision's activities."""

    def __init__(
        self,
        toolbox: Toolbox,
        notifier: Notifier,
        keyring: Keyring | None,
        switch: FreezeReader,
        audit: AuditLog,
        unasked: Unasked,
    ) -> None:
        self._unasked = unasked
        self._audit = audit
        self._switch = switch
        self._toolbox = toolbox
        self._notifier = notifier
        self._keyring = keyring

    @activity.defn
    @guarded
    def judge_decision(self, order: JudgeDecision) -> Judgement:
        """Seal, person, digest and expiry by rule; then whether the world is still the one that was shown."""
        judgement = self._judged(order)
        self._audit.append([_entry(order, judgement)])
        return judgement

    @activity.defn
    @guarded
    def decide_by_policy(self, order: PolicyOrder) -> PolicyAnswer:
        """What the playbook decides now, and why options that it grants are asked about nevertheless."""
        now = self._unasked.circumstances(order, self._switch.read().words)
        answer = policy_answer(order, now)
        self._audit.append(_policy_entries(order, answer, now.now))
        return answer

    def _judged(self, order: JudgeDecision) -> Judgement:
        proven = self._keyring is not None and self._keyring.vouches(order.signal)
        judgement = judge_decision(
            order.signal,
            order.incident_id,
            order.request,
            order.plan,
            proven=proven,
            now=datetime.now(UTC),
            first_answer=order.first_answer,
            taken=order.taken,
            approvals=order.approvals,
        )
        if not judgement.accepted or judgement.choice != "option":
            return judgement
        if frozen := self._switch.read().words:
            words = f"{frozen}. Decide again when changes are allowed, or handle it by hand."
            return _refused(judgement, "frozen", words)
        changed = self._changed(order)
        return judgement if changed is None else _refused(judgement, "changed_world", changed)

    def _changed(self, order: JudgeDecision) -> str | None:
        """How the option's targets differ from what was shown; None when they do not."""
        option = order.plan.option(order.signal.option_number) if order.plan else None
        seen: set[str] = set()
        for prepared in option.steps if option else ():
            if prepared.step.target in seen:
                continue  # a later step expects what an earlier one leaves
            seen.add(prepared.step.target)
            now = self._inspect(prepared.step)
            if now is not None and now.target_state_digest != prepared.expects:
                return (
                    f"{prepared.step.target} has changed since this was proposed: "
                    f"was {prepared.before.settings}, is {now.settings}. Analysing again."
                )
        return None

    def _inspect(self, step: Step) -> TargetState | None:
        """None when it cannot be read now: execution looks again and refuses by itself."""
        try:
            return self._toolbox.inspect(step)
        except Failure:
            return None

    @activity.defn
    @guarded
    def answer_decision(self, order: AnswerDecision) -> None:
        """Tell the sender."""
        self._notifier.answer(order.view, order.judgement, order.reply_to)


def _entry(order: JudgeDecision, judgement: Judgement) -> Entry:
    chosen = f"{judgement.choice} {judgement.option or ''}".strip()
    return Entry(
        # A repeated delivery is an entry of its own, a second attempt to judge it is none.
        key=decision_key(order.incident_id, judgement.decision_id, proven=judgement.proven) + this_call(),
        at=judgement.at,
        kind="decision",
        actor=judgement.actor if judgement.proven else unproven(judgement.actor),
        what=f"{chosen} of plan {judgement.plan_revision}: {judgement.comment}"[:2_000],
        outcome=judgement.reason,
        reason=judgement.message,
        incident_id=order.incident_id,
    )


def _refused(judgement: Judgement, reason: Reason, words: str) -> Judgement:
    """What was right in itself and cannot count in this world."""
    return judgement.model_copy(update={"accepted": False, "counted": False, "reason": reason, "message": words})


def _policy_entries(order: PolicyOrder, answer: PolicyAnswer, at: Time) -> list[Entry]:
    """What the playbook decided about a plan, and what it left to people."""
    said = [(one.option, "asks", one.why) for one in answer.asks]
    if answer.decision is not None:
        said.append((answer.decision.option or 0, answer.decision.reason, answer.decision.message))
    plan = order.plan
    return [
        Entry(
            key=f"policy/{plan.incident_id}/{plan.revision}/{option}/{this_call()}",
            at=at,
            kind="decision",
            actor=f"policy:{order.playbook.name}",
            what=f"option {option} of plan {plan.revision}",
            outcome=outcome,
            reason=why,
            incident_id=plan.incident_id,
            service=order.alert.service,
        )
        for option, outcome, why in said
    ]
