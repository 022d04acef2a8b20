"""What the sources list is what the tools understand: from an account to a step that is carried out and undone."""

import json
from collections.abc import Callable

import polars as pl
import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Dossier, Suspect
from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.remediation.base import Candidate, Context, InventoryItem
from autopilot.remediation.catalogue import build_catalogue
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws, Settings
from autopilot.sources.appconfig import AppConfig
from autopilot.sources.aws import Account, AwsSource
from autopilot.sources.base import Budget, Collected
from autopilot.sources.lambda_ import Lambda
from autopilot.sources.rds import Rds
from autopilot.sources.scheduler import Scheduler
from autopilot.sources.ssm_flags import SsmFlags
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.remediation.conftest import ACCOUNT, FILLS, REGION, do, plan, undo
from tests.integration.remediation.fault_proxy import FaultProxy

SETTINGS = Aws(retries=1, flag_prefixes=("/flags",))
SOURCES: tuple[Callable[[Account], AwsSource], ...] = (Lambda, Rds, Scheduler, SsmFlags, AppConfig)
HELPS: dict[str, tuple[str, CauseKind]] = {
    "lambda.shift_traffic": ("checkout", "bad_deploy"),
    "lambda.set_memory": ("checkout", "memory"),
    "rds.set_parameter": ("catalog-db", "connection_pool"),
    "scheduler.pause": ("catalog-db", "batch_job"),
    "scheduler.move": ("catalog-db", "batch_job"),
    "ssm.restore_flag": ("checkout", "config_change"),
    "ssm.narrow_flag": ("checkout", "config_change"),
    "appconfig.restore_flags": ("checkout", "config_change"),
    "appconfig.narrow_flag": ("checkout", "config_change"),
}


def on(enabled: bool) -> str:
    """A flag's values."""
    return json.dumps({"enabled": enabled, "percentage": 100, "regions": ["us-east-1"]})


@pytest.fixture
def box(clients: AwsClients, proxy: FaultProxy) -> CatalogueToolbox:
    """An account with one thing of each kind."""
    FILLS["rds"](clients)
    rds, appconfig = clients.rds(), clients.appconfig()
    rds.create_db_parameter_group(
        DBParameterGroupName="catalog-pg", DBParameterGroupFamily="postgres15", Description="ours"
    )
    rds.modify_db_instance(DBInstanceIdentifier="catalog-db", DBParameterGroupName="catalog-pg")
    clients.scheduler().create_schedule(
        Name="nightly", ScheduleExpression="cron(30 14 * * ? *)", FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:report",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/scheduler",
            "Input": json.dumps({"database": {"host": "catalog-db"}}),
        },
    )  # fmt: skip
    for enabled in (False, True):
        clients.ssm().put_parameter(
            Name="/flags/checkout/fast-path", Value=on(enabled), Type="String", Overwrite=True
        )
    application = appconfig.create_application(Name="checkout")["Id"]
    environment = appconfig.create_environment(ApplicationId=application, Name="prod")["Id"]
    profile = appconfig.create_configuration_profile(
        ApplicationId=application, Name="switches", LocationUri="hosted", Type="AWS.AppConfig.FeatureFlags"
    )["Id"]
    strategy = appconfig.create_deployment_strategy(
        Name="now", DeploymentDurationInMinutes=0, GrowthFactor=100, FinalBakeTimeInMinutes=0, ReplicateTo="NONE"
    )["Id"]
    for number, enabled in ((1, False), (2, True)):
        document = {"version": "1", "values": {"banner": json.loads(on(enabled))}}
        appconfig.create_hosted_configuration_version(
            ApplicationId=application, ConfigurationProfileId=profile, Content=json.dumps(document).encode(),
            ContentType="application/json",
        )  # fmt: skip
        appconfig.start_deployment(
            ApplicationId=application, EnvironmentId=environment, ConfigurationProfileId=profile,
            ConfigurationVersion=str(number), DeploymentStrategyId=strategy,
        )  # fmt: skip
    proxy.clear()
    return CatalogueToolbox(build_catalogue(Settings(aws=SETTINGS), clients))


def inventory(clients: AwsClients) -> tuple[InventoryItem, ...]:
    """What the sources list."""
    account, into = Account(SETTINGS, clients), Collected("aws")
    for source in SOURCES:
        source(account).collect(scope_now("checkout", "catalog-db"), Budget(calls=100, seconds=60), into)
    rows = pl.concat([data for name, data in into.frames if name == "inventory"]).iter_rows(named=True)
    return tuple(
        InventoryItem(
            **{name: row[name] for name in ("resource", "kind", "name", "service", "region", "health")},
            settings=json.loads(row["settings"]), versions=tuple(json.loads(row["versions"])),
        )
        for row in rows
    )  # fmt: skip


def offered(
    clients: AwsClients, items: tuple[InventoryItem, ...], service: str, kind: CauseKind
) -> list[Candidate]:
    """What is offered when a service is suspected; every argument has its origin."""
    suspect = Suspect(service=service, cause_kind=kind, score=0.8, finding_ids=("F1",), reason="evidence")
    scope = scope_now()
    dossier = Dossier(incident_id="i", revision=1, scope_incident=scope.incident, suspects=(suspect,))
    found = build_catalogue(Settings(aws=SETTINGS), clients).candidates(Context(dossier, items, None))
    assert [provenance_problem(one, items, dossier) for one in found] == [""] * len(found)
    return list(found)


def test_each_tool_finds_its_target_in_the_inventory_and_carries_its_step_out(
    box: CatalogueToolbox, clients: AwsClients
) -> None:
    items = inventory(clients)
    for tool, (service, kind) in HELPS.items():
        (candidate,) = [c for c in offered(clients, items, service, kind) if c.step.tool == tool]
        option = plan(box, candidate.step)
        assert option.feasible, (tool, option.infeasible_reason)
        assert len(option.steps[0].step.command) < 1_000
        assert box.execute(do(option.steps[0]), 1).status == "done", tool
        assert box.execute(undo(option.steps[0]), 1).status == "done", tool
        assert box.inspect(candidate.step).target_state_digest == option.steps[0].expects, tool


def test_a_batch_job_gets_a_replica_of_its_own_and_gives_it_back(
    box: CatalogueToolbox, clients: AwsClients
) -> None:
    def first(tool: str) -> Candidate:
        found = offered(clients, inventory(clients), "catalog-db", "batch_job")
        return next(c for c in found if c.step.tool == tool)

    def reads_from() -> str:
        target = clients.scheduler().get_schedule(Name="nightly")["Target"]
        return json.loads(target.get("Input", "{}"))["database"]["host"]

    replica = plan(box, first("rds.create_replica").step).steps[0]
    assert box.execute(do(replica), 1).status == "done"
    redirect = plan(box, first("scheduler.redirect").step)
    assert redirect.feasible, redirect.infeasible_reason
    assert box.execute(do(redirect.steps[0]), 1).status == "done"
    assert reads_from() == replica.step.arguments["replica"]
    assert box.execute(undo(redirect.steps[0]), 1).status == "done"
    assert reads_from() == "catalog-db"
    assert box.execute(undo(replica), 1).status == "done"
    left = clients.rds().describe_db_instances()["DBInstances"]
    assert [instance.get("DBInstanceIdentifier") for instance in left] == ["catalog-db"]
