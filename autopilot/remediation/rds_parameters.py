"""RDS: how many connections a database takes, and how long an idle transaction may hold one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Refusal, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import blamed, evidence, expected, fit
from autopilot.remediation.parts import Parts
from autopilot.sources.rds_parameters import DEFAULTS, group_names, parameters_of

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBInstanceTypeDef, ParameterOutputTypeDef, ParameterTypeDef

GROUP = arn("rds", r"pg:(?P<group>[a-zA-Z][a-zA-Z0-9.-]{0,254})")
MORE = 1.5
"""How many times as many connections: each costs the server memory, so it is no multiple."""
IDLE_MS = 60_000
"""How long a transaction may do nothing before its connection is taken back."""
AT_REBOOT = 0.5
"""Share of its fit that a change keeps which helps only after a restart."""
CONNECTIONS: frozenset[CauseKind] = frozenset({"connection_pool"})


class PoolParameter(Arguments):
    """A parameter's value, or (`reset`) the engine's default, which is that value."""

    parameter: Literal["max_connections", "idle_in_transaction_session_timeout"]
    value: str = Field(pattern=r"^[A-Za-z0-9{}()/*+,._ -]*$", max_length=200)
    reset: bool = False

    @model_validator(mode="after")
    def _something(self) -> "PoolParameter":
        if not self.value and not self.reset:
            raise ValueError("name a value")
        return self


@dataclass(frozen=True)
class _Idea:
    """A value that would help."""

    parameter: str
    value: int
    made: str
    """How the value was made."""
    why: str
    addresses: frozenset[CauseKind]


class SetPoolParameter(AwsTool):
    """Sets a connection parameter in a custom parameter group, for every instance that uses the group."""

    name: str = "rds.set_parameter"
    system: str = "rds"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = (
        "rds:DescribeDBParameters",
        "rds:DescribeDBInstances",
        "rds:ModifyDBParameterGroup",
        "rds:ResetDBParameterGroup",
    )
    takes: ClassVar[type[Arguments]] = PoolParameter
    target = GROUP
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"connection_pool", "lock_contention"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """More connections where they run out; idle transactions ended where they hold connections or locks."""
        if not self._fits(item, "rds_parameter_group"):
            return ()
        ideas = (_more_connections(item, context), _fewer_idle(item))
        return tuple(
            self._candidate(item, context, idea)
            for idea in ideas
            if idea is not None and blamed(item, context, idea.addresses)
        )

    def _candidate(self, item: InventoryItem, context: Context, idea: _Idea) -> Candidate:
        present, value = item.settings.get(idea.parameter), str(idea.value)
        dynamic = item.settings.get(f"{idea.parameter}_apply") == "dynamic"
        later = "" if dynamic else ", from the next reboot on"
        step = self._step(
            item,
            f"Set {idea.parameter} of {item.name} from {present} to {value}{later}",
            {"parameter": idea.parameter, "value": value},
            {"parameter": self._own("its choice"), "value": f"{idea.parameter}; {idea.made}"},
        )
        effect = expected(context, f"{item.settings.get('instances')} has connections for its callers", 300.0)
        cited = evidence(item, context, idea.addresses)
        how_well = fit(item, context, idea.addresses) * (1 if dynamic else AT_REBOOT)
        offer = self._offer(step, effect, idea.why, cited, round(how_well, 3))
        return replace(offer, addresses=idea.addresses, own={**offer.own, "value": (value,)})

    def command(self, step: Step) -> str:
        """`aws rds modify-db-parameter-group …` or `reset-db-parameter-group …`."""
        parts, wanted = self._parts(step), PoolParameter.model_validate(step.arguments)
        where = ("--region", parts["region"], "--db-parameter-group-name", parts["group"])
        query = f"Parameters[?ParameterName=='{wanted.parameter}'].ApplyType | [0]"
        asked = shell("aws", "rds", "describe-db-parameters", *where, "--query", query, "--output", "text")
        method = f"$({asked} | sed s/dynamic/immediate/ | sed s/static/pending-reboot/)"
        name = f"ParameterName={wanted.parameter}" + ("" if wanted.reset else f',ParameterValue="{wanted.value}"')
        verb = "reset" if wanted.reset else "modify"
        change = shell("aws", "rds", f"{verb}-db-parameter-group", *where, "--parameters")
        return f"{change} {shell(name)},ApplyMethod={method}"

    def _parameter(self, step: Step) -> "ParameterOutputTypeDef | None":
        parts, wanted = self._parts(step), PoolParameter.model_validate(step.arguments)
        with asking(f"parameter group {parts['group']}"):
            listing = self._aws.rds(parts["region"]).get_paginator("describe_db_parameters")
            answers = listing.paginate(DBParameterGroupName=parts["group"])
            return next(iter(parameters_of((page["Parameters"] for page in answers), (wanted.parameter,))), None)

    def _users(self, step: Step) -> "list[DBInstanceTypeDef]":
        parts = self._parts(step)
        with asking(f"instances of parameter group {parts['group']}"):
            listing = self._aws.rds(parts["region"]).get_paginator("describe_db_instances").paginate()
            return [i for page in listing for i in page["DBInstances"] if parts["group"] in group_names(i)]

    def inspect(self, step: Step) -> TargetState:
        """The parameter, whether somebody set it, and who uses the group."""
        wanted = PoolParameter.model_validate(step.arguments)
        try:
            parameter = self._parameter(step)
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        users = self._users(step)
        applied = [g.get("ParameterApplyStatus") for user in users for g in user.get("DBParameterGroups", [])]
        found: Mapping[str, Scalar] = (
            {}
            if parameter is None
            else {
                "apply": parameter.get("ApplyType", ""),
                "modifiable": parameter.get("IsModifiable", False),
                "allowed": parameter.get("AllowedValues", ""),
            }
        )
        return TargetState(
            target=step.target,
            settings={
                wanted.parameter: parameter.get("ParameterValue") if parameter else None,
                "customised": parameter.get("Source") == "user" if parameter else None,
            },
            observed={**found, "instances": ", ".join(user.get("DBInstanceIdentifier", "") for user in users)},
            deploying="applying" in applied or any(user.get("DBInstanceStatus") != "available" for user in users),
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted value."""
        wanted = PoolParameter.model_validate(step.arguments)
        settings: dict[str, Scalar] = {wanted.parameter: wanted.value or None, "customised": not wanted.reset}
        return before.model_copy(update={"settings": settings})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the group can be changed, the value is allowed, and when it takes effect."""
        group, wanted = self._parts(step)["group"], PoolParameter.model_validate(step.arguments)
        allowed, apply = str(before.observed.get("allowed") or ""), before.observed.get("apply")
        if group.startswith(DEFAULTS):
            return DryRun(feasible=False, reason=f"{group} is AWS's own group: nobody can change it")
        if before.settings.get("customised") is None or not before.observed.get("modifiable"):
            return DryRun(feasible=False, reason=f"{group} has no {wanted.parameter} that can be changed")
        if wanted.value.isdigit() and not _within(int(wanted.value), allowed):
            return DryRun(feasible=False, reason=f"{wanted.parameter} must be within {allowed}")
        users = str(before.observed.get("instances") or "no instance")
        when = "at once" if apply == "dynamic" else f"only when {users} is rebooted: the parameter is static"
        more = (
            "every connection takes memory of the server"
            if wanted.parameter == "max_connections"
            else "transactions that idle longer are ended, and their work is rolled back"
        )
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"every client of {users}",
            cost="none",
            warnings=(f"it takes effect {when}", more),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set or reset the parameter, at once where the engine allows it."""
        parts, wanted = self._parts(step), PoolParameter.model_validate(step.arguments)
        parameter = self._parameter(step)
        if parameter is None:
            raise Refusal(f"parameter group {parts['group']} has no {wanted.parameter}")
        at_once = parameter.get("ApplyType") == "dynamic"
        change: ParameterTypeDef = {
            "ParameterName": wanted.parameter,
            "ApplyMethod": "immediate" if at_once else "pending-reboot",
        }
        client = self._aws.rds(parts["region"])
        with marking(key), asking(f"parameter group {parts['group']}"):
            if wanted.reset:
                client.reset_db_parameter_group(
                    DBParameterGroupName=parts["group"], ResetAllParameters=False, Parameters=[change]
                )
            else:
                client.modify_db_parameter_group(
                    DBParameterGroupName=parts["group"], Parameters=[{**change, "ParameterValue": wanted.value}]
                )
        return "done", f"{wanted.parameter} of {parts['group']} is {wanted.value}" + (
            "" if at_once else " from the next reboot on"
        )

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The value it had, or the engine's default where nobody had set one."""
        wanted, customised = PoolParameter.model_validate(step.arguments), before.settings.get("customised")
        had = str(before.settings.get(wanted.parameter) or "")
        if customised is None or (customised and not had):
            return None
        arguments: dict[str, Scalar] = {"parameter": wanted.parameter, "value": had, "reset": not customised}
        return self._back(step, f"Put {wanted.parameter} back to {had or 'its default'}", arguments)


def _within(value: int, allowed: str) -> bool:
    """Whether a number is within RDS's `low-high`; any other form says nothing."""
    low, _, high = allowed.partition("-")
    return not (low.isdigit() and high.isdigit()) or int(low) <= value <= int(high)


def _more_connections(item: InventoryItem, context: Context) -> _Idea | None:
    """Half as many again as are allowed; where that is a formula, as were open at the most."""
    present = str(item.settings.get("max_connections") or "")
    names = str(item.settings.get("instances") or "").split(",")
    open_most = [
        f
        for f in context.dossier.findings
        if f.metric is not None and f.metric.name == "DatabaseConnections" and f.observed
        and f.metric.dimensions.get("DBInstanceIdentifier") in names
    ]  # fmt: skip
    if present.isdigit():
        base, made = int(present), "half as many again"
    elif present and open_most:
        top = max(open_most, key=lambda f: f.observed or 0.0)
        base, made = math.ceil(top.observed or 0.0), f"half as many again as were open by {top.id}"
    else:
        return None
    why = f"the connections of {item.settings.get('instances')} run out"
    return _Idea("max_connections", math.ceil(MORE * base), made, why, CONNECTIONS)


def _fewer_idle(item: InventoryItem) -> _Idea | None:
    """One minute, where idle transactions may stay longer or for ever (0)."""
    present = str(item.settings.get("idle_in_transaction_session_timeout") or "")
    if not present.isdigit() or 0 < int(present) <= IDLE_MS:
        return None
    why = f"idle transactions hold connections and locks of {item.settings.get('instances')}"
    addresses = SetPoolParameter.addresses
    return _Idea("idle_in_transaction_session_timeout", IDLE_MS, "one minute", why, addresses)


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (SetPoolParameter(parts.aws),) if parts.aws else ()
