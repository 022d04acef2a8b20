"""Executing: one step, once."""

from temporalio import activity

from activities.edge import guarded
from autopilot.incident.plan import ExecuteStep, StepResult
from autopilot.incident.ports import Toolbox


class Executing:
    """ActionExecutor's activity."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    @activity.defn
    @guarded
    def execute_step(self, order: ExecuteStep) -> StepResult:
        """Carry out one step at most once; a later attempt looks for the effect of an earlier one first."""
        return self._toolbox.execute(order, activity.info().attempt)
