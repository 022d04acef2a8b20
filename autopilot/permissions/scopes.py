"""What the tokens of other systems need, for what is configured: to read, and, apart from that, to act."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autopilot.remediation.base import Tool
from autopilot.remediation.feature_flags import READS as FLAG_READS
from autopilot.remediation.tickets import WRITES as TICKET_WRITES
from autopilot.settings import Settings

READING: Mapping[str, tuple[str, ...]] = {
    "github": ("contents:read", "pull_requests:read", "issues:read", "actions:read", "deployments:read"),
    "gitlab": ("read_api",),
    "bitbucket": ("repository", "pullrequest", "pipeline"),
    "servicenow": ("table:incident.read", "table:problem.read", "table:change_request.read"),
    "jira": ("read:jira-work",),
    "pagerduty": ("REST API key, read-only",),
    "opsgenie": ("API integration with read access",),
    "alertmanager": ("GET /api/v2/silences",),
    **{name: (scope,) for name, scope in FLAG_READS.items()},
}
"""System → what its reading token needs. GitHub: "Permissions required for fine-grained personal access tokens";
GitLab: "Personal access token scopes"; Bitbucket: "Bitbucket OAuth 2.0 scopes"; Jira: "Jira scopes for OAuth 2.0";
ServiceNow: access control rules of the Table API's tables; LaunchDarkly: "Role actions"; Unleash: "Role-based
access control"."""

SPEAKING: Mapping[str, tuple[str, ...]] = {
    "slack": (
        "chat:write", "channels:read", "channels:history", "groups:read", "groups:history", "usergroups:read",
    ),
    "pager": ("Events API v2 routing key",),
}  # fmt: skip
"""System → what it needs that only speaks with people; Slack's are bot scopes. `usergroups:read` resolves groups
that schedules and playbooks name, and can be left out where they name none."""


@dataclass(frozen=True)
class Scopes:
    """What one configured system must allow."""

    system: str
    reading: tuple[str, ...]
    acting: tuple[str, ...]
    """Besides reading; of the writing token where the system has its own. Empty: nothing may be changed there."""

    @property
    def apart(self) -> dict[str, list[str]]:
        """`reading` and `acting`, as they are printed."""
        return {"reading": list(self.reading), "acting": list(self.acting)}


def scopes(settings: Settings, tools: Iterable[Tool]) -> tuple[Scopes, ...]:
    """One row per configured system besides AWS and Kubernetes."""
    stated = _stated(tools)
    if settings.servicenow and settings.servicenow.write:
        stated["servicenow"] = TICKET_WRITES["servicenow"]
    if settings.jira and settings.jira.write:
        stated["jira"] = TICKET_WRITES["jira"]
    found: list[Scopes] = []
    for system in (*SPEAKING, *READING, "datadog"):
        if getattr(settings, system) is None:
            continue
        reading, acting = READING.get(system, ()), SPEAKING.get(system, stated.get(system, ()))
        found.append(Scopes(system, reading, tuple(scope for scope in acting if scope not in reading)))
    found += [Scopes(name, (), acting) for name, acting in stated.items() if name == "http"]
    return tuple(found)


def _stated(tools: Iterable[Tool]) -> dict[str, tuple[str, ...]]:
    """System → what its tools state, without the system's name before it."""
    found: dict[str, tuple[str, ...]] = {}
    for tool in tools:
        for permission in tool.permissions:
            head, _, rest = permission.partition(": ")
            system, scope = (head, rest) if rest else (tool.system, permission)
            if scope in SPEAKING["pager"]:
                continue  # a key of the pager's own, not a right of the REST API
            found[system] = tuple(dict.fromkeys((*found.get(system, ()), scope)))
    return found
