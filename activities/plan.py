"""Planning: a shortlist out of the catalogue, each offer inspected and dry-run, then a choice of what can work."""

from temporalio import activity

from activities.edge import guarded, this_attempt
from autopilot.incident.base import Model
from autopilot.incident.plan import DraftOption, Option, PlanDraft, Shortlist
from autopilot.incident.ports import ChooseRequest, Planner, PlanRequest, Toolbox


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
    def shortlist(self, request: PlanRequest) -> Shortlist:
        """What the catalogue offers for this inventory and this diagnosis, best first."""
        return self._planner.shortlist(request)

    @activity.defn
    @guarded
    def prepare_option(self, order: PrepareOption) -> Option:
        """Read the targets, dry-run the steps, prepare the undo."""
        return self._toolbox.prepare(order.number, order.draft)

    @activity.defn
    @guarded
    def choose_options(self, request: ChooseRequest) -> PlanDraft:
        """At most three different options among what can work now: at most one model call per attempt."""
        return self._planner.choose(request, this_attempt())
