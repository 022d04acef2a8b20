"""Feature flags for fewer people: the percentage of a gradual rollout."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from autopilot.incident.base import Scalar
from autopilot.incident.plan import DryRun, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Refusal, Tool
from autopilot.remediation.cloud import changed_lines
from autopilot.remediation.evidence import evidence, expected
from autopilot.remediation.feature_flags import FlagTool, systems
from autopilot.remediation.parts import Parts
from autopilot.remediation.web import asking

ROLLS: Mapping[str, str] = {"launchdarkly": "updateFallthrough", "unleash": "UPDATE_FEATURE_STRATEGY"}
FEW = 0.1
"""Share of those who have it that keep it while it is limited."""


def whole(percent: float) -> int | float:
    """A percentage as people write it: whole numbers without a point."""
    return int(percent) if float(percent).is_integer() else round(percent, 3)


class Share(Arguments):
    """The share, in percent, of those without a rule of their own that get the flag, and of what it is a share."""

    percent: float = Field(ge=0, le=100)
    of: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9/_-]+$")


class LimitRollout(FlagTool):
    """Gives a flag to fewer people, without turning it off for all."""

    verb = "set_rollout"
    takes: ClassVar[type[Arguments]] = Share

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """A tenth of the present share, where that is one number; fits less than turning it off."""
        how_well, percent = self._suspected(item, context), item.settings.get("percent")
        of = str(item.settings.get("of") or "")
        if how_well <= 0 or not of or not isinstance(percent, int | float) or percent <= 1:
            return ()
        fewer = max(1, round(percent * FEW))
        step = self._step(
            item,
            f"Give flag {item.name} to {fewer}% instead of {whole(percent)}%",
            {"percent": fewer, "of": of},
            {"percent": f"percent {percent}; a tenth", "of": "of"},
        )
        effect = expected(context, f"{item.service} suffers from {item.name} for few only", 120.0)
        why = f"{item.name} is given to {whole(percent)}%"
        cited = evidence(item, context, self.addresses)
        return (self._offer(step, effect, why, cited, round(how_well * 0.8, 3)),)

    def inspect(self, step: Step) -> TargetState:
        """The share, as long as it is one number."""
        try:
            flag = self._now(step)
        except Missing:
            return self._gone(step)
        share: dict[str, Scalar] = {"percent": flag.percent, "of": flag.of, "note": flag.note}
        return self._state(step, flag, share)

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted share."""
        wanted = Share.model_validate(step.arguments)
        settings = before.settings | {"percent": whole(wanted.percent), "of": wanted.of}
        return before.model_copy(update={"settings": settings})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the flag is still divided as the step says."""
        wanted = Share.model_validate(step.arguments)
        if problem := _not_divided(before.settings, wanted):
            return DryRun(feasible=False, reason=problem)
        off = () if before.observed.get("on") else ("the flag is off: nobody has it now",)
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"requests of {step.service} by people without a rule of their own",
            cost="none",
            warnings=(*off, "whether approvals are required there is found out by sending"),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set the share; setting it twice is the same."""
        wanted, flag = Share.model_validate(step.arguments), self._now(step)
        if problem := _not_divided({"percent": flag.percent, "of": flag.of, "note": flag.note}, wanted):
            raise Refusal(f"flag {flag.key}: {problem}")
        with asking(f"flag {flag.key}", self._needs):
            self._system.roll(flag, wanted.percent, self._why(step, key))
        return "done", f"flag {flag.key} is given to {whole(wanted.percent)}%"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The share it had."""
        had = before.settings.get("percent")
        if had is None:
            return None
        summary = f"Give flag {self._key(step)} to {had}% again"
        return self._back(step, summary, {"percent": had, "of": before.settings.get("of")})


def _not_divided(settings: Mapping[str, Scalar], wanted: Share) -> str:
    """Why a share cannot be set; empty when it can."""
    if settings.get("percent") is None:
        return f"there is no one share to set: {settings.get('note')}"
    return "" if settings.get("of") == wanted.of else "its rollout is of something else now"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return tuple(LimitRollout(system, ROLLS[system.name]) for system in systems(parts))
