"""Feature flags: off, and on again as the undo. Only flags that the settings list for the service.

LaunchDarkly and Unleash have no precondition for a change, so two changes within the same moment cannot be told
apart there: what was read just before sending is all that is compared.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

from autopilot.clients.flags import FlagNow, FlagSystem
from autopilot.clients.launchdarkly import LaunchDarklyFlags
from autopilot.clients.unleash import UnleashFlags
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import (
    Arguments,
    Candidate,
    Context,
    Effect,
    InventoryItem,
    Missing,
    Nothing,
    Tool,
    argument_problem,
)
from autopilot.remediation.cloud import changed_lines, now
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts
from autopilot.remediation.tool import BaseTool
from autopilot.remediation.web import asking

READS: Mapping[str, str] = {
    "launchdarkly": "viewProject",
    "unleash": "access to the project",
}
SWITCHES: Mapping[str, str] = {"launchdarkly": "updateOn", "unleash": "UPDATE_FEATURE_ENVIRONMENT"}
OTHER_FLAG = 0.6
"""Share of its fit that a flag keeps when the service is suspected and not the flag itself."""


class FlagTool(BaseTool):
    """What the tools on flags share: targets such as `unleash:shop/production/new-checkout`."""

    tier: Literal["A", "B"] = "B"
    risk: Risk = "low"
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"config_change", "bad_deploy"})
    permissions: tuple[str, ...]
    verb: ClassVar[str]

    def __init__(self, system: FlagSystem, needs: str) -> None:
        """`needs` is the permission that the change takes."""
        self._system, self._needs = system, needs
        self.system: str = system.name
        self.name: str = f"{system.name}.{self.verb}"
        self.permissions = (READS[system.name], needs)

    def problem(self, step: Step) -> str:
        """Why target or arguments do not fit; empty when they do."""
        allowed = self._system.flags.get(step.service, ())
        if step.target not in {self._target(key) for key in allowed}:
            return f"{step.target!r} is not a flag that the settings list for {step.service!r}"
        return argument_problem(self.takes, step)

    def command(self, step: Step) -> str:
        """Words for a person: flags are changed in the system's own page."""
        return f"In {self.system}, {self._system.place}: {step.summary}"

    def _target(self, key: str) -> str:
        return f"{self.system}:{self._system.place}/{key}"

    def _key(self, step: Step) -> str:
        return step.target.removeprefix(self._target(""))

    def _now(self, step: Step) -> FlagNow:
        with asking(f"flag {self._key(step)}", READS[self.system]):
            return self._system.read(self._key(step))[0]

    def _state(self, step: Step, flag: FlagNow, settings: Mapping[str, Scalar]) -> TargetState:
        return TargetState(
            target=step.target,
            exists=not flag.archived,
            settings=dict(settings),
            observed={"on": flag.on, "percent": flag.percent},
            health="on" if flag.on else "off",
            observed_at=now(),
        )

    def _gone(self, step: Step) -> TargetState:
        return TargetState(target=step.target, exists=False, observed_at=now())

    def _suspected(self, item: InventoryItem, context: Context) -> float:
        """How well switching this flag fits: fully when it is itself suspected, less when its service is."""
        ours = item.kind == "feature_flag" and item.settings.get("on") is True
        if not ours or item.resource not in {self._target(k) for k in self._system.flags.get(item.service, ())}:
            return 0.0
        how_well = fit(item, context, self.addresses)
        names = {item.resource, item.name}
        itself = any(s.resource in names and s.cause_kind in self.addresses for s in context.dossier.suspects)
        return how_well if itself else round(how_well * OTHER_FLAG, 3) if how_well > 0.3 else 0.0

    def _why(self, step: Step, key: str) -> str:
        return f"AIOps Auto Pilot: {step.summary} ({key})"


class Switch(FlagTool):
    """Turns a flag off in one environment, for everybody at once."""

    verb = "turn_off"
    takes: ClassVar[type[Arguments]] = Nothing
    on: ClassVar[bool] = False

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """For a listed flag that is on, when it or its service is suspected of a bad change."""
        how_well = self._suspected(item, context)
        if how_well <= 0:
            return ()
        step = self._step(item, f"Turn flag {item.name} off", {}, {})
        effect = expected(context, f"{item.service} behaves as without {item.name}", 120.0)
        why = f"{item.name} is on and can be taken back without a deployment"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), how_well),)

    def inspect(self, step: Step) -> TargetState:
        """Whether it is on."""
        try:
            flag = self._now(step)
        except Missing:
            return self._gone(step)
        return self._state(step, flag, {"on": flag.on})

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - it takes no arguments
        """Off, or on."""
        return before.model_copy(update={"settings": {"on": self.on}, "health": "on" if self.on else "off"})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whoever has it loses it at once."""
        share = before.observed.get("percent")
        who = (
            "everybody whom it is given to" if share is None else f"{share}% and everybody with a rule of their own"
        )
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"requests of {step.service} by {who}",
            cost="none",
            warnings=(
                "flags that have it as a prerequisite change as well",
                "whether approvals are required there is found out by sending",
            ),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Switch it; switching twice is the same."""
        flag = self._key(step)
        with asking(f"flag {flag}", self._needs):
            self._system.switch(flag, self.on, self._why(step, key))
        return "done", f"flag {flag} is {'on' if self.on else 'off'}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The other switch."""
        other = "turn_off" if self.on else "turn_on"
        summary = f"Turn flag {self._key(step)} {'off' if self.on else 'on'} again"
        back = step.model_copy(update={"tool": f"{self.system}.{other}", "summary": summary})
        return back.model_copy(update={"command": self.command(back)}) if before.exists else None


class SwitchOn(Switch):
    """Turns a flag on again. Only ever the undo of turning it off."""

    verb = "turn_on"
    on: ClassVar[bool] = True
    addresses: ClassVar[frozenset[CauseKind]] = frozenset()

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:  # noqa: ARG002
        """None: it is not offered by itself."""
        return ()


def systems(parts: Parts) -> tuple[FlagSystem, ...]:
    """The configured systems as ones that may be changed."""
    found: list[FlagSystem] = []
    launchdarkly, unleash = parts.settings.launchdarkly, parts.settings.unleash
    if launchdarkly and launchdarkly.write_token:
        found.append(LaunchDarklyFlags(launchdarkly, launchdarkly.write_token))
    if unleash and unleash.write_token:
        found.append(UnleashFlags(unleash, unleash.write_token))
    return tuple(found)


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return tuple(tool(system, SWITCHES[system.name]) for system in systems(parts) for tool in (Switch, SwitchOn))
