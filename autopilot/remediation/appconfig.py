"""AppConfig feature flags: deploy a former version, or a new one in which one flag has a smaller reach.

One deployment runs in an environment at a time, its bake time included, and AppConfig takes no token: the number of
the latest deployment says that nobody deployed in between. While the deployment to leave is still running, the way
back is to stop it: AppConfig then rolls back by itself.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import UNPROVEN_FIT, evidence, expected, fit
from autopilot.remediation.flags import FLAG_CAUSES, Blame, blame
from autopilot.remediation.parts import Parts
from autopilot.sources.appconfig import change_id, flags_of, in_force, version_in
from autopilot.sources.flag_value import facets_of
from autopilot.sources.json_shape import document

if TYPE_CHECKING:
    from mypy_boto3_appconfig import AppConfigClient

PLACE = arn(
    "appconfig",
    r"application/(?P<application>[a-z0-9]{4,7})/environment/(?P<environment>[a-z0-9]{4,7})"
    r"/configuration/(?P<profile>[a-z0-9]{4,7})",
)
STRATEGY = "AppConfig.AllAtOnce"
"""AWS's own: at once for everybody, then ten minutes in which an alarm of the environment rolls it back."""
NEWEST_PAGES = 5
"""AppConfig lists deployments newest first, fifty on a page."""
RUNNING = ("DEPLOYING", "BAKING", "VALIDATING")


@dataclass(frozen=True)
class Deployed:
    """What is in force of a profile in an environment."""

    version: str
    before: str
    """The version that a rollback leads to."""
    number: int
    running: bool
    latest: int
    """The number of the environment's latest deployment, of whatever profile."""
    busy: str
    """The profile that is being deployed there; empty for none."""


class FlagsTool(AwsTool):
    """What the tools on AppConfig flags share: reading what is in force, and bringing a version into force."""

    system: str = "appconfig"
    risk: Risk = "medium"
    target = PLACE
    addresses: ClassVar[frozenset[CauseKind]] = FLAG_CAUSES

    def _client(self, step: Step) -> "AppConfigClient":
        return self._aws.appconfig(self._parts(step)["region"])

    def deployed(self, step: Step) -> Deployed:
        """Read what is in force. Raises Missing when application, environment or profile do not exist."""
        parts, client = self._parts(step), self._client(step)
        with asking(f"flags {parts['application']}/{parts['profile']}"):
            profile = client.get_configuration_profile(
                ApplicationId=parts["application"], ConfigurationProfileId=parts["profile"]
            )
            listing = client.get_paginator("list_deployments").paginate(
                ApplicationId=parts["application"], EnvironmentId=parts["environment"]
            )
            listed = [d for page in islice(listing, NEWEST_PAGES) for d in page["Items"]]
        counted = in_force(listed, profile.get("Name", ""))
        running = next((d for d in listed if d.get("State") in RUNNING), None)
        return Deployed(
            version=version_in(counted, 0),
            before=version_in(counted, 1),
            number=counted[0].get("DeploymentNumber", 0) if counted else 0,
            running=bool(counted) and counted[0].get("State") in RUNNING,
            latest=max((d.get("DeploymentNumber", 0) for d in listed), default=0),
            busy=running.get("ConfigurationName", "") if running else "",
        )

    def content(self, step: Step, version: str) -> dict[str, Any]:
        """The document of a version. Raises Missing."""
        parts = self._parts(step)
        with asking(f"version {version} of flags {parts['profile']}"):
            answer = self._client(step).get_hosted_configuration_version(
                ApplicationId=parts["application"],
                ConfigurationProfileId=parts["profile"],
                VersionNumber=int(version),
            )
            return document(answer["Content"].read().decode("utf-8", "replace"))

    def bring(self, step: Step, deployed: Deployed, version: str) -> str:
        """Stop the running deployment where that leads to the version, else deploy it; what was done."""
        parts, client = self._parts(step), self._client(step)
        application, environment = parts["application"], parts["environment"]
        with asking(f"environment {parts['environment']}"):
            if deployed.running and deployed.before == version:
                client.stop_deployment(
                    ApplicationId=application,
                    EnvironmentId=environment,
                    DeploymentNumber=deployed.number,
                    AllowRevert=True,
                )
                return f"deployment {deployed.number} is stopped: version {version} is in force again"
            client.start_deployment(
                ApplicationId=application,
                EnvironmentId=environment,
                ConfigurationProfileId=parts["profile"],
                ConfigurationVersion=version,
                DeploymentStrategyId=STRATEGY,
                LatestDeploymentNumber=deployed.latest,
            )
        return f"version {version} is being deployed"

    def _not_now(self, before: TargetState, stops: bool = False) -> DryRun | None:
        busy = before.observed.get("busy")
        if not before.observed.get("version"):
            return DryRun(feasible=False, reason="nothing is deployed there")
        if not busy or stops:
            return None
        return DryRun(feasible=False, reason=f"{busy} is being deployed in this environment: wait, or stop that")

    @abstractmethod
    def _settings(self, step: Step, deployed: Deployed) -> dict[str, Scalar]:
        """The settings that the step reads or writes."""

    def inspect(self, step: Step) -> TargetState:
        """What is in force, and whether anything is being deployed."""
        try:
            deployed = self.deployed(step)
            settings = self._settings(step, deployed)
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        return TargetState(
            target=step.target,
            settings=settings,
            observed={
                "version": deployed.version,
                "busy": deployed.busy,
                "stopping_leads_to": deployed.before if deployed.running else "",
            },
            deploying=bool(deployed.busy),
            observed_at=now(),
        )

    def _reach(self, step: Step) -> str:
        parts = self._parts(step)
        return f"whatever reads the flags {parts['profile']} in environment {parts['environment']}"

    def _blame(self, item: InventoryItem, context: Context) -> Blame | None:
        found = self.target.fullmatch(item.resource)
        number, version = item.settings.get("deployment"), item.settings.get("deployed_version")
        if item.kind != "appconfig_flags" or found is None or not isinstance(number, int):
            return None
        change = change_id(found["application"], found["environment"], number)
        deployed_at = next((v.get("created_at") for v in item.versions if v.get("version") == version), None)
        return blame(item, context, change, deployed_at)

    def _propose(self, step: Step, item: InventoryItem, context: Context, why: Blame) -> Candidate:
        effect = expected(context, f"{item.service} behaves as before its flags were changed", 180.0)
        cited = evidence(item, context, self.addresses, why.finding_ids)
        return self._offer(step, effect, why.clause(item.name), cited, fit(item, context, self.addresses))


class Version(Arguments):
    """A hosted version of the flags."""

    version: str = Field(pattern=r"^[1-9][0-9]{0,8}$")


READS = (
    "appconfig:GetConfigurationProfile",
    "appconfig:ListDeployments",
    "appconfig:GetHostedConfigurationVersion",
)


class RestoreFlags(FlagsTool):
    """Brings a former version of the flags into force."""

    name: str = "appconfig.restore_flags"
    permissions: tuple[str, ...] = (*READS, "appconfig:StartDeployment", "appconfig:StopDeployment")
    takes: ClassVar[type[Arguments]] = Version

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The version that was in force before the last deployment."""
        why, former = self._blame(item, context), str(item.settings.get("previous_version") or "")
        if why is None or not former.isdigit():
            return ()
        changed = str(item.settings.get("changed") or "")
        step = self._step(
            item,
            f"Set the flags {item.name} back to version {former}" + (f" ({changed[:120]})" if changed else ""),
            {"version": former},
            {"version": f"previous_version {former}"},
        )
        offer = self._propose(step, item, context, why)
        if why.proven:
            return (offer,)
        return (replace(offer, unproven=True, fit=round(offer.fit * UNPROVEN_FIT, 3)),)

    def command(self, step: Step) -> str:
        """`aws appconfig start-deployment …`."""
        return start_command(self._parts(step), Version.model_validate(step.arguments).version)

    def _settings(self, step: Step, deployed: Deployed) -> dict[str, Scalar]:  # noqa: ARG002 - see the base
        return {"version": deployed.version}

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted version."""
        return before.model_copy(update={"settings": {"version": Version.model_validate(step.arguments).version}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the version still exists, and what it says otherwise."""
        wanted = Version.model_validate(step.arguments).version
        stops = before.observed.get("stopping_leads_to") == wanted
        if (not_now := self._not_now(before, stops)) is not None:
            return not_now
        try:
            will = flags_of(json.dumps(self.content(step, wanted)))
            was = flags_of(json.dumps(self.content(step, str(before.settings.get("version")))))
        except Missing as missing:
            return DryRun(feasible=False, reason=str(missing))
        told = [
            line
            for flag in sorted({*was, *will})
            for line in changed_lines(_named(flag, was.get(flag, {})), _named(flag, will.get(flag, {})))
        ]
        return DryRun(
            feasible=True,
            changes=(*changed_lines(before.settings, {"version": wanted}), *told[:10]),
            reach=self._reach(step),
            cost="none",
            warnings=("all flags of the profile go back, also those that did no harm",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Deploy the version, or stop the deployment that replaces it."""
        wanted, deployed = Version.model_validate(step.arguments).version, self.deployed(step)
        if deployed.version == wanted:
            return "already", f"version {wanted} is in force already"
        with marking(key):
            return "done", self.bring(step, deployed, wanted)

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The version that was in force."""
        had = before.settings.get("version")
        return self._back(step, f"Set the flags back to version {had}", {"version": had}) if had else None


def start_command(parts: Mapping[str, str], version: str) -> str:
    """What a person could type to deploy a version."""
    return shell(
        "aws", "appconfig", "start-deployment", "--region", parts["region"],
        "--application-id", parts["application"], "--environment-id", parts["environment"],
        "--configuration-profile-id", parts["profile"], "--configuration-version", version,
        "--deployment-strategy-id", STRATEGY,
    )  # fmt: skip


def _named(flag: str, values: Mapping[str, Any]) -> dict[str, Scalar]:
    return {f"{flag}.{facet}": value for facet, value in facets_of(values).items()}


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (RestoreFlags(parts.aws),) if parts.aws else ()
