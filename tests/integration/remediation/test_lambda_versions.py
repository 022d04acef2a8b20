"""Lambda: shares of an alias's traffic, and memory of what it serves."""

from collections.abc import Sequence

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.ports import Failure
from autopilot.remediation import lambda_traffic
from autopilot.remediation.base import Tool
from autopilot.remediation.lambda_memory import SetMemory
from autopilot.remediation.toolbox import CatalogueToolbox
from tests.integration.remediation.compared import Compared, parts
from tests.integration.remediation.conftest import ALIAS, KEY, do, plan, step_of, undo
from tests.integration.remediation.fault_proxy import FaultProxy

PATH = "/2015-03-31/functions/checkout"
POINT = f"PUT {PATH}/aliases/live"
SIZE = f"PUT {PATH}/configuration"
PUBLISH = f"POST {PATH}/versions"
GONE = ALIAS.replace("checkout:live", "checkout:gone")


class TestShiftTraffic(Compared):
    step = step_of("lambda.shift_traffic", ALIAS, version="1", share=0.9)
    gone = step.model_copy(update={"target": GONE})
    wanted = {"version": "2", "weights": '{"1": 0.9}'}
    calls = [POINT]
    undo_calls = [POINT]
    permission = "lambda:UpdateAlias"

    def tools(self, clients: AwsClients) -> Sequence[Tool]:
        return lambda_traffic.build_tools(parts(clients))

    def test_a_rollout_is_stopped_and_the_undo_gives_the_share_back(
        self, box: CatalogueToolbox, clients: AwsClients
    ) -> None:
        clients.lambda_().update_alias(
            FunctionName="checkout", Name="live", FunctionVersion="1",
            RoutingConfig={"AdditionalVersionWeights": {"2": 0.07}},
        )  # fmt: skip
        option = plan(box, step_of("lambda.shift_traffic", ALIAS, version="2", share=0.0))
        prepared = option.steps[0]
        assert option.risk == "high", "a rollout is under way"
        assert any("rollout" in warning for warning in prepared.dry_run.warnings)
        assert box.execute(do(prepared), 1).status == "done"
        assert "RoutingConfig" not in clients.lambda_().get_alias(FunctionName="checkout", Name="live")
        assert box.execute(undo(prepared), 1).status == "done"
        alias = clients.lambda_().get_alias(FunctionName="checkout", Name="live")
        assert alias.get("RoutingConfig") == {"AdditionalVersionWeights": {"2": 0.07}}

    @pytest.mark.parametrize(("version", "reason"), [("2", "alias's own"), ("7", "does not exist")])
    def test_a_version_that_cannot_take_a_share_is_found_by_the_dry_run(
        self, version: str, reason: str, box: CatalogueToolbox
    ) -> None:
        option = plan(box, step_of("lambda.shift_traffic", ALIAS, version=version, share=0.5))
        assert not option.feasible
        assert reason in option.infeasible_reason

    def test_somebody_who_changes_the_alias_meanwhile_wins(self, box: CatalogueToolbox, proxy: FaultProxy) -> None:
        prepared = plan(box, self.step).steps[0]
        proxy.fail(POINT, "PreconditionFailedException", status=412)
        result = box.execute(do(prepared), 1)
        assert result.status == "failed"
        assert "PreconditionFailedException" in result.detail


class TestSetMemory(Compared):
    step = step_of("lambda.set_memory", ALIAS, memory_mb=256)
    gone = step.model_copy(update={"target": GONE})
    wanted = {"memory_mb": 256, "latest_memory_mb": 256, "latest_is_served": True}
    calls = [SIZE, PUBLISH, POINT]
    undo_calls = [SIZE, POINT]
    permission = "lambda:UpdateFunctionConfiguration"

    def tools(self, clients: AwsClients) -> Sequence[Tool]:
        return (SetMemory(clients, pause=0.1),)

    def test_the_undo_serves_the_very_version_that_was_there(
        self, box: CatalogueToolbox, clients: AwsClients
    ) -> None:
        prepared = plan(box, self.step).steps[0]
        box.execute(do(prepared), 1)
        assert clients.lambda_().get_alias(FunctionName="checkout", Name="live")["FunctionVersion"] == "3"
        box.execute(undo(prepared), 1)
        assert clients.lambda_().get_alias(FunctionName="checkout", Name="live")["FunctionVersion"] == "2"
        assert clients.lambda_().get_function_configuration(FunctionName="checkout").get("MemorySize") == 128

    def test_code_that_nobody_released_is_not_published(self, box: CatalogueToolbox, clients: AwsClients) -> None:
        clients.lambda_().update_function_configuration(
            FunctionName="checkout", Environment={"Variables": {"LIMIT": "none"}}
        )
        option = plan(box, self.step)
        assert not option.feasible
        assert "publishing would release them" in option.infeasible_reason

    def test_a_release_between_plan_and_step_refuses(
        self, box: CatalogueToolbox, clients: AwsClients, proxy: FaultProxy
    ) -> None:
        prepared = plan(box, self.step).steps[0]
        clients.lambda_().update_function_configuration(FunctionName="checkout", Timeout=9)
        assert box.execute(do(prepared), 1).status == "changed_world"
        assert proxy.writes(KEY) == []

    def test_lambda_still_taking_over_the_memory_is_waited_for(
        self, box: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        prepared = plan(box, self.step).steps[0]
        proxy.fail(PUBLISH, "ResourceConflictException", status=409)
        with pytest.raises(Failure) as busy:
            box.execute(do(prepared), 1)
        assert busy.value.who == "retry"
        proxy.clear()
        assert box.execute(do(prepared), 2).status == "done"

    def test_a_rollout_under_way_is_not_interfered_with(self, box: CatalogueToolbox, clients: AwsClients) -> None:
        clients.lambda_().update_alias(
            FunctionName="checkout", Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}}
        )
        option = plan(box, self.step)
        assert not option.feasible
        assert "two versions" in option.infeasible_reason

    def test_no_value_of_an_environment_variable_is_kept(self, box: CatalogueToolbox, clients: AwsClients) -> None:
        clients.lambda_().update_function_configuration(
            FunctionName="checkout", Environment={"Variables": {"TOKEN": "not-to-be-seen"}}
        )
        assert "not-to-be-seen" not in plan(box, self.step).model_dump_json()
