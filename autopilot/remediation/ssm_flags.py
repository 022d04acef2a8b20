"""Feature flags in SSM parameters: back to a former value, or a smaller reach (percentage, regions, off)."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, TypedDict

from pydantic import Field

from autopilot.clients.aws import AwsClients, marking
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import UNPROVEN_FIT, evidence, expected, fit
from autopilot.remediation.flags import FLAG_CAUSES, SMALL_PERCENT, Blame, blame
from autopilot.remediation.parts import Parts
from autopilot.sources.flag_value import facets, narrower, rewritten
from autopilot.sources.ssm_flags import MAX_VALUE, change_id

if TYPE_CHECKING:
    from mypy_boto3_ssm.type_defs import ParameterHistoryTypeDef

PARAMETER = arn("ssm", r"parameter(?P<name>/[\w.-]+(/[\w.-]+)*)")


class _Kept(TypedDict, total=False):
    """Optional fields of PutParameter."""

    Description: str
    AllowedPattern: str


class Value(Arguments):
    """The whole value of the parameter."""

    value: str = Field(min_length=1, max_length=MAX_VALUE)


class _FlagTool(AwsTool):
    """What the tools on flags share: they differ in what they offer."""

    system: str = "ssm"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = ("ssm:GetParameterHistory", "ssm:PutParameter")
    takes: ClassVar[type[Arguments]] = Value
    target = PARAMETER
    addresses: ClassVar[frozenset[CauseKind]] = FLAG_CAUSES

    def __init__(self, clients: AwsClients, prefixes: tuple[str, ...]) -> None:
        """Only parameters below the prefixes are flags."""
        super().__init__(clients)
        self._prefixes = tuple(prefix.rstrip("/") + "/" for prefix in prefixes)

    def problem(self, step: Step) -> str:
        """Also why the parameter is no flag."""
        if found := super().problem(step):
            return found
        name = self._parts(step)["name"]
        return "" if name.startswith(self._prefixes) else f"{name} is not below {', '.join(self._prefixes)}"

    def _blame(self, item: InventoryItem, context: Context) -> Blame | None:
        version = item.settings.get("version")
        if not self._fits(item, "ssm_flag") or not item.versions or not isinstance(version, int):
            return None
        change = change_id(str(item.settings.get("parameter")), version)
        return blame(item, context, change, item.versions[0].get("created_at"))

    def _set(
        self, item: InventoryItem, context: Context, why: Blame, value: str, summary: str, made: str
    ) -> Candidate:
        """A candidate that sets a value; `made`: how it was made of the present one or found in the history."""
        step = self._step(item, summary, {"value": value}, {"value": f"value; {made}"})
        effect = expected(context, f"{item.service} behaves as before flag {item.name} was changed", 180.0)
        cited = evidence(item, context, self.addresses, why.finding_ids)
        offer = self._offer(step, effect, why.clause(item.name), cited, fit(item, context, self.addresses))
        return replace(offer, own={"value": (value,)})

    def command(self, step: Step) -> str:
        """`aws ssm put-parameter …`."""
        parts, wanted = self._parts(step), Value.model_validate(step.arguments).value
        return shell(
            "aws", "ssm", "put-parameter", "--region", parts["region"], "--name", parts["name"], "--value", wanted,
            "--type", "String", "--overwrite",
        )  # fmt: skip

    def _latest(self, region: str, name: str) -> "ParameterHistoryTypeDef":
        with asking(f"parameter {name}"):
            pages = self._aws.ssm(region).get_paginator("get_parameter_history").paginate(Name=name)
            return max((v for page in pages for v in page["Parameters"]), key=lambda v: v.get("Version", 0))

    def inspect(self, step: Step) -> TargetState:
        """The value, as long as it can be one of a flag."""
        parts = self._parts(step)
        try:
            latest = self._latest(parts["region"], parts["name"])
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        plain, value = latest.get("Type") == "String", latest.get("Value", "")
        fits = plain and len(value) <= MAX_VALUE
        return TargetState(
            target=step.target,
            settings={"value": value if fits else None},
            observed={
                "version": latest.get("Version"),
                "type": latest.get("Type", ""),
                "policies": len(latest.get("Policies", [])),
            },
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted value."""
        return before.model_copy(update={"settings": {"value": Value.model_validate(step.arguments).value}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether it is a plain flag, and what of it changes."""
        name, wanted = self._parts(step)["name"], Value.model_validate(step.arguments).value
        present = before.settings.get("value")
        if present is None:
            kind = before.observed.get("type")
            longer = f"longer than {MAX_VALUE} characters" if kind == "String" else f"a {kind}"
            return DryRun(feasible=False, reason=f"{name} is {longer}: no flag that a tool changes")
        if before.observed.get("policies"):
            return DryRun(feasible=False, reason=f"{name} has policies, which a new value would drop")
        was, will = facets(str(present)), facets(wanted)
        told = changed_lines(was, will) if was.keys() == will.keys() else ()
        return DryRun(
            feasible=True,
            changes=told or changed_lines(before.settings, {"value": wanted}),
            reach=f"whatever reads flag {name}",
            cost="none",
            warnings=("it is seen when its readers refresh what they keep of it",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Write the value, with everything else as the present version has it."""
        parts, wanted = self._parts(step), Value.model_validate(step.arguments).value
        latest = self._latest(parts["region"], parts["name"])
        if latest.get("Value") == wanted:
            return "already", f"flag {parts['name']} has this value already"
        with marking(key), asking(f"parameter {parts['name']}"):
            answer = self._aws.ssm(parts["region"]).put_parameter(
                Name=parts["name"],
                Value=wanted,
                Type="String",
                Overwrite=True,
                Tier=latest.get("Tier", "Standard"),
                DataType=latest.get("DataType", "text"),
                **_kept(latest),
            )
        version = answer.get("Version", 0)
        between = "" if version == latest.get("Version", 0) + 1 else "; somebody else wrote it in between"
        return "done", f"flag {parts['name']} is at version {version}{between}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The value it had."""
        had = before.settings.get("value")
        return self._back(step, f"Set {self._parts(step)['name']} back to {had}", {"value": had}) if had else None


def _kept(latest: "ParameterHistoryTypeDef") -> "_Kept":
    """What a new version loses unless it is named again."""
    kept: _Kept = {}
    if description := latest.get("Description"):
        kept["Description"] = description
    if pattern := latest.get("AllowedPattern"):
        kept["AllowedPattern"] = pattern
    return kept


class RestoreFlag(_FlagTool):
    """Sets a flag to the value of a former version."""

    name: str = "ssm.restore_flag"

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The value before the last change that made a difference."""
        why, present = self._blame(item, context), item.settings.get("value")
        former = next((v for v in item.versions[1:] if v.get("description") != present), None)
        if why is None or present is None or former is None or not former.get("description"):
            return ()
        value, version = str(former["description"]), former.get("version")
        summary = f"Set flag {item.name} back to version {version}: {value[:120]}"
        offer = self._set(item, context, why, value, summary, f"as in version {version} of its history")
        if why.proven:
            return (offer,)
        return (replace(offer, unproven=True, fit=round(offer.fit * UNPROVEN_FIT, 3)),)


class NarrowFlag(_FlagTool):
    """Gives a flag a smaller reach: without the regions in trouble, for fewer requests, or off."""

    name: str = "ssm.narrow_flag"

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Without the regions that are hit, else a small percentage, else off."""
        why, present = self._blame(item, context), item.settings.get("value")
        less = narrower(item.settings, context.dossier.impact.regions, SMALL_PERCENT)
        if why is None or present is None or not less:
            return ()
        told = ", ".join(f"{name} {item.settings.get(name)} → {value}" for name, value in less.items())
        value = rewritten(str(present), less)
        offer = self._set(item, context, why, value, f"Narrow flag {item.name}: {told}", "with a smaller reach")
        return (replace(offer, fit=round(offer.fit * 0.9, 3)),)


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    prefixes = parts.settings.aws.flag_prefixes if parts.settings.aws else ()
    return (RestoreFlag(parts.aws, prefixes), NarrowFlag(parts.aws, prefixes)) if parts.aws and prefixes else ()
