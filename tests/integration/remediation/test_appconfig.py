"""AppConfig feature flags: a former version, a smaller reach, and the way back while a deployment still runs."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.base import Scalar
from autopilot.incident.plan import Step
from autopilot.remediation import appconfig, appconfig_narrow
from autopilot.remediation.base import Tool
from autopilot.remediation.toolbox import CatalogueToolbox
from tests.integration.remediation.compared import Compared, parts
from tests.integration.remediation.conftest import ACCOUNT, KEY, REGION, do, plan, step_of, undo
from tests.integration.remediation.fault_proxy import FaultProxy


def flags(enabled: bool, percentage: int = 100) -> dict[str, Any]:
    """A document of two flags."""
    return {
        "version": "1",
        "flags": {"fast-path": {"name": "Fast path"}, "banner": {"name": "Banner"}},
        "values": {
            "fast-path": {"enabled": enabled, "percentage": percentage, "regions": ["us-east-1", "eu-west-1"]},
            "banner": {"enabled": True, "text": "not-to-be-seen"},
        },
    }


class OnAppConfig(Compared):
    """Version 1 has the flag off, version 2 has it on for everybody and is deployed."""

    tool: str
    arguments: dict[str, Scalar]
    step = step_of("appconfig.to_be_filled", "arn")
    refused = "BadRequestException"
    throttled = "TooManyRequestsException"
    calls = ["POST /deployments"]
    undo_calls = ["DELETE /deployments/3"]
    permission = "appconfig:StartDeployment"

    def tools(self, clients: AwsClients) -> Sequence[Tool]:
        return (*appconfig.build_tools(parts(clients)), *appconfig_narrow.build_tools(parts(clients)))

    def fill(self, clients: AwsClients) -> None:
        client, kind = clients.appconfig(), type(self)
        application = client.create_application(Name="shop")["Id"]
        environment = client.create_environment(ApplicationId=application, Name="prod")["Id"]
        profile = client.create_configuration_profile(
            ApplicationId=application, Name="checkout", LocationUri="hosted", Type="AWS.AppConfig.FeatureFlags"
        )["Id"]
        at_once = client.create_deployment_strategy(
            Name="now",
            DeploymentDurationInMinutes=0,
            GrowthFactor=100,
            FinalBakeTimeInMinutes=0,
            ReplicateTo="NONE",
        )["Id"]
        self.client, self.ids, self.at_once = client, (application, environment, profile), at_once
        for number, content in enumerate((flags(False), flags(True)), start=1):
            self.host(content)
            self.deploy(str(number))
        target = f"arn:aws:appconfig:{REGION}:{ACCOUNT}:application/{application}/environment/{environment}"
        kind.step = step_of(kind.tool, f"{target}/configuration/{profile}", **kind.arguments)
        kind.gone = step_of(kind.tool, f"{target}/configuration/zzzzzzz", **kind.arguments)
        deployments = f"/applications/{application}/environments/{environment}/deployments"
        hosted = f"/applications/{application}/configurationprofiles/{profile}/hostedconfigurationversions"
        kind.calls = [f"POST {hosted}", f"POST {deployments}"][-len(kind.calls) :]
        kind.undo_calls = [f"DELETE {deployments}/3"]

    def host(self, content: dict[str, Any]) -> None:
        """One more version."""
        self.client.create_hosted_configuration_version(
            ApplicationId=self.ids[0], ConfigurationProfileId=self.ids[2], Content=json.dumps(content).encode(),
            ContentType="application/json",
        )  # fmt: skip

    def deploy(self, version: str, strategy: str = "") -> None:
        """Somebody brings a version into force."""
        self.client.start_deployment(
            ApplicationId=self.ids[0], EnvironmentId=self.ids[1], ConfigurationProfileId=self.ids[2],
            ConfigurationVersion=version, DeploymentStrategyId=strategy or self.at_once,
        )  # fmt: skip

    def states(self) -> list[tuple[str, str]]:
        """(version, state) of the deployments, oldest first."""
        listed = self.client.list_deployments(ApplicationId=self.ids[0], EnvironmentId=self.ids[1])["Items"]
        return [(d.get("ConfigurationVersion", ""), d.get("State", "")) for d in listed]

    def test_another_profile_that_is_being_deployed_is_waited_for(
        self, box: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        other = self.client.create_configuration_profile(
            ApplicationId=self.ids[0], Name="search", LocationUri="hosted", Type="AWS.AppConfig.FeatureFlags"
        )["Id"]
        self.client.create_hosted_configuration_version(
            ApplicationId=self.ids[0], ConfigurationProfileId=other, Content=b"{}", ContentType="application/json"
        )
        self.client.start_deployment(
            ApplicationId=self.ids[0], EnvironmentId=self.ids[1], ConfigurationProfileId=other,
            ConfigurationVersion="1", DeploymentStrategyId="AppConfig.AllAtOnce",
        )  # fmt: skip
        option = plan(box, self.step)
        assert not option.feasible
        assert "search is being deployed" in option.infeasible_reason
        assert option.risk == "high", "a deployment is under way"
        assert proxy.writes() == []

    def test_a_deployment_by_somebody_else_meanwhile_refuses(
        self, box: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        prepared = plan(box, self.step).steps[0]
        self.host(flags(True, 55))
        self.deploy("3")
        assert box.execute(do(prepared), 1).status == "changed_world"
        assert proxy.writes(KEY) == []

    def test_values_that_are_no_reach_are_not_shown(self, box: CatalogueToolbox) -> None:
        assert "not-to-be-seen" not in plan(box, self.step).model_dump_json()


class TestRestoreFlags(OnAppConfig):
    tool = "appconfig.restore_flags"
    arguments = {"version": "1"}
    wanted = {"version": "1"}

    def test_it_is_told_which_flags_go_back(self, box: CatalogueToolbox) -> None:
        changes = plan(box, self.step).steps[0].dry_run.changes
        assert changes == ("version: 2 → 1", "fast-path.enabled: True → False")

    def test_a_rollout_that_still_runs_is_stopped_and_the_undo_deploys_it_again(
        self, box: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        self.host(flags(True, 80))
        self.deploy("3", "AppConfig.Canary10Percent20Minutes")
        proxy.clear()
        option = plan(box, self.step.model_copy(update={"arguments": {"version": "2"}}))
        prepared = option.steps[0]
        assert option.feasible, option.infeasible_reason
        assert box.execute(do(prepared), 1).status == "done"
        assert [call.split()[0] for call in proxy.writes(KEY)] == ["DELETE"]
        assert self.states()[-1] == ("3", "ROLLED_BACK")
        assert box.execute(undo(prepared), 1).status == "done"
        assert self.states()[-1] == ("3", "BAKING")

    def test_a_version_that_was_deleted_is_found_by_the_dry_run(self, box: CatalogueToolbox) -> None:
        option = plan(box, self.step.model_copy(update={"arguments": {"version": "9"}}))
        assert not option.feasible
        assert "does not exist" in option.infeasible_reason


class TestNarrowFlag(OnAppConfig):
    tool = "appconfig.narrow_flag"
    arguments = {"flag": "fast-path", "percentage": 10}
    wanted = {"percentage": 10}
    calls = ["POST /hostedconfigurationversions", "POST /deployments"]
    permission = "appconfig:CreateHostedConfigurationVersion"

    def content(self, version: int) -> dict[str, Any]:
        """What a version holds."""
        answer = self.client.get_hosted_configuration_version(
            ApplicationId=self.ids[0], ConfigurationProfileId=self.ids[2], VersionNumber=version
        )
        return json.loads(answer["Content"].read())

    def test_the_new_version_differs_in_nothing_else(self, box: CatalogueToolbox) -> None:
        assert box.execute(do(plan(box, self.step).steps[0]), 1).status == "done"
        assert self.content(3) == flags(True, 10)
        assert self.states()[-1] == ("3", "BAKING")

    def test_the_undo_after_the_bake_time_deploys_the_version_that_was_there(
        self, box: CatalogueToolbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prepared = plan(box, self.step).steps[0]
        monkeypatch.setattr(appconfig, "STRATEGY", self.at_once)
        assert box.execute(do(prepared), 1).status == "done"
        assert self.states()[-1] == ("3", "COMPLETE")
        assert box.execute(undo(prepared), 1).status == "done"
        assert self.states()[-1] == ("2", "COMPLETE"), "no fourth version is needed"

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [({"flag": "nobody", "enabled": False}, "no nobody"), ({"flag": "banner", "percentage": 5}, "percentage")],
        ids=["no such flag", "no such reach"],
    )
    def test_what_the_flags_do_not_have_is_found_by_the_dry_run(
        self, arguments: dict[str, Scalar], reason: str, box: CatalogueToolbox
    ) -> None:
        step: Step = self.step.model_copy(update={"arguments": arguments})
        option = plan(box, step)
        assert not option.feasible
        assert reason in option.infeasible_reason
