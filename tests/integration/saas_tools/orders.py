"""Options prepared and carried out as the product does it."""

from collections.abc import Callable

from autopilot.incident.ids import idempotency_key
from autopilot.incident.plan import DraftOption, ExecuteStep, Option, PreparedStep, Step, StepResult
from autopilot.remediation.base import Tool
from autopilot.remediation.catalogue import Catalogue
from autopilot.remediation.parts import Parts
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Settings

INCIDENT = "incident-checkout-1234567890.abcdef012345"
KEY = idempotency_key(INCIDENT, 1, 1, 1)
UNDO_KEY = KEY.removesuffix("/do") + "/undo"


def step_of(tool: str, target: str, service: str = "checkout", **arguments: str | int | bool | None) -> Step:
    """A step."""
    return Step(tool=tool, target=target, service=service, arguments=dict(arguments), summary=tool)


def plan(toolbox: CatalogueToolbox, *steps: Step) -> Option:
    """An option of these steps, prepared."""
    return toolbox.prepare(1, DraftOption(title="try it", why="because", steps=steps))


def do(toolbox: CatalogueToolbox, prepared: PreparedStep, attempt: int = 1) -> StepResult:
    """Carry out a prepared step."""
    order = ExecuteStep(
        incident_id=INCIDENT, key=KEY, step=prepared.step, expects=prepared.expects, expected=prepared.before,
        actor="kim",
    )  # fmt: skip
    return toolbox.execute(order, attempt)


def undo(toolbox: CatalogueToolbox, prepared: PreparedStep, attempt: int = 1) -> StepResult:
    """Take a prepared step back."""
    assert prepared.undo is not None
    order = ExecuteStep(
        incident_id=INCIDENT, key=UNDO_KEY, step=prepared.undo, expects=prepared.leaves, expected=prepared.after,
        actor="kim", mode="undo",
    )  # fmt: skip
    return toolbox.execute(order, attempt)


def toolbox_of(settings: Settings, *builders: Callable[[Parts], tuple[Tool, ...]]) -> CatalogueToolbox:
    """The toolbox over the tools of some modules."""
    parts = Parts(settings)
    return CatalogueToolbox(Catalogue(tool for build in builders for tool in build(parts)))
