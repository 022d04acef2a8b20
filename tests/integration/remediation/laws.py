"""The laws that every tool keeps, as tests: a module names its cases and inherits those for its repeat guard."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pytest

from autopilot.incident.base import Scalar
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation.toolbox import CatalogueToolbox
from tests.integration.remediation.conftest import KEY, UNDO_KEY, do, plan, undo
from tests.integration.remediation.fault_proxy import FaultProxy

World = TypeVar("World")
"""What the fill of a test module made: ids differ from run to run."""


@dataclass(frozen=True)
class Case(Generic[World]):
    """One step of one tool, and what it does to the cloud."""

    tool: str
    step: Callable[[World], Step]
    calls: tuple[str, ...]
    """The writes of one effect, in order."""
    permission: str
    """What is named when the first of them is denied."""
    wanted: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    """Settings that the step leaves."""
    gone: str = ""
    """The target of a resource that does not exist."""
    denied: str = "AccessDenied"
    throttled: str = "Throttling"


class Laws:
    """What all have in common: the fixtures `case` and `step` come from the class that inherits."""

    def test_inspecting_and_dry_running_write_nothing_and_tell_what_would_happen(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        option = plan(toolbox, step)
        prepared = option.steps[0]
        assert option.feasible, option.infeasible_reason
        assert prepared.dry_run.changes
        assert prepared.dry_run.reach
        assert prepared.step.command
        assert {p.call for p in proxy.passed}.isdisjoint(case.calls)

    def test_denied_names_the_permission(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        prepared = plan(toolbox, step).steps[0]
        proxy.fail(case.calls[0], case.denied, status=403)
        with pytest.raises(Failure) as denied:
            toolbox.execute(do(prepared), 1)
        assert denied.value.who == "operator"
        assert case.permission in str(denied.value)

    def test_a_refusal_of_the_cloud_is_a_result_with_its_reason(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        prepared = plan(toolbox, step).steps[0]
        proxy.fail(case.calls[0], "InvalidParameterException", message="not in this state")
        result = toolbox.execute(do(prepared), 1)
        assert result.status == "failed"
        assert "not in this state" in result.detail

    def test_a_target_that_is_gone_makes_the_option_infeasible_and_the_step_refused(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        option = plan(toolbox, step.model_copy(update={"target": case.gone}))
        assert not option.feasible
        assert "does not exist" in option.infeasible_reason
        result = toolbox.execute(do(option.steps[0]), 1)
        assert result.status == "refused"
        assert {p.call for p in proxy.passed}.isdisjoint(case.calls)


class ComparedLaws(Laws):
    """For tools that compare the wanted state before they send."""

    def test_a_step_takes_effect_once(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        prepared = plan(toolbox, step).steps[0]
        first, again = toolbox.execute(do(prepared), 1), toolbox.execute(do(prepared), 2)
        assert (first.status, again.status) == ("done", "already")
        assert first.after is not None
        assert case.wanted.items() <= first.after.settings.items()
        assert first.after.target_state_digest == prepared.leaves
        assert proxy.writes(KEY) == list(case.calls)

    def test_throttled_and_in_conflict_is_tried_again(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        prepared = plan(toolbox, step).steps[0]
        for code in (case.throttled, "ConcurrentUpdateException"):
            proxy.clear()
            proxy.fail(case.calls[0], code)
            with pytest.raises(Failure) as failure:
                toolbox.execute(do(prepared), 1)
            assert failure.value.who == "retry"
        proxy.clear()
        assert toolbox.execute(do(prepared), 2).status == "done"

    @pytest.mark.parametrize(("lost", "second"), [("lose_answer", "already"), ("lose_request", "done")])
    def test_what_was_lost_is_found_out_by_the_next_attempt(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy, lost: str, second: str
    ) -> None:
        prepared = plan(toolbox, step).steps[0]
        proxy.lose(case.calls[-1], "lose_answer" if lost == "lose_answer" else "lose_request")
        with pytest.raises(Failure) as failure:
            toolbox.execute(do(prepared), 1)
        assert failure.value.who == "retry"
        assert toolbox.execute(do(prepared), 2).status == second
        assert proxy.writes(KEY).count(case.calls[-1]) == 1


class ReversibleLaws(ComparedLaws):
    """For those of them that have an undo."""

    def test_a_step_is_undone_once(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        option = plan(toolbox, step)
        prepared = option.steps[0]
        assert option.reversibility == "reversible"
        toolbox.execute(do(prepared), 1)
        back, again = toolbox.execute(undo(prepared), 1), toolbox.execute(undo(prepared), 2)
        assert (back.status, again.status) == ("done", "already")
        assert toolbox.inspect(step).settings == prepared.before.settings
        assert len(proxy.writes(UNDO_KEY)) == len(case.calls)


class SentOnceLaws(Laws):
    """For tools whose receiver takes no token: what an earlier call left behind is looked for."""

    def test_it_is_sent_once(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        option = plan(toolbox, step)
        prepared = option.steps[0]
        assert toolbox.execute(do(prepared), 1).status == "done"
        assert toolbox.execute(do(prepared), 2).status == "already"
        assert proxy.writes(KEY) == list(case.calls)

    def test_a_lost_answer_is_unknown_until_its_trace_is_found(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        prepared = plan(toolbox, step).steps[0]
        proxy.lose(case.calls[0], "lose_answer")
        lost = toolbox.execute(do(prepared), 1)
        assert lost.status == "unknown"
        assert prepared.step.command in lost.detail
        assert toolbox.execute(do(prepared), 2).status == "already"
        assert proxy.writes(KEY) == list(case.calls)

    def test_without_a_trace_it_is_never_repeated_blindly(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        prepared = plan(toolbox, step).steps[0]
        proxy.lose(case.calls[0], "lose_request")
        assert toolbox.execute(do(prepared), 1).status == "unknown"
        again = toolbox.execute(do(prepared), 2)
        assert again.status == "unknown"
        assert "not repeated blindly" in again.detail
        assert proxy.writes(KEY) == []

    def test_throttled_it_is_sent_again_at_once(
        self, case: Case[Any], step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        prepared = plan(toolbox, step).steps[0]
        proxy.fail(case.calls[0], case.throttled)
        proxy.faults[0].times = 1
        assert toolbox.execute(do(prepared), 1).status == "done"
        assert proxy.writes(KEY) == list(case.calls)
