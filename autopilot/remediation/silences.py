"""Silences with an end, for the time in which a remedy itself makes alarms. Their undo is to end them at once.

They change nobody's health, so they address no cause and are never offered by themselves: whoever plans adds one
to an option. A silence is never without an end, matches one service exactly, and says in its comment which incident
and step it belongs to; by that comment a repeated call finds it again.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field

from autopilot.clients.silences import (
    AlertmanagerSilences,
    DatadogDowntimes,
    PagerDutyWindows,
    Silence,
    SilenceSystem,
)
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Effect, Missing, Nothing, RepeatGuard, Tool, argument_problem
from autopilot.remediation.cloud import now
from autopilot.remediation.parts import Parts
from autopilot.remediation.people import incident_of
from autopilot.remediation.tool import BaseTool
from autopilot.remediation.web import asking
from autopilot.settings import Settings

MOST_MINUTES, USUAL_MINUTES = 120, 30
NAMES: Mapping[str, tuple[str, str]] = {
    "alertmanager": ("silence", "expire_silence"),
    "datadog": ("downtime", "cancel_downtime"),
    "pagerduty": ("maintenance_window", "end_maintenance_window"),
}
"""System → what making and what ending one is called there."""
NEEDS: Mapping[str, str] = {
    "alertmanager": "alertmanager: POST /api/v2/silences",
    "datadog": "monitors_downtime",
    "pagerduty": "pagerduty: REST API key with write access",
}


class _SilenceTool(BaseTool):
    """What making and ending share: targets such as `datadog:checkout`."""

    tier: Literal["A", "B"] = "B"
    risk: Risk = "medium"
    repeat_guard: RepeatGuard = "token"
    permissions: tuple[str, ...]

    def __init__(self, silences: SilenceSystem, verb: str) -> None:
        """`verb` is how the tool is called in its system."""
        self._silences = silences
        self.system: str = silences.name
        self.name: str = f"{silences.name}.{verb}"
        self.permissions = (NEEDS[silences.name],)

    def problem(self, step: Step) -> str:
        """Why target or arguments do not fit; empty when they do."""
        if not step.service or step.target != f"{self.system}:{step.service}":
            return f"{step.target!r} is not {self.system}:{step.service or 'SERVICE'}"
        return self._silences.problem(step.service) or argument_problem(self.takes, step)

    def command(self, step: Step) -> str:
        """Words for a person: silences are made in the system's own page."""
        return f"In {self.system}: {step.summary} ({self._silences.matcher(step.service)})"

    def inspect(self, step: Step) -> TargetState:
        """Nothing that a step depends on; what is silenced already is told."""
        with asking(f"silences of {step.service}", NEEDS[self.system]):
            active = self._silences.active(step.service)
        ends = [s.until for s in active if s.until]
        return TargetState(
            target=step.target,
            observed={"active": len(active), "until": f"{max(ends):%Y-%m-%d %H:%M} UTC" if ends else ""},
            health="silenced" if active else "not silenced",
            observed_at=now(),
        )

    def _made_by(self, step: Step, key: str) -> Silence | None:
        """The silence in force that a step with this key made."""
        with asking(f"silences of {step.service}", NEEDS[self.system]):
            active = self._silences.active(step.service)
        return next((s for s in active if f"[{key}]" in s.comment), None)


class Minutes(Arguments):
    """How long it lasts."""

    minutes: int = Field(default=USUAL_MINUTES, ge=1, le=MOST_MINUTES)


class MakeSilence(_SilenceTool):
    """Keeps alerts of one service from reaching people, for half an hour unless said otherwise."""

    takes: ClassVar[type[Arguments]] = Minutes

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """It can always be tried; what it hides is said."""
        minutes = Minutes.model_validate(step.arguments).minutes
        besides = (
            (f"{before.observed['active']} silences of it are in force",) if before.observed.get("active") else ()
        )
        return DryRun(
            feasible=True,
            changes=(f"silenced: {self._silences.matcher(step.service)} for {minutes} minutes",),
            reach=f"everybody who is alerted by {step.service}; the service itself is not changed",
            cost="none",
            warnings=(f"whatever else happens to {step.service} reaches nobody through {self.system}", *besides),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Make it with its end; a repeated call finds the one that it made."""
        if (made := self._made_by(step, key)) is not None:
            return "already", f"silence {made.id} of this step is in force"
        until = now() + timedelta(minutes=Minutes.model_validate(step.arguments).minutes)
        with asking(f"silence of {step.service}", NEEDS[self.system]):
            number = self._silences.hold(step.service, until, f"AIOps Auto Pilot, {incident_of(key)} [{key}]")
        return "done", f"{step.service} is silenced in {self.system} until {until:%H:%M} UTC ({number})"

    def undo(self, step: Step, before: TargetState) -> Step | None:  # noqa: ARG002 - it ends, whatever was before
        """End it now."""
        back = self._back(step, f"End the silence of {step.service}", {})
        back = back.model_copy(update={"tool": f"{self.system}.{NAMES[self.system][1]}"})
        return back.model_copy(update={"command": self.command(back)})


class EndSilence(_SilenceTool):
    """Ends the silence that a step made. Only ever its undo."""

    risk: Risk = "low"
    reversible: bool = False
    takes: ClassVar[type[Arguments]] = Nothing

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Alerts are heard again."""
        return DryRun(
            feasible=True,
            changes=(f"silenced: {self._silences.matcher(step.service)} → no more",),
            reach=f"everybody who is alerted by {step.service}",
            cost="none",
            warnings=() if before.observed.get("active") else ("none is in force any more",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """End it; one that has ended by itself is left alone."""
        made = self._made_by(step, key.removesuffix("/undo") + "/do" if key.endswith("/undo") else key)
        if made is None:
            return "already", f"no silence of {step.service} that this step made is in force"
        try:
            with asking(f"silence {made.id}", NEEDS[self.system]):
                self._silences.release(made.id)
        except Missing:
            return "already", f"silence {made.id} has ended"
        return "done", f"silence {made.id} of {step.service} is ended"


def systems(settings: Settings) -> tuple[SilenceSystem, ...]:
    """The configured systems in which silences may be made."""
    found: list[SilenceSystem] = []
    if settings.alertmanager and settings.alertmanager.silence:
        found.append(AlertmanagerSilences(settings.alertmanager))
    if settings.datadog and settings.datadog.api_key and settings.datadog.write_app_key:
        found.append(DatadogDowntimes(settings.datadog, settings.datadog.write_app_key))
    if settings.pagerduty and settings.pagerduty.write_token and settings.pagerduty.from_email:
        found.append(PagerDutyWindows(settings.pagerduty, settings.pagerduty.write_token))
    return tuple(found)


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return tuple(
        tool(system, verb)
        for system in systems(parts.settings)
        for tool, verb in zip((MakeSilence, EndSilence), NAMES[system.name], strict=True)
    )
