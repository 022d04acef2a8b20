"""RDS: connection parameters of a custom group, and read replicas that are ours."""

from collections.abc import Sequence

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.remediation import rds_parameters, rds_replica
from autopilot.remediation.base import Tool
from autopilot.remediation.toolbox import CatalogueToolbox
from tests.integration.remediation.compared import Compared, parts
from tests.integration.remediation.conftest import ACCOUNT, DATABASE, REGION, UNDO_KEY, do, plan, step_of, undo
from tests.integration.remediation.fault_proxy import FaultProxy

GROUP = f"arn:aws:rds:{REGION}:{ACCOUNT}:pg:catalog-pg"


class OnRds(Compared):
    """The query protocol's names for what goes wrong."""

    throttled = "Throttling"
    denied = "AccessDenied"
    refused = "InvalidParameterValue"


class TestSetParameter(OnRds):
    step = step_of("rds.set_parameter", GROUP, parameter="max_connections", value="150")
    gone = step.model_copy(update={"target": f"{GROUP}-gone"})
    wanted = {"max_connections": "150", "customised": True}
    calls = ["ModifyDBParameterGroup"]
    undo_calls = ["ResetDBParameterGroup"]
    permission = "rds:ModifyDBParameterGroup"

    def tools(self, clients: AwsClients) -> Sequence[Tool]:
        return rds_parameters.build_tools(parts(clients))

    def fill(self, clients: AwsClients) -> None:
        clients.rds().create_db_parameter_group(
            DBParameterGroupName="catalog-pg", DBParameterGroupFamily="postgres15", Description="ours"
        )
        clients.rds().modify_db_instance(DBInstanceIdentifier="catalog-db", DBParameterGroupName="catalog-pg")

    def test_a_value_that_somebody_had_set_comes_back(
        self, box: CatalogueToolbox, clients: AwsClients, proxy: FaultProxy
    ) -> None:
        clients.rds().modify_db_parameter_group(
            DBParameterGroupName="catalog-pg",
            Parameters=[
                {"ParameterName": "max_connections", "ParameterValue": "120", "ApplyMethod": "pending-reboot"}
            ],
        )
        prepared = plan(box, self.step).steps[0]
        assert prepared.dry_run.changes == ("max_connections: 120 → 150",)
        assert "catalog-db" in prepared.dry_run.reach
        assert box.execute(do(prepared), 1).status == "done"
        assert box.execute(undo(prepared), 1).status == "done"
        assert proxy.writes(UNDO_KEY) == ["ModifyDBParameterGroup"]
        assert box.inspect(self.step).settings == {"max_connections": "120", "customised": True}

    def test_what_takes_effect_when_is_told(self, box: CatalogueToolbox, clients: AwsClients) -> None:
        """The emulator knows no static connection parameter, so the state is made by hand."""
        state = box.inspect(self.step)
        tool = self.tools(clients)[0]
        assert "it takes effect at once" in tool.dry_run(self.step, state).warnings
        static = state.model_copy(update={"observed": state.observed | {"apply": "static"}})
        told = tool.dry_run(self.step, static).warnings[0]
        assert "only when catalog-db is rebooted" in told

    @pytest.mark.parametrize(
        ("observed", "reason"),
        [({"allowed": "6-100"}, "within 6-100"), ({"modifiable": False}, "has no max_connections")],
    )
    def test_a_value_that_is_not_allowed_is_found_by_the_dry_run(
        self, observed: dict[str, bool | str], reason: str, box: CatalogueToolbox, clients: AwsClients
    ) -> None:
        state = box.inspect(self.step)
        changed = state.model_copy(update={"observed": state.observed | observed})
        answer = self.tools(clients)[0].dry_run(self.step, changed)
        assert not answer.feasible
        assert reason in answer.reason

    def test_a_group_of_aws_itself_is_left_alone(self, box: CatalogueToolbox, clients: AwsClients) -> None:
        clients.rds().create_db_parameter_group(
            DBParameterGroupName="default.postgres15", DBParameterGroupFamily="postgres15", Description="AWS's"
        )
        option = plan(
            box, self.step.model_copy(update={"target": GROUP.replace("catalog-pg", "default.postgres15")})
        )
        assert not option.feasible
        assert "AWS's own group" in option.infeasible_reason

    def test_a_parameter_that_the_engine_does_not_have(self, box: CatalogueToolbox) -> None:
        idle = {"parameter": "idle_in_transaction_session_timeout", "value": "60000"}
        option = plan(box, self.step.model_copy(update={"arguments": idle}))
        assert not option.feasible
        assert "has no idle_in_transaction_session_timeout" in option.infeasible_reason


class TestCreateReplica(OnRds):
    step = step_of("rds.create_replica", DATABASE, replica="catalog-db-replica-0a1b2c3d")
    gone = step.model_copy(update={"target": f"{DATABASE}-gone"})
    wanted = {"replica": "ours"}
    calls = ["CreateDBInstanceReadReplica"]
    undo_calls = ["DeleteDBInstance"]
    permission = "rds:CreateDBInstanceReadReplica"

    def tools(self, clients: AwsClients) -> Sequence[Tool]:
        return rds_replica.build_tools(parts(clients))

    def test_it_reads_from_its_source_and_is_marked_as_ours(
        self, box: CatalogueToolbox, clients: AwsClients
    ) -> None:
        box.execute(do(plan(box, self.step).steps[0]), 1)
        found = clients.rds().describe_db_instances(DBInstanceIdentifier="catalog-db-replica-0a1b2c3d")[
            "DBInstances"
        ]
        assert found[0].get("ReadReplicaSourceDBInstanceIdentifier") == "catalog-db"
        assert found[0].get("TagList") == [{"Key": "created-by", "Value": "aiops-auto-pilot"}]

    def test_somebody_elses_replica_is_neither_taken_nor_deleted(
        self, box: CatalogueToolbox, clients: AwsClients, proxy: FaultProxy
    ) -> None:
        prepared = plan(box, self.step).steps[0]
        clients.rds().create_db_instance_read_replica(
            DBInstanceIdentifier="catalog-db-replica-0a1b2c3d", SourceDBInstanceIdentifier="catalog-db"
        )
        again = plan(box, self.step)
        assert not again.feasible
        assert "not ours" in again.infeasible_reason
        assert box.execute(do(prepared), 1).status == "changed_world"
        assert box.execute(undo(prepared), 1).status == "changed_world"
        delete = next(tool for tool in self.tools(clients) if tool.name == "rds.delete_replica")
        assert prepared.undo is not None
        assert not delete.dry_run(prepared.undo, box.inspect(prepared.undo)).feasible
        assert proxy.writes() == []

    def test_an_instance_without_backups_or_of_another_engine_has_none(
        self, box: CatalogueToolbox, clients: AwsClients
    ) -> None:
        create, state = self.tools(clients)[0], box.inspect(self.step)
        for observed, reason in (
            ({"backup_days": 0}, "automated backups are off"),
            ({"engine": "aurora-postgresql"}, "aurora-postgresql"),
            ({"replica_of": "other-db"}, "replica of other-db"),
            ({"status": "modifying"}, "is modifying"),
        ):
            changed = state.model_copy(update={"observed": state.observed | observed})
            answer = create.dry_run(self.step, changed)
            assert not answer.feasible
            assert reason in answer.reason
