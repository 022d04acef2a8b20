"""AppConfig feature flags: a smaller reach for one flag, in a new version that is deployed."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, model_validator

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.ids import digest
from autopilot.incident.plan import DryRun, Step, TargetState
from autopilot.remediation.appconfig import READS, Deployed, FlagsTool, start_command
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Refusal, Tool
from autopilot.remediation.cloud import asking, changed_lines, shell
from autopilot.remediation.flags import SMALL_PERCENT
from autopilot.remediation.parts import Parts
from autopilot.sources.appconfig import without_stamps
from autopilot.sources.flag_value import facets_of, narrower, with_facets
from autopilot.sources.json_shape import mapping

FACETS = ("enabled", "percentage", "regions")


class Reach(Arguments):
    """A flag, and what of its reach is set; what is left out stays."""

    flag: str = Field(pattern=r"^[a-z][a-zA-Z0-9_-]{0,63}$")
    enabled: bool | None = None
    percentage: int | float | None = Field(default=None, ge=0, le=100)
    regions: str | None = Field(default=None, pattern=r"^[a-z0-9-]+(,[a-z0-9-]+)*$", max_length=500)
    """Joined by commas."""

    @model_validator(mode="after")
    def _something(self) -> "Reach":
        if not self.wanted:
            raise ValueError(f"name {', '.join(FACETS)}, or several of them")
        return self

    @property
    def wanted(self) -> dict[str, Scalar]:
        """What is set."""
        pairs = {"enabled": self.enabled, "percentage": self.percentage, "regions": self.regions}
        return {name: value for name, value in pairs.items() if value is not None}


class NarrowFlag(FlagsTool):
    """Gives one flag a smaller reach, in a new version that is deployed."""

    name: str = "appconfig.narrow_flag"
    permissions: tuple[str, ...] = (
        *READS,
        "appconfig:ListHostedConfigurationVersions",
        "appconfig:CreateHostedConfigurationVersion",
        "appconfig:StartDeployment",
        "appconfig:StopDeployment",
    )
    takes: ClassVar[type[Arguments]] = Reach

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Each flag that the last deployment changed: without the regions that are hit, fewer requests, or off."""
        why, found = self._blame(item, context), list[Candidate]()
        changed = str(item.settings.get("changed") or "").split(",")
        for flag in changed if why else ():
            present = {facet: item.settings.get(f"flag.{flag}.{facet}") for facet in FACETS}
            less = narrower(present, context.dossier.impact.regions, SMALL_PERCENT)
            if not less or why is None:
                continue
            told = ", ".join(f"{facet} {present[facet]} → {value}" for facet, value in less.items())
            step = self._step(
                item,
                f"Narrow flag {flag} of {item.name}: {told}",
                {"flag": flag, **less},
                {"flag": "changed", **{facet: f"flag.{flag}.{facet}; with a smaller reach" for facet in less}},
            )
            offer = self._propose(step, item, context, why)
            own = {name: (value,) for name, value in step.arguments.items()}
            found.append(replace(offer, own=own, fit=round(offer.fit * 0.9, 3)))
        return tuple(found)

    def command(self, step: Step) -> str:
        """Get the version in force (to put in for PRESENT), change it with jq, create a version and deploy that."""
        parts, wanted = self._parts(step), Reach.model_validate(step.arguments)
        where = (
            "--region", parts["region"], "--application-id", parts["application"],
            "--configuration-profile-id", parts["profile"],
        )  # fmt: skip
        get = shell(
            "aws", "appconfig", "get-hosted-configuration-version", *where, "--version-number", "PRESENT", "in.json"
        )
        reach = json.dumps(with_facets({}, wanted.wanted))
        change = shell("jq", f".values[{json.dumps(wanted.flag)}] += {reach}", "in.json")
        create = shell(
            "aws", "appconfig", "create-hosted-configuration-version", *where, "--content", "fileb://out.json",
            "--content-type", "application/json", "--query", "VersionNumber", "--output", "text", "/dev/null",
        )  # fmt: skip
        start = start_command(parts, "NEW").replace(" NEW ", f" $({create}) ")
        return f"{get} && {change} > out.json && {start}"

    def _settings(self, step: Step, deployed: Deployed) -> dict[str, Scalar]:
        """The flag's reach, and a hash of all else that is in force: a new version holds all of it."""
        wanted = Reach.model_validate(step.arguments)
        content = self.content(step, deployed.version) if deployed.version.isdigit() else {}
        present = facets_of(_flag(content, wanted.flag))
        unset = _with(content, wanted.flag, dict.fromkeys(wanted.wanted, ""))
        return {facet: present.get(facet) for facet in wanted.wanted} | {"rest": digest(without_stamps(unset))}

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted reach, all else as it was."""
        wanted = Reach.model_validate(step.arguments).wanted
        return before.model_copy(update={"settings": before.settings | wanted})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the flag knows what is to be set, and nothing else is being deployed."""
        wanted = Reach.model_validate(step.arguments)
        if (not_now := self._not_now(before)) is not None:
            return not_now
        if unknown := [facet for facet in wanted.wanted if before.settings.get(facet) is None]:
            return DryRun(feasible=False, reason=f"the flags in force have no {wanted.flag} with {unknown[0]}")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=self._reach(step),
            cost="none",
            warnings=("the version that is created for it stays after an undo",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Create the version, unless it exists, and bring it into force."""
        wanted, deployed = Reach.model_validate(step.arguments), self.deployed(step)
        content = self.content(step, deployed.version) if deployed.version.isdigit() else {}
        flag = _flag(content, wanted.flag)
        if not flag:
            raise Refusal(f"the flags in force have no {wanted.flag}")
        if wanted.wanted.items() <= facets_of(flag).items():
            return "already", f"flag {wanted.flag} is so already"
        changed = _with(content, wanted.flag, wanted.wanted)
        with marking(key):
            return "done", self.bring(step, deployed, self._version_of(step, deployed, changed))

    def _version_of(self, step: Step, deployed: Deployed, content: Mapping[str, Any]) -> str:
        """The version with this content: the one before, or the newest (of an earlier attempt), else a new one."""
        parts, client = self._parts(step), self._client(step)
        plain = without_stamps(content)
        with asking(f"versions of flags {parts['profile']}"):
            listing = client.get_paginator("list_hosted_configuration_versions").paginate(
                ApplicationId=parts["application"], ConfigurationProfileId=parts["profile"]
            )
            newest = max(v.get("VersionNumber", 0) for page in listing for v in page["Items"])
        for version in dict.fromkeys((deployed.before, str(newest))):
            if version.isdigit() and without_stamps(self.content(step, version)) == plain:
                return version
        with asking(f"flags {parts['profile']}"):
            created = client.create_hosted_configuration_version(
                ApplicationId=parts["application"],
                ConfigurationProfileId=parts["profile"],
                Content=json.dumps(plain).encode(),
                ContentType="application/json",
                LatestVersionNumber=newest,
            )
        return str(created.get("VersionNumber", ""))

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The reach it had."""
        wanted = Reach.model_validate(step.arguments)
        had = {facet: before.settings.get(facet) for facet in wanted.wanted}
        if any(value in (None, "") for value in had.values()):
            return None
        told = ", ".join(f"{facet} {value}" for facet, value in had.items())
        return self._back(step, f"Give flag {wanted.flag} {told} back", {"flag": wanted.flag, **had})


def _flag(content: Mapping[str, Any], flag: str) -> dict[str, Any]:
    return mapping(mapping(content.get("values")).get(flag))


def _with(content: Mapping[str, Any], flag: str, wanted: Mapping[str, Scalar]) -> dict[str, Any]:
    """The document with another reach of one flag."""
    values = mapping(content.get("values"))
    return {**content, "values": {**values, flag: with_facets(_flag(content, flag), wanted)}}


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (NarrowFlag(parts.aws),) if parts.aws else ()
