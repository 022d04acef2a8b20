"""Tickets and pages as steps: the receiver knows the key, so nobody is asked twice."""

import pytest

from autopilot.incident.plan import DraftOption, ExecuteStep, Option, PreparedStep, Step
from autopilot.remediation.base import LeavesTrace, Tool
from autopilot.remediation.catalogue import Catalogue, build_catalogue
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Settings
from tests.unit.remediation.story import Bell, Desk, alias, catalogue, context, table

KEY = "incident-checkout-1.abc/1/1/1/do"


def prepared(toolbox: CatalogueToolbox, step: Step) -> Option:
    """An option of one step."""
    return toolbox.prepare(1, DraftOption(title="ask", why="nobody else can help", steps=(step,)))


def order(of: PreparedStep, key: str = KEY, *, undo: bool = False) -> ExecuteStep:
    """The order for a step or its undo."""
    step = of.undo if undo else of.step
    assert step is not None
    return ExecuteStep(
        incident_id="incident-checkout-1.abc", key=key, step=step, expects=of.leaves if undo else of.expects,
        actor="kim", mode="undo" if undo else "do",
    )  # fmt: skip


def test_a_ticket_is_created_once_and_resolved_by_its_undo() -> None:
    desk = Desk()
    tools = build_catalogue(Settings(), ticket_systems=[desk])
    toolbox = CatalogueToolbox(tools)
    offers = [c for c in tools.candidates(context(alias(), table())) if c.step.tool == "ticket.create"]
    assert [c.step.target for c in offers] == ["ticket:jira:checkout", "ticket:jira:orders"]
    option = prepared(toolbox, offers[0].step)
    assert option.feasible
    assert desk.writes == 0
    one = option.steps[0]
    assert [toolbox.execute(order(one), n).status for n in (1, 2)] == ["done", "already"]
    assert desk.writes == 1
    assert toolbox.execute(order(one, KEY.replace("/do", "/undo"), undo=True), 1).status == "done"
    assert {key: t.state for key, t in desk.tickets.items()} == {KEY: "resolved"}


def test_an_update_goes_to_the_ticket_of_the_incident() -> None:
    desk = Desk()
    toolbox = CatalogueToolbox(build_catalogue(Settings(), ticket_systems=[desk]))
    step = Step(tool="ticket.update", target="ticket:jira:checkout", arguments={"title": "t", "text": "worse"})
    assert toolbox.execute(order(prepared(toolbox, step).steps[0]), 1).status == "done"
    assert list(desk.tickets) == ["incident-checkout-1.abc/ticket"]


def test_somebody_is_paged_once_under_the_key_of_the_step() -> None:
    bell = Bell()
    tools = build_catalogue(Settings(), pager=bell)
    toolbox = CatalogueToolbox(tools)
    option = prepared(toolbox, tools.candidates(context(alias()))[0].step)
    assert option.reversibility == "irreversible"
    for attempt in (1, 2):
        assert toolbox.execute(order(option.steps[0]), attempt).status == "done"
    assert [q.to for q in bell.rang.values()] == ["on-call of checkout"]
    assert list(bell.rang) == [KEY]


@pytest.mark.parametrize(
    "step",
    [
        Step(tool="ticket.create", target="ticket:servicenow:checkout", arguments={"title": "t"}),
        Step(tool="ticket.create", target="ticket:jira:checkout", arguments={"title": ""}),
        Step(tool="ticket.create", target="ticket:jira:checkout", arguments={"title": "t", "project": "X"}),
        Step(tool="page.person", target="pager:opsgenie:checkout", arguments={"to": "kim", "text": "t"}),
        Step(tool="page.person", target="pager:pagerduty:checkout", arguments={"to": "kim"}),
    ],
)
def test_a_place_that_is_not_configured_and_a_wrong_argument_are_refused(step: Step) -> None:
    desk, bell = Desk(), Bell()
    toolbox = CatalogueToolbox(build_catalogue(Settings(), ticket_systems=[desk], pager=bell))
    option = prepared(toolbox, step)
    assert not option.feasible
    assert toolbox.execute(order(option.steps[0]), 1).status == "refused"
    assert (desk.writes, bell.rang) == (0, {})


def test_tools_exist_only_where_their_system_is_configured() -> None:
    assert build_catalogue(Settings()).tools == ()
    names = {tool.name for tool in catalogue().tools}
    assert {"lambda.rollback_alias", "dynamodb.set_capacity", "ecs.rollback", "rds.reboot"} <= names
    assert not {"ticket.create", "page.person"} & names


def test_every_tool_says_what_it_may_do_and_two_of_one_name_are_an_error() -> None:
    desk, bell = Desk(), Bell()
    tools: tuple[Tool, ...] = (
        *catalogue().tools,
        *build_catalogue(Settings(), ticket_systems=[desk], pager=bell).tools,
    )
    for tool in tools:
        assert tool.permissions, tool.name
        assert tool.tier in ("A", "B")
        assert "." in tool.name
        assert isinstance(tool, LeavesTrace) is (tool.repeat_guard == "trace"), tool.name
    with pytest.raises(ValueError, match="same name"):
        Catalogue([*tools, tools[0]])
