"""Which of the configured sources are asked about an incident. Pure."""

from collections.abc import Sequence

EVIDENCE = (
    "cloudwatch", "cloudwatch_alarms", "cloudwatch_logs", "cloudtrail", "xray", "github", "gitlab", "bitbucket",
    "servicenow", "jira",
)  # fmt: skip
"""What a playbook may leave out. Sources that list what can be acted on, and our own knowledge, are always asked:
without them no option could be offered."""


def asked(wanted: Sequence[str], configured: Sequence[str]) -> tuple[str, ...]:
    """The configured sources that a playbook's `dataSources` leave; without such a wish, all."""
    return tuple(name for name in configured if not wanted or name in wanted or name not in EVIDENCE)
