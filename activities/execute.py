"""Executing: one step, once, and only what was decided."""

from datetime import UTC, datetime

import structlog
from temporalio import activity

from activities.edge import guarded
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
        self, toolbox: Toolbox, playbooks: PlaybookSource, keyring: Keyring | None, switch: FreezeReader
    ) -> None:
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
        order, now = commission.order, datetime.now(UTC)
        if why := problem(commission.warrant, order, self._keyring, self._playbooks.snapshot, now):
            return _not_sent(order, "refused", why, now)
        if why := self._switch.read().words:
            return _not_sent(order, "frozen", why, now)
        return self._toolbox.execute(order, activity.info().attempt)


def _not_sent(order: ExecuteStep, status: StepStatus, why: str, now: Time) -> StepResult:
    log.warning("step not carried out", key=order.key, tool=order.step.tool, target=order.step.target, why=why)
    return StepResult(
        key=order.key, tool=order.step.tool, target=order.step.target, status=status,
        detail=f"{why}; nothing was sent", attempt=activity.info().attempt, at=now,
    )  # fmt: skip
