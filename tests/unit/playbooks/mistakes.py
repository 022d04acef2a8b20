"""Mistakes that people make in playbooks and schedules, with what `check` has to say about each."""

from typing import NamedTuple

from tests.unit.playbooks.documents import RESPONSE, SCHEDULE


class Mistake(NamedTuple):
    """One document with one mistake in it."""

    name: str
    document: str
    at: str
    """The first line that is this, or has it in it, is the one to be told."""
    key: str
    remedy: str

    @property
    def line(self) -> int:
        """The line to be told, from 1."""
        rows = self.document.splitlines()
        return 1 + next(
            n for n, row in enumerate(rows) if row == self.at or (self.at not in rows and self.at in row)
        )


def changed(document: str, before: str, after: str) -> str:
    """The document with one part of it replaced."""
    assert document.count(before) == 1, before
    return document.replace(before, after)


def of(document: str, name: str, before: str, after: str, at: str, key: str, remedy: str) -> Mistake:
    """A mistake made by one replacement."""
    return Mistake(name, changed(document, before, after), at, key, remedy)


ONE_SCHEDULE = SCHEDULE[: SCHEDULE.index("  all-else")].replace("checkout, orders", "checkout")
MISTAKES = (
    of(
        RESPONSE,
        "unknown key",
        "maxRounds: 2",
        "maxRound: 2",
        "maxRound:",
        "spec.analysis.maxRound",
        "did you mean 'maxRounds'",
    ),
    of(
        RESPONSE,
        "unknown mode",
        "mode: autonomous",
        "mode: yolo",
        "mode:",
        "spec.mode",
        "'observe', 'advise' or 'autonomous'",
    ),
    of(
        RESPONSE,
        "trigger without name",
        "        name: severity-critical\n",
        "        {}\n",
        "- cloudWatchAlarm:",
        "triggers.0.cloudWatchAlarm.name",
        "add `name:`",
    ),
    of(
        RESPONSE,
        "source of data misspelt",
        "cloudWatchLogs,",
        "cloudWatchLgs,",
        "dataSources",
        "spec.analysis.dataSources",
        "did you mean 'cloudwatchlogs'",
    ),
    of(
        RESPONSE,
        "no such severity",
        "severity: severity-high",
        "severity: severity-huge",
        "severity-huge",
        "spec.triggers.1.severity.0",
        "critical, high",
    ),
    of(
        RESPONSE,
        "no share",
        "threshold: 5%",
        "threshold: lots",
        "lots",
        "spec.actions.autoRollback.threshold",
        "70%",
    ),
    of(
        RESPONSE,
        "share above all",
        "targetCPU: 70%",
        "targetCPU: 170%",
        "targetCPU",
        "spec.actions.autoScale.0.targetCPU",
        "less than or equal to 100",
    ),
    of(
        RESPONSE,
        "scaling of nothing",
        "      service: checkout\n",
        "",
        "autoScale",
        "spec.actions.autoScale.0.service",
        "add `service:`",
    ),
    of(
        RESPONSE,
        "no ticket system",
        "tool: ServiceNow",
        "tool: Excel",
        "Excel",
        "spec.actions.createTicket.tool",
        "serviceNow or jira",
    ),
    of(
        RESPONSE,
        "no risk",
        "maxRisk: medium",
        "maxRisk: huge",
        "maxRisk",
        "spec.actions.grants.0.maxRisk",
        "'low', 'medium' or 'high'",
    ),
    of(
        RESPONSE,
        "no number of times",
        "times: 2,",
        "times: 0,",
        "times: 0",
        "spec.actions.rateLimits.0.times",
        "greater than or equal to 1",
    ),
    of(
        RESPONSE,
        "no time of day",
        "from: 22:00,",
        "from: late,",
        "late",
        "spec.actions.quietHours.0.from",
        "'22:00'",
    ),
    of(
        RESPONSE,
        "no weekday",
        "[fri, Saturday]",
        "[fri, Funday]",
        "Funday",
        "spec.actions.quietHours.0.days.1",
        "mon, tue",
    ),
    of(
        RESPONSE,
        "too many people",
        "people: 2}",
        "people: 9}",
        "people: 9",
        "spec.actions.approvals.0.people",
        "less than or equal to 5",
    ),
    of(RESPONSE, "no duration", "after: 30m", "after: soon", "soon", "spec.actions.escalation.1.after", "30s, 10m"),
    of(
        RESPONSE,
        "no channel",
        "- slack:#incidents",
        "- teams:#incidents",
        "teams:",
        "spec.notifications.channels.0",
        "slack:#name",
    ),
    of(
        RESPONSE,
        "no address",
        "mail:operations@example.com",
        "mail:operations",
        "mail:",
        "spec.notifications.channels.2",
        "mail:team@example.com",
    ),
    of(
        RESPONSE,
        "ladder descends",
        "remind: 5m,",
        "remind: 50m,",
        "ladder:",
        "spec.ladder",
        "remind <= pageSecondary",
    ),
    of(
        RESPONSE,
        "approvers twice",
        "  mode: autonomous\n",
        "  mode: autonomous\n  approvers: [anyone]\n",
        "spec:",
        "spec",
        "keep one of them",
    ),
    of(
        RESPONSE,
        "key twice",
        "  mode: autonomous\n",
        "  mode: autonomous\n  mode: advise\n",
        "mode: advise",
        "mode",
        "remove one",
    ),
    of(RESPONSE, "no name", "  name: checkout-errors\n", "", "metadata:", "metadata.name", "add `name:`"),
    Mistake("unknown part", RESPONSE + "status: {phase: x}\n", "status:", "status", "known here: apiVersion"),
    of(
        RESPONSE,
        "unknown kind",
        "kind: IncidentResponse",
        "kind: IncidentRespons",
        "kind:",
        "kind",
        "did you mean 'IncidentResponse'",
    ),
    of(
        RESPONSE,
        "indentation",
        "    agentEnabled: true",
        "   agentEnabled: true",
        "dataSources",
        "YAML",
        "indentation",
    ),
    of(
        RESPONSE,
        "maintenance without time",
        '    hours: {from: "02:00", to: "03:00"}\n',
        "",
        "maintenance:",
        "spec.maintenance.0",
        "`hours`",
    ),
    of(SCHEDULE, "no date in the map", "week: 2026-11-18", "week: next", "week: next", "1.week", "2026-01-31"),
    of(SCHEDULE, "nobody in the map", "      primary: kim\n", "", '- week: "2026', "0.primary", "add `primary:`"),
    of(
        SCHEDULE,
        "unknown key in the map",
        "repeatWeeks: 1",
        "repeatWeek: 1",
        "repeatWeek",
        "1.repeatWeek",
        "did you mean 'repeatWeeks'",
    ),
    of(
        SCHEDULE,
        "indentation in the map",
        "      - primary: noor",
        "     - primary: noor\n     ?x",
        "?x",
        "YAML",
        "indentation",
    ),
    Mistake("no schedule in the map", SCHEDULE[: SCHEDULE.index("  schedule.yaml")], "data:", "data", "add a key"),
    of(
        SCHEDULE,
        "no text in the map",
        "  all-else.yaml: |\n",
        "  all-else.yaml:\n",
        "all-else",
        "data.all-else.yaml",
        "below `|`",
    ),
    of(
        ONE_SCHEDULE,
        "date that nobody covers",
        "      repeatWeeks: 1\n",
        "",
        "- week: 2026-11-18",
        "1",
        "`repeatWeeks`",
    ),
    of(
        SCHEDULE,
        "ends before it begins",
        "to: 2026-11-20T20:00:00",
        "to: 2026-11-19T20:00:00",
        "- from:",
        "overrides.0",
        "exchange `from` and `to`",
    ),
    of(
        SCHEDULE,
        "zone of the map",
        "timezone: Europe/Berlin",
        "timezone: Berlin",
        "timezone:",
        "timezone",
        "Europe/Berlin or UTC",
    ),
)
