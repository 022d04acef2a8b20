"""What was shown must still be so: otherwise nothing is sent and both states are told."""

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation.toolbox import CatalogueToolbox
from tests.integration.remediation.conftest import (
    ALIAS,
    DATABASE,
    KEY,
    SERVICE,
    TABLE,
    UNDO_KEY,
    do,
    plan,
    revision,
    step_of,
    undo,
)
from tests.integration.remediation.fault_proxy import FaultProxy

RAISE = step_of("dynamodb.set_capacity", TABLE, read_capacity=200)
SCALE = step_of("dynamodb.enable_autoscaling", TABLE, dimension="read", min_capacity=200, max_capacity=800)
BACK = step_of("lambda.rollback_alias", ALIAS, version="1")


def units(clients: AwsClients) -> int:
    """Provisioned reads of the table."""
    table = clients.dynamodb().describe_table(TableName="orders")["Table"]
    return table.get("ProvisionedThroughput", {}).get("ReadCapacityUnits", 0)


def set_units(clients: AwsClients, read: int) -> None:
    """Somebody changes the table by hand."""
    clients.dynamodb().update_table(
        TableName="orders", ProvisionedThroughput={"ReadCapacityUnits": read, "WriteCapacityUnits": 50}
    )


def test_a_target_that_somebody_changed_is_left_alone_and_both_states_are_told(
    toolbox: CatalogueToolbox, proxy: FaultProxy, clients: AwsClients
) -> None:
    prepared = plan(toolbox, RAISE).steps[0]
    set_units(clients, 130)
    result = toolbox.execute(do(prepared), 1)
    assert result.status == "changed_world"
    assert "read_capacity=100" in result.detail
    assert "read_capacity=130" in result.detail
    assert proxy.writes(KEY) == []
    assert units(clients) == 130


def test_a_change_of_what_the_step_does_not_touch_is_no_changed_world(
    toolbox: CatalogueToolbox, clients: AwsClients
) -> None:
    prepared = plan(toolbox, RAISE).steps[0]
    clients.dynamodb().update_table(
        TableName="orders", ProvisionedThroughput={"ReadCapacityUnits": 100, "WriteCapacityUnits": 70}
    )
    assert toolbox.execute(do(prepared), 1).status == "done"


def test_an_undo_runs_only_on_what_the_step_left(
    toolbox: CatalogueToolbox, proxy: FaultProxy, clients: AwsClients
) -> None:
    prepared = plan(toolbox, RAISE).steps[0]
    toolbox.execute(do(prepared), 1)
    set_units(clients, 300)
    result = toolbox.execute(undo(prepared), 1)
    assert result.status == "changed_world"
    assert "read_capacity=200" in result.detail
    assert "read_capacity=300" in result.detail
    assert proxy.writes(UNDO_KEY) == []


def test_the_undo_of_a_step_that_never_took_effect_finds_nothing_to_do(
    toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, BACK).steps[0]
    assert toolbox.execute(undo(prepared), 1).status == "already"
    assert proxy.writes() == []


def test_what_the_scaler_did_meanwhile_does_not_stop_the_undo_and_the_capacity_comes_back(
    toolbox: CatalogueToolbox, clients: AwsClients
) -> None:
    prepared = plan(toolbox, SCALE).steps[0]
    assert toolbox.execute(do(prepared), 1).status == "done"
    set_units(clients, 640)
    assert toolbox.execute(undo(prepared), 1).status == "done"
    assert units(clients) == 100


def test_capacity_that_a_scaler_owns_is_not_set_by_hand(toolbox: CatalogueToolbox) -> None:
    toolbox.execute(do(plan(toolbox, SCALE).steps[0]), 1)
    option = plan(toolbox, RAISE)
    assert not option.feasible
    assert "owned by auto scaling" in option.infeasible_reason
    assert option.steps[0].before.observed["read_capacity"] == 100
    assert "read_capacity" not in option.steps[0].before.settings


def test_a_table_that_scales_already_gets_a_higher_maximum_and_its_old_one_back(toolbox: CatalogueToolbox) -> None:
    toolbox.execute(do(plan(toolbox, SCALE).steps[0]), 1)
    more = step_of("dynamodb.enable_autoscaling", TABLE, dimension="read", min_capacity=200, max_capacity=1_600)
    prepared = plan(toolbox, more).steps[0]
    assert toolbox.execute(do(prepared, "i/2/1/1/do"), 1).status == "done"
    assert toolbox.execute(undo(prepared, "i/2/1/1/undo"), 1).status == "done"
    assert toolbox.inspect(more).settings["read_max"] == 800


def test_steps_on_one_target_expect_what_the_ones_before_leave_and_are_undone_backwards(
    toolbox: CatalogueToolbox, clients: AwsClients
) -> None:
    option = plan(toolbox, RAISE, SCALE)
    first, second = option.steps
    assert option.feasible
    assert second.before.observed["read_capacity"] == 200
    assert toolbox.execute(do(first, "i/1/1/1/do"), 1).status == "done"
    assert toolbox.execute(do(second, "i/1/1/2/do"), 1).status == "done"
    assert toolbox.execute(undo(second, "i/1/1/2/undo"), 1).status == "done"
    assert units(clients) == 200
    assert toolbox.execute(undo(first, "i/1/1/1/undo"), 1).status == "done"
    assert units(clients) == 100


def test_a_step_that_an_earlier_one_makes_impossible_is_infeasible(toolbox: CatalogueToolbox) -> None:
    option = plan(toolbox, SCALE, RAISE)
    assert not option.feasible
    assert option.infeasible_reason.startswith("step 2: read capacity is owned")


def test_a_step_of_two_calls_that_broke_in_between_is_completed(
    toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, SCALE).steps[0]
    proxy.fail("PutScalingPolicy", "InternalServiceException", status=500)
    with pytest.raises(Failure) as broken:
        toolbox.execute(do(prepared), 1)
    assert broken.value.who == "retry"
    proxy.faults.clear()
    assert toolbox.execute(do(prepared), 2).status == "done"
    assert proxy.writes(KEY).count("PutScalingPolicy") == 1


def test_a_gradual_rollout_raises_the_risk_and_its_weights_come_back_with_the_undo(
    toolbox: CatalogueToolbox, clients: AwsClients
) -> None:
    assert plan(toolbox, BACK).risk == "medium"
    clients.lambda_().update_alias(
        FunctionName="checkout", Name="live", FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}},
    )  # fmt: skip
    option = plan(toolbox, BACK)
    assert option.risk == "high"
    assert toolbox.execute(do(option.steps[0]), 1).status == "done"
    assert toolbox.inspect(BACK).settings == {"version": "1", "weights": ""}
    assert toolbox.execute(undo(option.steps[0]), 1).status == "done"
    assert toolbox.inspect(BACK).settings == {"version": "1", "weights": '{"2": 0.1}'}


def test_an_alias_that_moves_between_reading_and_writing_is_not_overwritten(
    toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, BACK).steps[0]
    proxy.fail("PUT /2015-03-31", "PreconditionFailedException", status=412)
    result = toolbox.execute(do(prepared), 1)
    assert result.status == "failed"
    assert "PreconditionFailed" in result.detail


def test_a_limit_of_the_cloud_fails_and_a_table_in_change_is_tried_again(
    toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, RAISE).steps[0]
    proxy.fail("UpdateTable", "LimitExceededException", message="decreases per day")
    result = toolbox.execute(do(prepared), 1)
    assert (result.status, "decreases per day" in result.detail) == ("failed", True)
    proxy.clear()
    proxy.fail("UpdateTable", "ResourceInUseException")
    with pytest.raises(Failure) as busy:
        toolbox.execute(do(prepared), 1)
    assert busy.value.who == "retry"


GONE = [
    BACK.model_copy(update={"target": ALIAS.replace("checkout:live", "checkout:gone")}),
    step_of("lambda.set_concurrency", ALIAS.replace("checkout", "vanished"), reserved=5),
    RAISE.model_copy(update={"target": TABLE.replace("orders", "vanished")}),
    SCALE.model_copy(update={"target": TABLE.replace("orders", "vanished")}),
    step_of("ecs.rollback", SERVICE.replace("inventory", "vanished"), task_definition=revision(1)),
    step_of("ecs.scale", SERVICE.replace("shop", "vanished"), desired_count=3),
    step_of("ecs.force_deployment", SERVICE.replace("inventory", "vanished")),
    step_of("rds.scale_instance", DATABASE.replace("catalog", "vanished"), instance_class="db.t3.large"),
    step_of("rds.reboot", DATABASE.replace("catalog", "vanished")),
]


@pytest.mark.parametrize("step", [pytest.param(s, id=s.tool) for s in GONE])
def test_a_target_that_does_not_exist_makes_an_option_infeasible_and_a_step_refused(
    step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    option = plan(toolbox, step)
    assert not option.feasible
    assert "does not exist" in option.infeasible_reason
    result = toolbox.execute(do(option.steps[0]), 1)
    assert result.status == "refused"
    assert proxy.writes() == []


@pytest.mark.parametrize(
    "step",
    [
        step_of("lambda.rollback_alias", ALIAS, version="7"),
        step_of("ecs.rollback", SERVICE, task_definition=revision(9)),
    ],
    ids=["lambda version", "task definition"],
)
def test_a_version_that_is_gone_is_found_by_the_dry_run(step: Step, toolbox: CatalogueToolbox) -> None:
    option = plan(toolbox, step)
    assert not option.feasible
    assert option.infeasible_reason
    assert option.steps[0].undo is None or not option.steps[0].dry_run.feasible


REFUSED = [
    step_of("lambda.delete_function", ALIAS),
    step_of("dynamodb.set_capacity", TABLE, read_capacity="200"),
    step_of("dynamodb.set_capacity", TABLE, read_capacity=0),
    step_of("dynamodb.set_capacity", TABLE),
    step_of("dynamodb.set_capacity", TABLE, read_capacity=200, table="users"),
    step_of("dynamodb.set_capacity", ALIAS, read_capacity=200),
    step_of("dynamodb.set_capacity", f"{TABLE}/index/by-user", read_capacity=200),
    step_of("dynamodb.set_capacity", TABLE.replace("us-east-1", "eu-west-1"), read_capacity=200),
    step_of("dynamodb.set_capacity", TABLE, read_capacity=200).model_copy(update={"region": "eu-west-1"}),
    step_of("lambda.rollback_alias", ALIAS, version="$LATEST"),
    step_of("lambda.rollback_alias", ALIAS, version=1),
    step_of("ecs.rollback", SERVICE, task_definition="inventory:1; rm -rf /"),
    step_of("ecs.scale", SERVICE, desired_count=True),
    step_of("rds.reboot", DATABASE, force=True),
    step_of("dynamodb.enable_autoscaling", TABLE, dimension="read", min_capacity=500, max_capacity=100),
]


@pytest.mark.parametrize("step", REFUSED)
def test_what_no_tool_takes_is_refused_and_nothing_is_asked(
    step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    option = plan(toolbox, step)
    assert not option.feasible
    result = toolbox.execute(do(option.steps[0]), 1)
    assert result.status == "refused"
    assert "nothing was sent" in result.detail
    assert proxy.passed == []
    with pytest.raises(Failure) as failure:
        toolbox.inspect(step)
    assert failure.value.who == "developer"


def test_an_option_that_cannot_be_inspected_is_kept_with_the_reason_and_a_raised_risk(
    toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    proxy.fail("DescribeTable", "AccessDeniedException")
    option = plan(toolbox, RAISE)
    assert not option.feasible
    assert "dynamodb:DescribeTable" in option.infeasible_reason
    assert option.risk == "medium"
