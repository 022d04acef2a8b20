"""What the planner marked stays marked on the inspected option."""

from autopilot.incident.plan import DraftOption, Step
from autopilot.remediation.catalogue import Catalogue
from autopilot.remediation.toolbox import CatalogueToolbox


def test_an_unproven_way_back_stays_marked_and_an_unknown_tool_is_infeasible() -> None:
    step = Step(tool="x.back", target="target")
    option = CatalogueToolbox(Catalogue(())).prepare(
        1, DraftOption(title="t", why="w", steps=(step,), unproven=True)
    )
    assert option.unproven
    assert (option.feasible, "no tool 'x.back'" in option.infeasible_reason) == (False, True)
    proven = CatalogueToolbox(Catalogue(())).prepare(1, DraftOption(title="t", why="w", steps=(step,)))
    assert not proven.unproven
