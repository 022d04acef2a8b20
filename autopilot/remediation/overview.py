"""All tools that there are, also those that the configuration leaves out, and why it does. Nothing is contacted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from autopilot.channels.notifier import ticket_systems
from autopilot.channels.pagerduty import PagerDuty
from autopilot.clients.aws import AwsClients
from autopilot.incident.plan import Risk
from autopilot.incident.ports import Failure
from autopilot.remediation.base import Tool
from autopilot.remediation.catalogue import build_catalogue
from autopilot.settings import Aws, GitHub, Jira, Pager, ServiceNow, Settings
from autopilot.settings_systems import (
    Alertmanager,
    Automation,
    Bitbucket,
    Datadog,
    GitLab,
    HttpRunbook,
    Kubernetes,
    LaunchDarkly,
    PagerDutyApi,
    Runbooks,
    Tools,
    Unleash,
)

Sections = Mapping[str, Any]
"""Section of the settings → its value."""

_SECRET, _URL, _REPOSITORY = SecretStr("placeholder"), "https://placeholder.invalid", {"service": "owner/name"}

NOTHING: Sections = {
    "aws": None, "github": None, "gitlab": None, "bitbucket": None, "servicenow": None, "jira": None, "pager": None,
    "kubernetes": None, "launchdarkly": None, "unleash": None, "datadog": None, "alertmanager": None,
    "pagerduty": None, "runbooks": Runbooks(), "tools": Tools(),
}  # fmt: skip
"""Settings under which no tool exists."""
_TICKETS: Sections = {
    "servicenow": ServiceNow(base_url=_URL, user="u", password=_SECRET),
    "jira": Jira(base_url=_URL, user="u", token=_SECRET, project="P", write=True),
}
_READ_ONLY: Sections = {
    "github": GitHub(repositories=_REPOSITORY, token=_SECRET),
    "gitlab": GitLab(projects=_REPOSITORY, token=_SECRET),
    "bitbucket": Bitbucket(repositories=_REPOSITORY, token=_SECRET),
}
NEEDED: Mapping[str, Sections] = {
    "aws": {"aws": Aws()},
    "aws.flag_prefixes": {"aws": Aws(flag_prefixes=("/flags",))},
    "github.write_token": {"github": GitHub(repositories=_REPOSITORY, write_token=_SECRET)},
    "gitlab.write_token": {"gitlab": GitLab(projects=_REPOSITORY, write_token=_SECRET)},
    "bitbucket.write_token": {"bitbucket": Bitbucket(repositories=_REPOSITORY, write_token=_SECRET)},
    "a code host that may only be read": _READ_ONLY,
    "servicenow.write or jira.write": _TICKETS,
    "pager": {"pager": Pager(routing_key=_SECRET)},
    "kubernetes.write_token": {"kubernetes": Kubernetes(base_url=_URL, write_token=_SECRET)},
    "launchdarkly.write_token": {"launchdarkly": LaunchDarkly(project="p", write_token=_SECRET)},
    "unleash.write_token": {"unleash": Unleash(base_url=_URL, write_token=_SECRET)},
    "alertmanager.silence": {"alertmanager": Alertmanager(base_url=_URL, silence=True)},
    "datadog.write_app_key": {"datadog": Datadog(api_key=_SECRET, write_app_key=_SECRET)},
    "pagerduty.write_token": {"pagerduty": PagerDutyApi(write_token=_SECRET, from_email="a@placeholder.invalid")},
}
"""What a tool may need → settings under which it exists, with placeholders for what only the user knows."""
RUNBOOKS: Mapping[str, Sections] = {
    "runbooks.automation": {
        "aws": Aws(), "runbooks": Runbooks(automation={"NAME": Automation(document="Placeholder")}),
    },
    "runbooks.http": {"runbooks": Runbooks(http={"NAME": HttpRunbook(url=f"{_URL}/do", undo_url=f"{_URL}/undo")})},
}  # fmt: skip
"""The same for tools that only the user can name."""


@dataclass(frozen=True)
class Listed:
    """A tool of the catalogue, and whether the configuration enables it."""

    tool: Tool
    enabled: bool
    why_not: str = ""
    """What is missing, or what switches it off; empty for one that is enabled."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.tool.name

    @property
    def facts(self) -> dict[str, str | bool | list[str]]:
        """Name, system, tier, risk, reversible, permissions, enabled, why_not: as `tools --json` prints them."""
        risk: Risk = self.tool.risk
        return {
            "name": self.name,
            "system": self.tool.system,
            "tier": self.tool.tier,
            "risk": risk,
            "reversible": self.tool.reversible,
            "permissions": list(self.tool.permissions),
            "enabled": self.enabled,
            "why_not": self.why_not,
        }


class _Unopened:
    """In place of the case store: tools that are only listed keep nothing."""

    def create(self, incident_id: str, name: str, content: bytes, media_type: str) -> bool:  # noqa: ARG002 - a port
        raise Failure(f"{name} of {incident_id} cannot be kept: the tools were only listed.", who="developer")


def listed_tools(settings: Settings) -> tuple[Tool, ...]:
    """The tools that settings enable, to be listed and not to be run; nothing is contacted."""
    aws = AwsClients(settings.aws) if settings.aws else None
    pager = PagerDuty(settings.pager) if settings.pager else None
    return build_catalogue(settings, aws, ticket_systems(settings), pager, _Unopened()).tools


def overview(settings: Settings, needed: Mapping[str, Sections] = NEEDED) -> tuple[Listed, ...]:
    """Every tool by name: as configured where it is, else over placeholders, with what it lacks."""
    rows = dict[str, Listed]()
    for need, sections in needed.items():
        placeholders = settings.model_copy(update={**NOTHING, **sections})
        for tool in listed_tools(placeholders):
            rows.setdefault(tool.name, Listed(tool, enabled=False, why_not=f"needs {need}"))
    for listed in _configured(settings):
        rows[listed.name] = listed
    return tuple(rows[name] for name in sorted(rows))


def _configured(settings: Settings) -> Iterator[Listed]:
    present = {tool.name for tool in listed_tools(settings)}
    for tool in listed_tools(settings.model_copy(update={"tools": Tools()})):
        on = tool.name in present
        yield Listed(tool, on, "" if on else "switched off by tools.enabled or tools.disabled")
