"""Every tool: inspected and dry-run without a write; executed and undone twice with one effect each."""

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.base import Scalar
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation.catalogue import Catalogue, build_catalogue
from autopilot.remediation.rds import Reboot
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws, Settings
from tests.integration.remediation.conftest import (
    ALIAS,
    DATABASE,
    FILLS,
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

SCALING = {"dimension": "read", "min_capacity": 100, "max_capacity": 400, "target_percent": 70}
LAMBDA_PATH = "/2015-03-31/functions/checkout"
COMPARED: list[tuple[Step, dict[str, Scalar], list[str]]] = [
    (step_of("lambda.rollback_alias", ALIAS, version="1"), {"version": "1"}, [f"PUT {LAMBDA_PATH}/aliases/live"]),
    (
        step_of("lambda.set_concurrency", ALIAS, reserved=50),
        {"reserved_concurrency": 50},
        ["PUT /2017-10-31/functions/checkout/concurrency"],
    ),
    (step_of("dynamodb.set_capacity", TABLE, read_capacity=200), {"read_capacity": 200}, ["UpdateTable"]),
    (
        step_of("dynamodb.enable_autoscaling", TABLE, **SCALING),
        {"read_autoscaling": True, "read_max": 400},
        ["RegisterScalableTarget", "PutScalingPolicy"],
    ),
    (
        step_of("ecs.rollback", SERVICE, task_definition=revision(1)),
        {"task_definition": revision(1)},
        ["UpdateService"],
    ),
    (step_of("ecs.scale", SERVICE, desired_count=3), {"desired_count": 3}, ["UpdateService"]),
    (
        step_of("rds.scale_instance", DATABASE, instance_class="db.t3.large"),
        {"instance_class": "db.t3.large"},
        ["ModifyDBInstance"],
    ),
]
SENT_ONCE = [
    (step_of("ecs.force_deployment", SERVICE), "UpdateService", "ecs:UpdateService"),
    (step_of("rds.reboot", DATABASE), "RebootDBInstance", "rds:RebootDBInstance"),
]
by_tool = [pytest.param(*case, id=case[0].tool) for case in COMPARED]
by_once = [pytest.param(*case, id=case[0].tool) for case in SENT_ONCE]


@pytest.mark.parametrize(("step", "wanted", "calls"), by_tool)
def test_a_step_takes_effect_once_and_is_undone_once(
    step: Step, wanted: dict[str, Scalar], calls: list[str], toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    option = plan(toolbox, step)
    prepared = option.steps[0]
    assert option.feasible, option.infeasible_reason
    assert option.reversibility == "reversible"
    assert prepared.step.command.startswith("aws ")
    assert prepared.dry_run.changes
    assert prepared.dry_run.reach
    assert proxy.writes() == []

    first, again = toolbox.execute(do(prepared), 1), toolbox.execute(do(prepared), 2)
    assert (first.status, again.status) == ("done", "already")
    assert first.after is not None
    assert wanted.items() <= first.after.settings.items()
    assert first.after.target_state_digest == prepared.leaves
    assert proxy.writes(KEY) == calls

    back, back_again = toolbox.execute(undo(prepared), 1), toolbox.execute(undo(prepared), 2)
    assert (back.status, back_again.status) == ("done", "already")
    assert toolbox.inspect(step).settings == prepared.before.settings
    assert len(proxy.writes(UNDO_KEY)) == 1


@pytest.mark.parametrize(("step", "wanted", "calls"), by_tool)
def test_throttled_is_tried_again_and_denied_names_the_permission(
    step: Step, wanted: dict[str, Scalar], calls: list[str], toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, step).steps[0]
    query = step.tool.startswith("rds")
    proxy.fail(calls[0], "Throttling" if query else "ThrottlingException")
    with pytest.raises(Failure) as throttled:
        toolbox.execute(do(prepared), 1)
    assert throttled.value.who == "retry"

    proxy.clear()
    proxy.fail(calls[0], "AccessDenied" if query else "AccessDeniedException", status=403)
    with pytest.raises(Failure) as denied:
        toolbox.execute(do(prepared), 1)
    assert denied.value.who == "operator"
    named = [p for p in PERMISSION[step.tool] if p in str(denied.value)]
    assert named, str(denied.value)

    proxy.clear()
    assert toolbox.execute(do(prepared), 2).status == "done"


PERMISSION = {
    "lambda.rollback_alias": ("lambda:UpdateAlias",),
    "lambda.set_concurrency": ("lambda:PutFunctionConcurrency",),
    "dynamodb.set_capacity": ("dynamodb:UpdateTable",),
    "dynamodb.enable_autoscaling": ("application-autoscaling:RegisterScalableTarget",),
    "ecs.rollback": ("ecs:UpdateService",),
    "ecs.scale": ("ecs:UpdateService",),
    "rds.scale_instance": ("rds:ModifyDBInstance",),
}


@pytest.mark.parametrize(("step", "wanted", "calls"), by_tool)
def test_a_refusal_of_the_cloud_is_a_result_with_its_reason(
    step: Step, wanted: dict[str, Scalar], calls: list[str], toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, step).steps[0]
    proxy.fail(calls[0], "InvalidParameterException", message="not in this state")
    result = toolbox.execute(do(prepared), 1)
    assert result.status == "failed"
    assert "not in this state" in result.detail


@pytest.mark.parametrize(("step", "wanted", "calls"), by_tool)
def test_a_lost_answer_is_found_out_by_the_next_attempt(
    step: Step, wanted: dict[str, Scalar], calls: list[str], toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, step).steps[0]
    proxy.lose(calls[-1], "lose_answer")
    with pytest.raises(Failure) as lost:
        toolbox.execute(do(prepared), 1)
    assert lost.value.who == "retry"
    assert toolbox.execute(do(prepared), 2).status == "already"
    assert proxy.writes(KEY) == calls


@pytest.mark.parametrize(("step", "wanted", "calls"), by_tool)
def test_a_request_that_never_arrived_is_sent_by_the_next_attempt(
    step: Step, wanted: dict[str, Scalar], calls: list[str], toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, step).steps[0]
    proxy.lose(calls[-1], "lose_request")
    with pytest.raises(Failure):
        toolbox.execute(do(prepared), 1)
    assert toolbox.execute(do(prepared), 2).status == "done"
    assert proxy.writes(KEY).count(calls[-1]) == 1


@pytest.mark.parametrize(("step", "call", "permission"), by_once)
def test_what_takes_no_token_is_sent_once(
    step: Step, call: str, permission: str, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    option = plan(toolbox, step)
    prepared = option.steps[0]
    assert option.feasible, option.infeasible_reason
    assert option.reversibility == "irreversible"
    assert prepared.undo is None
    assert "cannot be undone" in prepared.dry_run.warnings
    assert proxy.writes() == []
    assert toolbox.execute(do(prepared), 1).status == "done"
    again = toolbox.execute(do(prepared), 2)
    assert again.status == "already"
    assert "not sent again" in again.detail
    assert proxy.writes(KEY) == [call]


@pytest.mark.parametrize(("step", "call", "permission"), by_once)
def test_a_lost_answer_of_what_takes_no_token_is_unknown_until_its_trace_is_found(
    step: Step, call: str, permission: str, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, step).steps[0]
    proxy.lose(call, "lose_answer")
    lost = toolbox.execute(do(prepared), 1)
    assert lost.status == "unknown"
    assert prepared.step.command in lost.detail
    assert toolbox.execute(do(prepared), 2).status == "already"
    assert proxy.writes(KEY) == [call]


@pytest.mark.parametrize(("step", "call", "permission"), by_once)
def test_what_takes_no_token_and_left_no_trace_is_never_repeated_blindly(
    step: Step, call: str, permission: str, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, step).steps[0]
    proxy.lose(call, "lose_request")
    assert toolbox.execute(do(prepared), 1).status == "unknown"
    again = toolbox.execute(do(prepared), 2)
    assert again.status == "unknown"
    assert "not repeated blindly" in again.detail
    assert proxy.writes(KEY) == []


@pytest.mark.parametrize(("step", "call", "permission"), by_once)
def test_denied_names_the_permission_where_no_token_is_taken(
    step: Step, call: str, permission: str, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, step).steps[0]
    proxy.fail(call, "AccessDenied" if step.tool.startswith("rds") else "AccessDeniedException", status=403)
    with pytest.raises(Failure) as denied:
        toolbox.execute(do(prepared), 1)
    assert (denied.value.who, permission in str(denied.value)) == ("operator", True)


def test_the_audit_trail_of_the_cloud_names_the_step(
    toolbox: CatalogueToolbox, proxy: FaultProxy, clients: AwsClients
) -> None:
    toolbox.execute(do(plan(toolbox, COMPARED[2][0]).steps[0]), 1)
    assert [p.key for p in proxy.passed if p.call == "UpdateTable"] == [KEY]
    table = clients.dynamodb().describe_table(TableName="orders")["Table"]
    assert table.get("ProvisionedThroughput", {}).get("ReadCapacityUnits") == 200


@pytest.mark.parametrize("step", [COMPARED[0][0], COMPARED[2][0]], ids=["alias", "capacity"])
def test_a_repetition_by_the_sdk_that_is_refused_is_not_taken_for_a_failure(step: Step, proxy: FaultProxy) -> None:
    settings = Aws(retries=2)
    toolbox = CatalogueToolbox(build_catalogue(Settings(aws=settings), AwsClients(settings)))
    prepared = plan(toolbox, step).steps[0]
    proxy.lose("PUT" if step.tool.startswith("lambda") else "UpdateTable", "lose_answer")
    result = toolbox.execute(do(prepared), 1)
    assert result.status == "done"
    assert "took effect" in result.detail
    assert result.after is not None
    assert result.after.target_state_digest == prepared.leaves


@pytest.mark.parametrize(("times", "status"), [(2, "done"), (3, "failed")])
def test_a_throttled_restart_is_sent_again_at_once_because_a_later_attempt_could_not_know(
    times: int, status: str, clients: AwsClients, proxy: FaultProxy
) -> None:
    step = SENT_ONCE[1][0]
    FILLS["rds"](clients)
    toolbox = CatalogueToolbox(Catalogue([Reboot(clients, clients, pause=0.0)]))
    prepared = plan(toolbox, step).steps[0]
    proxy.fail("RebootDBInstance", "Throttling")
    proxy.faults[0].times = times
    result = toolbox.execute(do(prepared), 1)
    assert result.status == status
    assert proxy.writes(KEY) == ["RebootDBInstance"] * (status == "done")


def test_a_restart_that_never_came_to_sending_fails_instead_of_leaving_a_doubt(
    toolbox: CatalogueToolbox, clients: AwsClients, proxy: FaultProxy
) -> None:
    FILLS["rds"](clients)
    prepared = plan(toolbox, SENT_ONCE[1][0]).steps[0]
    proxy.fail("DescribeDBInstances", "Throttling")
    result = toolbox.execute(do(prepared), 1)
    assert result.status == "failed"
    assert "nothing was sent" in result.detail
