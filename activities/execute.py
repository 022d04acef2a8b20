"""Executing: one step, once, and only what was decided."""

from datetime import UTC, datetime

import structlog
from temporalio import activity

from activities.edge import guarded
from autopilot.incident.audit import AuditLog, Entry
from autopilot.incident.base import Model, Time
from autopilot.incident.freeze import FreezeReader
from autopilot.incident.plan import ExecuteStep, StepResult, StepStatus
from autopilot.incident.ports import PlaybookSource, Toolbox
from autopilot.incident.seal import Keyring
from autopilot.incident.warrant import Warrant, problem

log = structlog.get_logger()


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
    ) -> None:
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
        # What cannot be recorded is not done.
        self._audit.append([_entry(order, "begins", order.step.summary)])
        result = self._carried_out(commission)
        self._audit.append([_entry(order, result.status, result.detail)])
        return result

    def _carried_out(self, commission: CarryOut) -> StepResult:
        order, now = commission.order, datetime.now(UTC)
        if why := problem(commission.warrant, order, self._keyring, self._playbooks.snapshot, now):
            return _not_sent(order, "refused", why, now)
        if why := self._switch.read().words:
            return _not_sent(order, "frozen", why, now)
        return self._toolbox.execute(order, activity.info().attempt)


def _entry(order: ExecuteStep, outcome: str, reason: str) -> Entry:
    step = order.step
    return Entry(
        key=f"action/{order.key}/{activity.info().activity_id}/{activity.info().attempt}/{outcome}",
        at=datetime.now(UTC),
        kind="action",
        actor=order.actor,
        what=f"{order.mode} {step.tool} {step.arguments}"[:2_000],
        outcome=outcome,
        reason=reason,
        incident_id=order.incident_id,
        service=step.service,
        tool=step.tool,
        target=step.target,
    )


def _not_sent(order: ExecuteStep, status: StepStatus, why: str, now: Time) -> StepResult:
    log.warning("step not carried out", key=order.key, tool=order.step.tool, target=order.step.target, why=why)
    return StepResult(
        key=order.key, tool=order.step.tool, target=order.step.target, status=status,
        detail=f"{why}; nothing was sent", attempt=activity.info().attempt, at=now,
    )  # fmt: skip
