"""Grants of the autonomous mode, and who may approve."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot.incident.plan import RISKS, Option, Risk
from autopilot.incident.playbook import Grant, OnCall, Person, Playbook, Snapshot, actors, granted
from tests.unit.incident.worlds import option, prepared

TOOLS, SERVICES = ("t.one", "t.two"), ("shop", "cart")
GRANTS = st.builds(
    Grant,
    tool=st.sampled_from(TOOLS),
    services=st.lists(st.sampled_from(SERVICES), max_size=2).map(tuple),
    max_risk=st.sampled_from(RISKS),
)
STEPS = st.builds(
    prepared, st.sampled_from(TOOLS), st.sampled_from(SERVICES), undo=st.booleans(), feasible=st.booleans()
)


@st.composite
def options(draw: st.DrawFn) -> Option:
    steps = tuple(draw(st.lists(STEPS, max_size=3)))
    return option(steps=steps, risk=draw(st.sampled_from(RISKS)), feasible=draw(st.booleans()))


def autonomous(*grants: Grant) -> Playbook:
    return Playbook(mode="autonomous", grants=grants)


@given(options(), st.lists(GRANTS, max_size=4))
def test_what_runs_unasked_is_feasible_undoable_and_covered_step_by_step(
    proposed: Option, grants: list[Grant]
) -> None:
    if not granted(autonomous(*grants), proposed):
        return
    assert proposed.feasible
    assert proposed.steps
    for step in proposed.steps:
        assert step.undo is not None
        assert step.dry_run.feasible
        assert any(
            grant.tool == step.step.tool
            and (not grant.services or step.step.service in grant.services)
            and RISKS.index(proposed.risk) <= RISKS.index(grant.max_risk)
            for grant in grants
        )


@given(options(), st.lists(GRANTS, min_size=1, max_size=4))
def test_taking_a_grant_away_never_allows_more(proposed: Option, grants: list[Grant]) -> None:
    assert granted(autonomous(*grants), proposed) or not granted(autonomous(*grants[1:]), proposed)


@pytest.mark.parametrize("risk", RISKS)
def test_a_grant_covers_up_to_its_risk(risk: Risk) -> None:
    allowed = granted(autonomous(Grant(tool="t.act", max_risk="medium")), option(risk=risk))
    assert allowed == (risk != "high")


@pytest.mark.parametrize("mode", ["observe", "advise"])
def test_other_modes_grant_nothing(mode: str) -> None:
    playbook = Playbook.model_validate({"mode": mode, "grants": [{"tool": "t.act", "max_risk": "high"}]})
    assert not granted(playbook, option())


KIM, LEE = Person(name="kim", slack="U1"), Person(name="lee", slack="U2")


def test_those_on_duty_and_those_named_may_approve() -> None:
    playbook = Playbook(approvers=("on-call", "slack:U7"))
    duty, groups = OnCall(primary=KIM, secondary=LEE), {"dba": ("slack:U8",)}
    snapshot = Snapshot(playbook=playbook, on_call=duty, groups=groups)
    assert actors(playbook.approvers, snapshot) == ("slack:U1", "slack:U2", "slack:U7")
    assert actors(("secondary", "dba", "unknown"), snapshot) == ("slack:U2", "slack:U8", "unknown")
    assert actors(("anyone", "dba"), snapshot) == ()


@pytest.mark.parametrize("on_call", [OnCall(), OnCall(primary=Person(name="kim"))])
def test_with_nobody_on_duty_nobody_may_approve(on_call: OnCall) -> None:
    """An empty tuple would mean anybody."""
    assert actors(Playbook().approvers, Snapshot(playbook=Playbook(), on_call=on_call)) == ("on-call",)
