"""Executing: one step, once, and only what was decided."""

from datetime import UTC, datetime

import structlog
from temporalio import activity

from activities.edge import guarded, this_call
from activities.unasked import Unasked
from autopilot.incident.audit import AuditLog, Entry, action_key, decision_key, unproven
from autopilot.incident.base import Model
from autopilot.incident.decision import DecisionSignal
from autopilot.incident.freeze import FreezeReader
from autopilot.incident.plan import ExecuteStep, StepResult, StepStatus
from autopilot.incident.ports import Failure, PlaybookSource, Toolbox
from autopilot.incident.seal import Keyring
from autopilot.incident.warrant import Warrant, problem

log = structlog.get_logger()

COUNTED = ("accepted", "second_needed")
"""The answers to an approval that counts."""


class CarryOut(Model):
    """A step, and by whose decision."""

    order: ExecuteStep
    warrant: Warrant | None = None


class Executing:
    """ActionExecutor's activity."""

    def __init__(
        self,
        toolbox: Toolbox,
        playbooks: PlaybookSource,
        keyring: Keyring | None,
        switch: FreezeReader,
        audit: AuditLog,
        unasked: Unasked,
    ) -> None:
        self._unasked = unasked
        self._audit = audit
        self._toolbox = toolbox
        self._switch = switch
        self._playbooks = playbooks
        self._keyring = keyring

    @activity.defn
    @guarded
    def execute_step(self, commission: CarryOut) -> StepResult:
        """Carry out one step at most once; a later attempt looks for the effect of an earlier one first.

        The workflow's word is not enough: seals, digest, rules and the freeze switch are looked at here.
        """
        order = commission.order
        objection = self._objection(commission)
        actor = unproven(order.actor) if objection else self._decided_by(commission)
        # What cannot be recorded is not done.
        self._audit.append([_entry(commission, actor, "begins", order.step.summary)])
        result = self._carried_out(commission, objection)
        self._audit.append([_entry(commission, actor, result.status, result.detail)])
        return result

    def _carried_out(self, commission: CarryOut, objection: str) -> StepResult:
        order = commission.order
        if objection:
            return _not_sent(order, "refused", objection)
        if why := self._switch.read().words:
            return _not_sent(order, "frozen", why)
        if why := self._asks_by_now(commission):
            # Not refused for good: people are asked about the same option after another look at everything.
            return _not_sent(order, "changed_world", why)
        return self._toolbox.execute(order, activity.info().attempt)

    def _asks_by_now(self, commission: CarryOut) -> str:
        """What forbids meanwhile that the playbook's decision begins; people's decisions and undos are not bound.

        What an earlier attempt may have begun is brought to its end: stopping half-way would be worse.
        """
        warrant, order = commission.warrant, commission.order
        if warrant is None or warrant.approvals or order.mode == "undo" or activity.info().attempt > 1:
            return ""
        playbook = self._playbooks.snapshot(warrant.alert, datetime.now(UTC)).playbook
        return self._unasked.objection(warrant, order, playbook)

    def _objection(self, commission: CarryOut) -> str:
        """Why the step must not be carried out, by the warrant or by what this machine's own record says."""
        order, warrant = commission.order, commission.warrant
        why = problem(warrant, order, self._keyring, self._playbooks.snapshot, datetime.now(UTC))
        if why or warrant is None:
            return why
        for signal in warrant.approvals:
            answers = self._audit.outcomes(decision_key(order.incident_id, signal.decision_id, proven=True))
            if answers and answers[0] not in COUNTED:
                return f"the decision of {signal.actor_name or signal.actor!r} was answered {answers[0]}"
        return self._done_before(order)

    def _done_before(self, order: ExecuteStep) -> str:
        """A decision is for one effect: what was changed back since takes another one.

        An attempt of this very call may have done it without being heard: then the target is looked at, as ever.
        """
        key = action_key(order.key)
        if "done" not in self._audit.outcomes(key) or "done" in self._audit.outcomes(f"{key}{this_call()}/"):
            return ""
        try:
            now = self._toolbox.inspect(order.step)
        except Failure:
            return "it was carried out before, and its target cannot be read now"
        if now.target_state_digest != order.expects:
            return ""
        return "it was carried out before and changed back since; it takes another decision"

    def _decided_by(self, commission: CarryOut) -> str:
        """Whose decision it is, by the warrant alone: what the order itself says is only the workflow's word."""
        signals = commission.warrant.approvals if commission.warrant else ()
        who = (s.actor if self._proven(s) else unproven(s.actor) for s in signals)
        return ", ".join(dict.fromkeys(who)) or "policy"

    def _proven(self, signal: DecisionSignal) -> bool:
        return self._keyring is not None and self._keyring.vouches(signal)


def _entry(commission: CarryOut, actor: str, outcome: str, reason: str) -> Entry:
    order, step = commission.order, commission.order.step
    opened_for = commission.warrant.alert.service if commission.warrant else ""
    return Entry(
        key=f"{action_key(order.key)}{this_call()}/{activity.info().attempt}/{outcome}",
        at=datetime.now(UTC),
        kind="action",
        actor=actor,
        what=f"{order.mode} {step.tool} {step.arguments}"[:2_000],
        outcome=outcome,
        reason=reason,
        incident_id=order.incident_id,
        service=step.service or opened_for,
        tool=step.tool,
        target=step.target,
    )


def _not_sent(order: ExecuteStep, status: StepStatus, why: str) -> StepResult:
    log.warning("step not carried out", key=order.key, tool=order.step.tool, target=order.step.target, why=why)
    return StepResult(
        key=order.key, tool=order.step.tool, target=order.step.target, status=status,
        detail=f"{why}; nothing was sent", attempt=activity.info().attempt, at=datetime.now(UTC),
    )  # fmt: skip
