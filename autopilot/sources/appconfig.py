"""AppConfig: feature flags by application and environment, what is deployed of them, and what was before."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, AwsSource, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.flag_value import facets_of
from autopilot.sources.inventory import in_scope, iso, item, nearest, observed
from autopilot.sources.json_shape import document, is_list, is_mapping, mapping

if TYPE_CHECKING:
    from mypy_boto3_appconfig.type_defs import DeploymentSummaryTypeDef, HostedConfigurationVersionSummaryTypeDef

FLAGS = "AWS.AppConfig.FeatureFlags"
TAKEN_BACK = ("ROLLING_BACK", "ROLLED_BACK", "REVERTED")
"""States of deployments that are not in force any more."""
STAMPS = ("_createdAt", "_updatedAt")
"""What AppConfig itself writes into flags."""


@dataclass(frozen=True)
class Place:
    """A profile of flags in one environment."""

    application: Mapping[str, Any]
    environment: Mapping[str, Any]
    profile: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Application, environment and profile as people call them."""
        return "/".join(str(part.get("Name", "")) for part in (self.application, self.environment, self.profile))

    @property
    def path(self) -> str:
        """The last part of its ARN."""
        ids = (self.application["Id"], self.environment["Id"], self.profile["Id"])
        return "application/{}/environment/{}/configuration/{}".format(*ids)


def change_id(application: str, environment: str, number: int) -> str:
    """The id of the change that a deployment is."""
    return f"{AppConfig.name}:{application}/{environment}/{number}"


def in_force(
    deployments: "Iterable[DeploymentSummaryTypeDef]", profile_name: str
) -> "list[DeploymentSummaryTypeDef]":
    """The deployments of a profile that count, the one in force first, then what was before it."""
    own = [d for d in deployments if d.get("ConfigurationName") == profile_name]
    kept = [d for d in own if d.get("State") not in TAKEN_BACK]
    return sorted(kept, key=lambda d: -d.get("DeploymentNumber", 0))


def without_stamps(value: Any) -> Any:
    """A document without what AppConfig itself writes into flags."""
    if is_mapping(value):
        return {name: without_stamps(inner) for name, inner in value.items() if name not in STAMPS}
    return [without_stamps(inner) for inner in value] if is_list(value) else value


def version_in(counted: "Sequence[DeploymentSummaryTypeDef]", place: int) -> str:
    """The version in force (0), or the one that was before it (1); empty when there is none."""
    versions = dict.fromkeys(deployment.get("ConfigurationVersion", "") for deployment in counted)
    return next((version for number, version in enumerate(versions) if number == place), "")


def flags_of(content: bytes | str) -> dict[str, dict[str, Any]]:
    """Flag → its values, without AppConfig's own stamps; empty when the content is no document of flags."""
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    values = mapping(without_stamps(mapping(document(text).get("values"))))
    return {name: mapping(flag) for name, flag in values.items()}


class AppConfig(AwsSource):
    """Feature flags that AppConfig hosts."""

    name = "appconfig"
    reads = (
        "appconfig:GetHostedConfigurationVersion",
        "appconfig:ListApplications",
        "appconfig:ListConfigurationProfiles",
        "appconfig:ListDeployments",
        "appconfig:ListEnvironments",
        "appconfig:ListHostedConfigurationVersions",
    )

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every profile of flags in every environment near the scope."""
        resources = self.account.resources(region, budget)
        found = list(self._places(region, budget))
        into.asked("appconfig ListApplications, ListEnvironments, ListConfigurationProfiles", None, len(found))
        if not found:
            into.miss("no_data", f"no feature flags of AppConfig in {region}")
            return
        budget.spend()
        account = self.clients.sts(region).get_caller_identity()["Account"]
        owned = [
            (resources.services.get(("application", p.application["Id"])) or str(p.application.get("Name")), p)
            for p in found
        ]
        near = nearest(scope, owned, f"profiles of flags in {region}", into)
        for (service, place), known in each(lambda pair: self._read(region, pair[1], budget), near):
            ids = (place.application["Id"], place.environment["Id"])
            link = console(region, f"systems-manager/appconfig/applications/{ids[0]}/environments/{ids[1]}")
            into.asked(f"appconfig ListDeployments, GetHostedConfigurationVersion {place.name}", None, 1, link=link)
            row = item(
                "appconfig_flags", f"arn:aws:appconfig:{region}:{account}:{place.path}", name=place.name,
                service=service, region=region, settings=known.settings, versions=known.versions,
                health=str(known.settings["state"]), source=self.name,
            )  # fmt: skip
            into.add("inventory", frame("inventory", [row]))
            changes = [_change(place, service, region, link, d, known) for d in known.deployments]
            into.add("changes", frame("changes", [c for c in changes if c and in_scope(scope, c["time"])]))
            body = dict(known.settings)
            state = observed(
                scope.alerted_at, "appconfig_flags", name=place.name, service=service, region=region, body=body
            )
            into.add("state", frame("state", [state]))

    def _places(self, region: str, budget: Budget) -> Iterator[Place]:
        client = self.clients.appconfig(region)
        applications = client.get_paginator("list_applications").paginate()
        for page in pages(budget, applications, "NextToken", MAX_PAGES):
            for application in page["Items"]:
                own = application.get("Id", "")
                listing = client.get_paginator("list_configuration_profiles").paginate(ApplicationId=own)
                profiles = [p for each_page in pages(budget, listing, "NextToken") for p in each_page["Items"]]
                flags = [profile for profile in profiles if profile.get("Type") == FLAGS]
                if not flags:
                    continue
                environments = client.get_paginator("list_environments").paginate(ApplicationId=own)
                for answer in pages(budget, environments, "NextToken", MAX_PAGES):
                    for environment in answer["Items"]:
                        yield from (Place(application, environment, profile) for profile in flags)

    def _read(self, region: str, place: Place, budget: Budget) -> "_Known":
        client = self.clients.appconfig(region)
        application, environment = place.application["Id"], place.environment["Id"]
        listing = client.get_paginator("list_deployments").paginate(
            ApplicationId=application, EnvironmentId=environment
        )
        deployments = [d for page in pages(budget, listing, "NextToken", MAX_PAGES) for d in page["Items"]]
        profile = place.profile["Id"]
        hosted = client.get_paginator("list_hosted_configuration_versions").paginate(
            ApplicationId=application, ConfigurationProfileId=profile
        )
        versions = [v for page in pages(budget, hosted, "NextToken", MAX_PAGES) for v in page["Items"]]
        counted = in_force(deployments, str(place.profile.get("Name")))

        def flags(version: str) -> dict[str, dict[str, Any]]:
            if not version.isdigit():
                return {}
            budget.spend()
            answer = client.get_hosted_configuration_version(
                ApplicationId=application, ConfigurationProfileId=profile, VersionNumber=int(version)
            )
            return flags_of(answer["Content"].read())

        present, former = version_in(counted, 0), version_in(counted, 1)
        newest = sorted(versions, key=lambda v: -v.get("VersionNumber", 0))
        return _Known(counted, newest, flags(present), flags(former))


@dataclass(frozen=True)
class _Known:
    """What was read of a place."""

    deployments: "Sequence[DeploymentSummaryTypeDef]"
    """Those in force, the present one first."""
    hosted: "Sequence[HostedConfigurationVersionSummaryTypeDef]"
    """Newest first."""
    present: Mapping[str, Mapping[str, Any]]
    former: Mapping[str, Mapping[str, Any]]

    @property
    def changed(self) -> list[str]:
        """Flags that the present version has otherwise than the former."""
        return [name for name, flag in self.present.items() if self.former and self.former.get(name) != flag]

    @property
    def settings(self) -> dict[str, Scalar]:
        """As the inventory has them."""
        told: dict[str, Scalar] = {
            "deployment": self.deployments[0].get("DeploymentNumber", 0) if self.deployments else 0,
            "deployed_version": version_in(self.deployments, 0),
            "previous_version": version_in(self.deployments, 1),
            "state": self.deployments[0].get("State", "") if self.deployments else "never deployed",
            "changed": ",".join(self.changed),
        }
        for name, flag in self.present.items():
            told |= {f"flag.{name}.{facet}": value for facet, value in facets_of(flag).items()}
        return told

    @property
    def versions(self) -> list[dict[str, Scalar]]:
        """Hosted versions; `created_at` is when one was last deployed."""
        began = {d.get("ConfigurationVersion"): d.get("StartedAt") for d in reversed(self.deployments)}
        present = self.settings["deployed_version"]
        return [
            {
                "version": str(version.get("VersionNumber", "")),
                "created_at": iso(began.get(str(version.get("VersionNumber", "")))),
                "description": version.get("VersionLabel") or version.get("Description", "")[:200],
                "active": str(version.get("VersionNumber", "")) == present,
            }
            for version in self.hosted
        ]


def _change(
    place: Place, service: str, region: str, link: str, deployment: "DeploymentSummaryTypeDef", known: _Known
) -> dict[str, Any] | None:
    """A deployment as a change; of the present one it is told what it changed."""
    at, number = deployment.get("StartedAt"), deployment.get("DeploymentNumber", 0)
    if at is None:
        return None
    version = deployment.get("ConfigurationVersion", "")
    last = number == known.settings["deployment"]
    lines = [
        line
        for flag in (known.changed if last else [])
        for line in (f"- {flag} {_text(known.former.get(flag))}", f"+ {flag} {_text(known.present.get(flag))}")
    ]
    named = f" ({', '.join(known.changed[:5])})" if last and known.changed else ""
    return {
        "time": at,
        "id": change_id(place.application["Id"], place.environment["Id"], number),
        "kind": "flag",
        "service": service,
        "resource": place.name,
        "region": region,
        "version": version,
        "summary": f"flags {place.name} set to version {version}{named}",
        "diff": "\n".join(lines)[:2_000],
        "link": link,
    }


def _text(flag: Mapping[str, Any] | None) -> str:
    return json.dumps(flag, sort_keys=True)[:300] if flag else "none"
