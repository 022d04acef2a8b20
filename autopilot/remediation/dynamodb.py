"""DynamoDB: provisioned capacity of a table. Auto scaling of it is in `dynamodb_scaling`."""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from autopilot.clients.aws import AwsClients, marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, findings_on, fit
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling.type_defs import ScalableTargetTypeDef
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

TABLE = arn("dynamodb", r"table/(?P<table>[\w.-]{3,255})")
DEMAND_CAUSES: frozenset[CauseKind] = frozenset(
    {"capacity", "throttled", "traffic_surge", "slow_query", "bad_deploy"}
)

Dimension = Literal["read", "write"]
DIMENSIONS: tuple[Dimension, ...] = ("read", "write")
UNIT_USD_PER_HOUR: dict[Dimension, float] = {"read": 0.00013, "write": 0.00065}
"""List price of one provisioned unit in us-east-1."""
HEADROOM = 1.3
"""Capacity above the demand that was seen."""
STRAINED = 0.7
"""Share of the provisioned capacity from which a side counts as near its limit."""
MOST = 4
"""A step raises capacity at most this many times."""
METRIC_SECONDS = 60.0
"""CloudWatch sums consumed units over this period."""
PER_SECOND = "units per second"
"""The unit of findings about a limit that was reached."""
WRITING = re.compile(r"Write|\b(Put|Update|Delete|TransactWrite)Item")


def table_of(clients: AwsClients, region: str, table: str) -> "TableDescriptionTypeDef":
    """The table as DynamoDB describes it."""
    with asking(f"table {table}"):
        return clients.dynamodb(region).describe_table(TableName=table)["Table"]


def scalable_target(
    clients: AwsClients, region: str, table: str, dimension: Dimension
) -> "ScalableTargetTypeDef | None":
    """The registration of the table's capacity with Application Auto Scaling, if there is one."""
    with asking(f"auto scaling of table {table}"):
        answer = clients.application_autoscaling(region).describe_scalable_targets(
            ServiceNamespace="dynamodb",
            ResourceIds=[f"table/{table}"],
            ScalableDimension=(
                "dynamodb:table:ReadCapacityUnits" if dimension == "read" else "dynamodb:table:WriteCapacityUnits"
            ),
        )
    return next(iter(answer["ScalableTargets"]), None)


def billing(table: "TableDescriptionTypeDef") -> str:
    """PROVISIONED or PAY_PER_REQUEST; tables that never changed it do not say."""
    return table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")


def capacity_of(table: "TableDescriptionTypeDef", dimension: Dimension) -> int:
    """Provisioned units per second."""
    units = table.get("ProvisionedThroughput", {})
    return units.get("ReadCapacityUnits", 0) if dimension == "read" else units.get("WriteCapacityUnits", 0)


def set_units(clients: AwsClients, region: str, name: str, wanted: dict[Dimension, int]) -> bool:
    """Bring a table's capacity to the wanted units; whether anything had to be sent."""
    table = table_of(clients, region, name)
    units: dict[Dimension, int] = {d: wanted.get(d, capacity_of(table, d)) for d in DIMENSIONS}
    if all(capacity_of(table, d) == units[d] for d in DIMENSIONS):
        return False
    with asking(f"table {name}"):
        clients.dynamodb(region).update_table(
            TableName=name,
            ProvisionedThroughput={"ReadCapacityUnits": units["read"], "WriteCapacityUnits": units["write"]},
        )
    return True


def _asked(finding: Finding) -> str:
    """The metric and dimensions that a finding is about; quotients and limits name them in their query."""
    if finding.metric is None:
        return finding.provenance.query
    return f"{finding.metric.name} {finding.metric.dimensions.get('Operation', '')}"


def pressed(item: InventoryItem, context: Context) -> dict[Dimension, list[Finding]]:
    """Which side of a table the findings show under pressure; those that do not say count as reads."""
    sides: dict[Dimension, list[Finding]] = {"read": [], "write": []}
    for finding in findings_on(item, context):
        if finding.direction in ("up", "new"):
            sides["write" if WRITING.search(_asked(finding)) else "read"].append(finding)
    return sides


def demand(findings: Sequence[Finding]) -> float:
    """Units per second that were asked for, as far as findings say: what was consumed and what was refused."""
    consumed, refused = [0.0], [0.0]
    for finding in findings:
        level = finding.observed or 0.0
        if finding.unit == PER_SECOND:
            consumed.append(level)
        elif finding.metric is not None and finding.metric.statistic == "Sum":
            rate = level / METRIC_SECONDS
            if finding.metric.name.startswith("Consumed"):
                consumed.append(rate)
            elif "Throttle" in finding.metric.name:
                refused.append(rate)
    return max(consumed) + max(refused)


def strained(side: Dimension, present: int, findings: Sequence[Finding]) -> bool:
    """Whether a side needs more: refused, near its limit, or (for reads) pressed without a number to tell."""
    needed = demand(findings)
    refused = any("Throttle" in f.metric.name for f in findings if f.metric is not None)
    return refused or needed >= STRAINED * present or (side == "read" and needed == 0)


def next_level(present: int, needed: float) -> int:
    """At least double, with headroom over the demand, at most `MOST` times the present."""
    return min(math.ceil(max(2 * present, HEADROOM * needed)), MOST * present)


class Capacity(Arguments):
    """Provisioned units per second; what is left out stays as it is."""

    read_capacity: int | None = Field(default=None, ge=1, le=1_000_000)
    write_capacity: int | None = Field(default=None, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _something(self) -> "Capacity":
        if not self.wanted:
            raise ValueError("name read_capacity, write_capacity or both")
        return self

    @property
    def wanted(self) -> dict[Dimension, int]:
        """The sides that are set."""
        pairs: tuple[tuple[Dimension, int | None], ...] = (
            ("read", self.read_capacity),
            ("write", self.write_capacity),
        )
        return {side: units for side, units in pairs if units is not None}


class SetCapacity(AwsTool):
    """Sets the provisioned capacity of a table that nothing scales by itself."""

    name: str = "dynamodb.set_capacity"
    system: str = "dynamodb"
    risk: Risk = "low"
    permissions: tuple[str, ...] = (
        "dynamodb:DescribeTable",
        "application-autoscaling:DescribeScalableTargets",
        "dynamodb:UpdateTable",
    )
    takes: ClassVar[type[Arguments]] = Capacity
    target = TABLE
    addresses: ClassVar[frozenset[CauseKind]] = DEMAND_CAUSES

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The next sensible level for each side that findings show under pressure and no controller owns."""
        if not self._fits(item, "dynamodb_table") or item.settings.get("billing_mode") == "PAY_PER_REQUEST":
            return ()
        arguments: dict[str, Scalar] = {}
        sources: dict[str, str] = {}
        ids: list[str] = []
        for side, findings in pressed(item, context).items():
            present = item.settings.get(f"{side}_capacity")
            if (
                not findings
                or not isinstance(present, int)
                or present < 1
                or item.settings.get(f"{side}_autoscaling")
                or not strained(side, present, findings)
            ):
                continue
            arguments[f"{side}_capacity"] = next_level(present, demand(findings))
            sources[f"{side}_capacity"] = f"{side}_capacity {present}; demand by {findings[0].id}"
            ids += [f.id for f in findings]
        if not arguments:
            return ()
        levels = ", ".join(f"{n} {item.settings.get(n)} → {v}" for n, v in arguments.items())
        step = self._step(item, f"Raise {item.name}: {levels}", arguments, sources)
        effect = expected(context, f"{item.name} no longer throttles its callers", 120.0)
        cited = evidence(item, context, frozenset({"capacity", "throttled"}), ids)
        why = f"{item.name} is asked for more than it is provisioned for ({', '.join(ids[:3])})"
        return (self._offer(step, effect, why, cited, fit(item, context, self.addresses)),)

    def command(self, step: Step) -> str:
        """`aws dynamodb update-table …`; the other side is read where it is not set, as AWS wants both."""
        parts, wanted = self._parts(step), Capacity.model_validate(step.arguments).wanted
        where = ("--region", parts["region"], "--table-name", parts["table"])

        def units(side: Dimension) -> str:
            field = f"{side.capitalize()}CapacityUnits"
            if side in wanted:
                return f"{field}={wanted[side]}"
            query = f"Table.ProvisionedThroughput.{field}"
            asked = shell("aws", "dynamodb", "describe-table", *where, "--query", query, "--output", "text")
            return f"{field}=$({asked})"

        update = shell("aws", "dynamodb", "update-table", *where, "--provisioned-throughput")
        return f"{update} {units('read')},{units('write')}"

    def inspect(self, step: Step) -> TargetState:
        """Capacity of the sides the step sets, unless a scaler owns them."""
        parts, wanted = self._parts(step), Capacity.model_validate(step.arguments).wanted
        try:
            table = table_of(self._aws, parts["region"], parts["table"])
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        settings: dict[str, Scalar] = {"billing_mode": billing(table)}
        observed: dict[str, Scalar] = {
            "decreases_today": table.get("ProvisionedThroughput", {}).get("NumberOfDecreasesToday", 0),
            "indexes": len(table.get("GlobalSecondaryIndexes", [])),
        }
        for side in wanted:
            scaled = scalable_target(self._aws, parts["region"], parts["table"], side) is not None
            settings[f"{side}_autoscaling"] = scaled
            (observed if scaled else settings)[f"{side}_capacity"] = capacity_of(table, side)
        return TargetState(
            target=step.target,
            settings=settings,
            observed=observed,
            deploying=table.get("TableStatus") != "ACTIVE",
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted capacity."""
        wanted = Capacity.model_validate(step.arguments).wanted
        return before.model_copy(
            update={"settings": before.settings | {f"{side}_capacity": units for side, units in wanted.items()}}
        )

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the capacity is ours to set, what it costs, and what the way back is limited by."""
        wanted = Capacity.model_validate(step.arguments).wanted
        if before.settings.get("billing_mode") != "PROVISIONED":
            return DryRun(feasible=False, reason="the table is billed on demand: it has no provisioned capacity")
        if owned := [side for side in wanted if before.settings.get(f"{side}_autoscaling")]:
            return DryRun(
                feasible=False, reason=f"{' and '.join(owned)} capacity is owned by auto scaling; raise its maximum"
            )
        more = sum(
            (units - int(before.settings.get(f"{side}_capacity") or 0)) * UNIT_USD_PER_HOUR[side]
            for side, units in wanted.items()
        )
        warnings = [
            f"lowering it again counts against AWS's daily limit of decreases "
            f"({before.observed.get('decreases_today', 0)} made today)"
        ]
        if before.observed.get("indexes"):
            warnings.append("its global secondary indexes keep their own capacity")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all callers of table {self._parts(step)['table']}; it stays available",
            cost=f"{more:+.2f} USD per hour at the list price of us-east-1",
            warnings=tuple(warnings),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set the units; a table that has them already is left alone."""
        parts, wanted = self._parts(step), Capacity.model_validate(step.arguments).wanted
        with marking(key):
            sent = set_units(self._aws, parts["region"], parts["table"], wanted)
        said = ", ".join(f"{units} {side} units" for side, units in wanted.items())
        return ("done" if sent else "already"), f"table {parts['table']} has {said} per second"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The units it had."""
        wanted = Capacity.model_validate(step.arguments).wanted
        had = {f"{side}_capacity": before.settings.get(f"{side}_capacity") for side in wanted}
        if not all(isinstance(units, int) and units > 0 for units in had.values()):
            return None
        levels = ", ".join(f"{name} {units}" for name, units in had.items())
        return self._back(step, f"Put {self._parts(step)['table']} back to {levels}", had)


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (SetCapacity(parts.aws),) if parts.aws else ()
