"""Names of data sources in playbooks, in our spelling and in the camelCase of others, and what they stand for."""

import re
from difflib import get_close_matches

from autopilot.incident.sources import EVIDENCE


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold().removeprefix("aws").removeprefix("amazon"))


_MEANT: dict[str, tuple[str, ...]] = {
    **{_plain(name): (name,) for name in EVIDENCE},
    "cloudwatch": ("cloudwatch", "cloudwatch_alarms", "cloudwatch_logs"),
    "cloudwatchmetrics": ("cloudwatch",),
    "metrics": ("cloudwatch",),
    "cloudwatchlogsinsights": ("cloudwatch_logs",),
    "logs": ("cloudwatch_logs",),
    "alarms": ("cloudwatch_alarms",),
    "xraytraces": ("xray",),
    "traces": ("xray",),
    "cloudtrailevents": ("cloudtrail",),
    "auditlogs": ("cloudtrail",),
    "git": ("github", "gitlab", "bitbucket"),
    "commits": ("github", "gitlab", "bitbucket"),
    "gitcommits": ("github", "gitlab", "bitbucket"),
    "githubcommits": ("github",),
    "githubdeployments": ("github",),
    "githubactions": ("github",),
    "deployments": ("github", "gitlab", "bitbucket", "cloudtrail"),
    "deploymenthistory": ("github", "gitlab", "bitbucket", "cloudtrail"),
    "servicenowincidents": ("servicenow",),
    "jiraissues": ("jira",),
    "tickets": ("servicenow", "jira"),
    "pastincidents": ("servicenow", "jira"),
    "incidenthistory": ("servicenow", "jira"),
}
ALWAYS_ASKED = (
    "lambda", "api_gateway", "dynamodb", "ecs", "eks", "rds", "autoscaling", "scheduler", "ssm_flags", "elb",
    "autoscaling_groups", "ec2", "kubernetes", "knowledge", "notes", "launchdarkly", "unleash", "inventory",
    "topology",
)  # fmt: skip
_ALWAYS = {_plain(name) for name in ALWAYS_ASKED}


def meant(name: str) -> tuple[str, ...] | None:
    """The sources that a name stands for; None when it is not known."""
    plain = _plain(name)
    return _MEANT.get(plain) or ((plain,) if plain in _ALWAYS else None)


def resembles(name: str) -> str:
    """The known name that somebody probably wanted to write; empty when there is none."""
    found = get_close_matches(_plain(name), [*_MEANT, *_ALWAYS], 1, cutoff=0.8)
    return found[0] if found else ""
