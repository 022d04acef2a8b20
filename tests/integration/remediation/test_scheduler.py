"""EventBridge Scheduler: a batch job is paused, moved, or pointed at a replica, and all else of it stays."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.remediation import scheduler, scheduler_redirect
from autopilot.remediation.base import Tool
from autopilot.remediation.toolbox import CatalogueToolbox
from tests.integration.remediation.compared import Compared, parts
from tests.integration.remediation.conftest import ACCOUNT, FILLS, KEY, REGION, do, plan, step_of, undo
from tests.integration.remediation.fault_proxy import FaultProxy

SCHEDULE = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/reports/nightly"
PUT = "PUT /schedules/nightly"
INPUT = {"job": "report", "database": {"host": "catalog-db", "password": "not-to-be-seen"}, "rows": [1, 2]}
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


class OnSchedules(Compared):
    """A nightly report that reads the catalogue's database."""

    calls = [PUT]
    undo_calls = [PUT]
    permission = "scheduler:UpdateSchedule"

    def tools(self, clients: AwsClients) -> Sequence[Tool]:
        return (*scheduler.build_tools(parts(clients)), *scheduler_redirect.build_tools(parts(clients)))

    def fill(self, clients: AwsClients) -> None:
        clients.scheduler().create_schedule_group(Name="reports")
        clients.scheduler().create_schedule(
            Name="nightly", GroupName="reports", ScheduleExpression="cron(30 14 * * ? *)",
            ScheduleExpressionTimezone="Europe/Berlin", Description="The report of the day",
            EndDate=LATER, FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
            ActionAfterCompletion="NONE",
            Target={
                "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:report",
                "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/scheduler",
                "Input": json.dumps(INPUT),
                "RetryPolicy": {"MaximumRetryAttempts": 2},
            },
        )  # fmt: skip

    @pytest.fixture
    def whole(self, box: CatalogueToolbox, clients: AwsClients) -> dict[str, object]:
        """The definition before anything was done."""
        return definition(clients)

    def test_the_undo_restores_the_whole_definition(
        self, box: CatalogueToolbox, clients: AwsClients, whole: dict[str, object]
    ) -> None:
        prepared = plan(box, self.step).steps[0]
        assert box.execute(do(prepared), 1).status == "done"
        assert definition(clients) != whole
        assert box.execute(undo(prepared), 1).status == "done"
        assert definition(clients) == whole

    def test_another_change_of_the_schedule_refuses_step_and_undo(
        self, box: CatalogueToolbox, clients: AwsClients, proxy: FaultProxy
    ) -> None:
        prepared = plan(box, self.step).steps[0]
        rewrite(clients, Description="Somebody else was here")
        assert box.execute(do(prepared), 1).status == "changed_world"
        again = plan(box, self.step).steps[0]
        assert box.execute(do(again, KEY), 1).status == "done"
        rewrite(clients, ScheduleExpressionTimezone="UTC")
        assert box.execute(undo(again), 1).status == "changed_world"
        assert proxy.writes(KEY) == [PUT]

    def test_what_the_input_holds_besides_is_not_shown(self, box: CatalogueToolbox) -> None:
        assert "not-to-be-seen" not in plan(box, self.step).model_dump_json()


def definition(clients: AwsClients) -> dict[str, object]:
    """The schedule without what AWS stamps on it, its input parsed."""
    found = dict(clients.scheduler().get_schedule(Name="nightly", GroupName="reports"))
    target = clients.scheduler().get_schedule(Name="nightly", GroupName="reports")["Target"]
    stamped = ("ResponseMetadata", "LastModificationDate", "CreationDate")
    kept = {name: value for name, value in found.items() if name not in stamped}
    return kept | {"Target": {**target, "Input": json.loads(target.get("Input", "{}"))}}


def rewrite(clients: AwsClients, **changes: str) -> None:
    """Somebody else writes the schedule."""
    found = {name: value for name, value in definition(clients).items() if name != "Arn"} | changes
    found["Target"] = clients.scheduler().get_schedule(Name="nightly", GroupName="reports")["Target"]
    clients.scheduler().update_schedule(**found)  # pyright: ignore[reportArgumentType] - what was read, as it was read


class TestPause(OnSchedules):
    step = step_of("scheduler.pause", SCHEDULE)
    gone = step.model_copy(update={"target": f"{SCHEDULE}-gone"})
    wanted = {"state": "DISABLED"}

    def test_a_start_that_has_passed_is_no_obstacle(self, box: CatalogueToolbox, clients: AwsClients) -> None:
        rewrite(clients, StartDate=(datetime.now(UTC) - timedelta(days=9)).isoformat())
        prepared = plan(box, self.step).steps[0]
        assert box.execute(do(prepared), 1).status == "done"
        assert "StartDate" not in definition(clients), "AWS refuses a start in the past"
        assert definition(clients)["EndDate"] == LATER

    def test_the_command_writes_the_whole_definition_back(self, box: CatalogueToolbox) -> None:
        command = plan(box, self.step).steps[0].step.command
        assert "get-schedule --region us-east-1 --group-name reports --name nightly" in command
        assert '.State = "DISABLED"' in command
        assert "--cli-input-json" in command


class TestMove(OnSchedules):
    step = step_of("scheduler.move", SCHEDULE, expression="cron(30 2 * * ? *)", window_minutes=0)
    gone = step.model_copy(update={"target": f"{SCHEDULE}-gone"})
    wanted = {"expression": "cron(30 2 * * ? *)", "window_minutes": 0}

    def test_a_paused_job_is_not_moved(self, box: CatalogueToolbox, clients: AwsClients) -> None:
        rewrite(clients, State="DISABLED")
        option = plan(box, self.step)
        assert not option.feasible
        assert "paused" in option.infeasible_reason


class TestRedirect(OnSchedules):
    step = step_of(
        "scheduler.redirect", SCHEDULE, field="database.host", value="catalog-replica", replica="catalog-replica"
    )
    gone = step.model_copy(update={"target": f"{SCHEDULE}-gone"})
    wanted = {"input.database.host": "catalog-replica"}

    def fill(self, clients: AwsClients) -> None:
        super().fill(clients)
        FILLS["rds"](clients)
        clients.rds().create_db_instance_read_replica(
            DBInstanceIdentifier="catalog-replica", SourceDBInstanceIdentifier="catalog-db"
        )

    def test_only_the_one_field_changes(self, box: CatalogueToolbox, clients: AwsClients) -> None:
        box.execute(do(plan(box, self.step).steps[0]), 1)
        target = clients.scheduler().get_schedule(Name="nightly", GroupName="reports")["Target"]
        assert json.loads(target.get("Input", "")) == {
            **INPUT,
            "database": {"host": "catalog-replica", "password": "not-to-be-seen"},
        }
        assert target.get("RetryPolicy") == {"MaximumRetryAttempts": 2}

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"field": "database.port"}, "no text at database.port"),
            ({"replica": "catalog-db", "value": "catalog-db"}, "no read replica"),
            ({"replica": "vanished", "value": "vanished"}, "does not exist"),
            ({"value": "attacker.example.com"}, "does not lead to catalog-replica"),
            ({"replica": ""}, "no read replica is named"),
        ],
        ids=["field", "no replica", "gone", "elsewhere", "unnamed"],
    )
    def test_what_does_not_lead_to_a_replica_is_found_by_the_dry_run(
        self, changes: dict[str, str], reason: str, box: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        step = self.step.model_copy(update={"arguments": self.step.arguments | changes})
        option = plan(box, step)
        assert not option.feasible
        assert reason in option.infeasible_reason
        assert proxy.writes() == []
