"""Which alerts a playbook is for. Pure."""

from fnmatch import fnmatchcase

from pydantic import Field

from autopilot.incident.alert import Alert, Severity
from autopilot.incident.base import Model, Name

ALARM_LABEL, SLO_LABEL = "alarm", "slo"
"""The labels of an alert that name the alarm and the objective that fired."""


class Trigger(Model):
    """Every condition that is given must hold; texts are patterns in which `*` stands for anything."""

    alarms: tuple[Name, ...] = ()
    """Names of the alarm, such as a CloudWatch alarm's."""
    alarm_severity: Severity | None = None
    """An alarm whose name is `severity-…` stands for this severity as well."""
    sources: tuple[Name, ...] = ()
    services: tuple[Name, ...] = ()
    environments: tuple[Name, ...] = ()
    severities: tuple[Severity, ...] = ()
    objectives: tuple[Name, ...] = ()
    """Service level objectives."""
    labels: dict[Name, Name] = Field(default={}, max_length=20)

    @property
    def conditions(self) -> int:
        """How much it demands: the playbook that demands most is used."""
        given = (self.alarms, self.sources, self.services, self.environments, self.severities, self.objectives)
        return sum(1 for one in given if one) + len(self.labels)

    def fits(self, alert: Alert) -> bool:
        """Whether an alert meets every condition; a trigger without conditions fits none."""
        return self.conditions > 0 and all((
            not self.alarms or self._alarm(alert),
            _any(self.sources, alert.source),
            _any(self.services, alert.service),
            _any(self.environments, alert.environment),
            not self.severities or alert.severity in self.severities,
            _any(self.objectives, alert.labels.get(SLO_LABEL, "")),
            all(fnmatchcase(alert.labels.get(name, ""), wanted) for name, wanted in self.labels.items()),
        ))  # fmt: skip

    def _alarm(self, alert: Alert) -> bool:
        name = alert.labels.get(ALARM_LABEL) or alert.title
        return alert.severity == self.alarm_severity or _any(self.alarms, name)


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return not patterns or any(fnmatchcase(text.casefold(), pattern.casefold()) for pattern in patterns)
