"""Planning: draft options out of the catalogue, each inspected and dry-run before a person sees it."""

from temporalio import activity

from activities.edge import guarded
from autopilot.incident.base import Model
from autopilot.incident.plan import DraftOption, Option, PlanDraft
from autopilot.incident.ports import Planner, PlanRequest, Toolbox


class PrepareOption(Model):
    """Inspect and dry-run one draft."""

    number: int
    draft: DraftOption


class Planning:
    """ActionPlanner's activities."""

    def __init__(self, planner: Planner, toolbox: Toolbox) -> None:
        self._planner = planner
        self._toolbox = toolbox

    @activity.defn
    @guarded
    def draft_plan(self, request: PlanRequest) -> PlanDraft:
        """Choose at most three options among what the catalogue offers for this inventory."""
        return self._planner.plan(request)

    @activity.defn
    @guarded
    def prepare_option(self, order: PrepareOption) -> Option:
        """Read the targets, dry-run the steps, prepare the undo."""
        return self._toolbox.prepare(order.number, order.draft)
