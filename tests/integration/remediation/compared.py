"""What must hold for every tool whose wanted state is compared before anything is sent."""

from collections.abc import Sequence
from typing import ClassVar

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.base import Scalar
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation.base import Tool
from autopilot.remediation.catalogue import Catalogue
from autopilot.remediation.parts import Parts
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws, Settings
from tests.integration.remediation.conftest import KEY, UNDO_KEY, do, plan, undo
from tests.integration.remediation.fault_proxy import FaultProxy


def parts(clients: AwsClients) -> Parts:
    """What builders get in these tests."""
    return Parts(Settings(aws=Aws(retries=1)), clients)


class Compared:
    """Inherited by a test class per tool, which says what the tool does and fills the cloud for it."""

    step: ClassVar[Step]
    wanted: ClassVar[dict[str, Scalar]]
    """Settings after the step."""
    calls: ClassVar[list[str]]
    """The writes of the step, in order."""
    undo_calls: ClassVar[list[str]]
    permission: ClassVar[str]
    """What the first write needs."""
    gone: ClassVar[Step]
    """The same step on a target that does not exist."""
    throttled: ClassVar[str] = "ThrottlingException"
    denied: ClassVar[str] = "AccessDeniedException"
    refused: ClassVar[str] = "ValidationException"

    def tools(self, clients: AwsClients) -> Sequence[Tool]:
        """The tools under test."""
        raise NotImplementedError

    def fill(self, clients: AwsClients) -> None:
        """Put into the cloud what the step is about, besides what is there anyway."""

    @pytest.fixture
    def box(self, clients: AwsClients, proxy: FaultProxy) -> CatalogueToolbox:
        """The tools over a filled cloud; nothing is counted yet."""
        self.fill(clients)
        proxy.clear()
        return CatalogueToolbox(Catalogue(self.tools(clients)))

    def test_it_takes_effect_once_and_is_undone_once(self, box: CatalogueToolbox, proxy: FaultProxy) -> None:
        option = plan(box, self.step)
        prepared = option.steps[0]
        assert option.feasible, option.infeasible_reason
        assert option.reversibility == "reversible"
        assert prepared.step.command.startswith("aws ")
        assert prepared.dry_run.changes
        assert prepared.dry_run.reach
        assert not [p.call for p in proxy.passed if not p.call.startswith(("GET ", "Describe", "Get", "List"))]

        first, again = box.execute(do(prepared), 1), box.execute(do(prepared), 2)
        assert (first.status, again.status) == ("done", "already")
        assert first.after is not None
        assert self.wanted.items() <= first.after.settings.items()
        assert first.after.target_state_digest == prepared.leaves
        assert proxy.writes(KEY) == self.calls

        back, back_again = box.execute(undo(prepared), 1), box.execute(undo(prepared), 2)
        assert (back.status, back_again.status) == ("done", "already")
        assert box.inspect(self.step).settings == prepared.before.settings
        assert proxy.writes(UNDO_KEY) == self.undo_calls

    def test_throttled_is_tried_again(self, box: CatalogueToolbox, proxy: FaultProxy) -> None:
        prepared = plan(box, self.step).steps[0]
        proxy.fail(self.calls[0], self.throttled, status=429 if " " in self.calls[0] else 400)
        with pytest.raises(Failure) as throttled:
            box.execute(do(prepared), 1)
        assert throttled.value.who == "retry"
        proxy.clear()
        assert box.execute(do(prepared), 2).status == "done"

    def test_denied_names_the_permission(self, box: CatalogueToolbox, proxy: FaultProxy) -> None:
        prepared = plan(box, self.step).steps[0]
        proxy.fail(self.calls[0], self.denied, status=403)
        with pytest.raises(Failure) as denied:
            box.execute(do(prepared), 1)
        assert denied.value.who == "operator"
        assert self.permission in str(denied.value)
        assert any(self.permission in tool.permissions for tool in self._named(box))

    def _named(self, box: CatalogueToolbox) -> list[Tool]:
        found = box._catalogue.find(self.step.tool)  # pyright: ignore[reportPrivateUsage] - what the box was built of
        return [found] if found else []

    def test_a_refusal_is_a_result_with_its_reason(self, box: CatalogueToolbox, proxy: FaultProxy) -> None:
        prepared = plan(box, self.step).steps[0]
        proxy.fail(self.calls[0], self.refused, message="not in this state")
        result = box.execute(do(prepared), 1)
        assert result.status == "failed"
        assert "not in this state" in result.detail

    def test_a_lost_answer_is_found_out_by_the_next_attempt(self, box: CatalogueToolbox, proxy: FaultProxy) -> None:
        prepared = plan(box, self.step).steps[0]
        proxy.lose(self.calls[-1], "lose_answer")
        with pytest.raises(Failure) as lost:
            box.execute(do(prepared), 1)
        assert lost.value.who == "retry"
        assert box.execute(do(prepared), 2).status == "already"
        assert proxy.writes(KEY) == self.calls

    def test_a_crash_before_each_write_is_finished_by_the_next_attempt(
        self, box: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        prepared = plan(box, self.step).steps[0]
        for call in self.calls:
            proxy.lose(call, "lose_request")
        for attempt in range(1, len(self.calls) + 1):
            with pytest.raises(Failure):
                box.execute(do(prepared), attempt)
        assert box.execute(do(prepared), 9).status == "done"
        assert sorted(set(proxy.writes(KEY))) == sorted(set(self.calls))
        assert box.inspect(self.step).target_state_digest == prepared.leaves

    def test_a_target_that_does_not_exist_is_told_and_left_alone(
        self, box: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        option = plan(box, self.gone)
        assert not option.feasible
        assert "does not exist" in option.infeasible_reason
        assert box.execute(do(option.steps[0]), 1).status == "refused"
        assert proxy.writes() == []

    def test_a_world_that_changed_refuses_step_and_undo(self, box: CatalogueToolbox, proxy: FaultProxy) -> None:
        prepared = plan(box, self.step).steps[0]
        stale = do(prepared).model_copy(update={"expects": "0" * 16, "expected": None})
        assert box.execute(stale, 1).status == "changed_world"
        back = undo(prepared).model_copy(update={"expects": "0" * 16, "expected": None})
        assert box.execute(back, 1).status in ("changed_world", "already")
        assert proxy.writes() == []
