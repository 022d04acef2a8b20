"""Load balancers: traffic between the two target groups of a weighted forward. Targets are in `elb_targets`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Refusal, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit, health_of
from autopilot.remediation.parts import Parts
from autopilot.sources.elb import forwarded, group_name

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import ActionOutputTypeDef, ActionTypeDef

_ID = r"[0-9a-f]{1,40}"
FORWARD = arn(
    "elasticloadbalancing",
    rf"(?P<kind>listener|listener-rule)/(?:app|net)/[A-Za-z0-9-]{{1,32}}/{_ID}(?:/{_ID}){{1,2}}",
)
GROUP = rf"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{{12}}:targetgroup/[A-Za-z0-9-]{{1,32}}/{_ID}$"
ALL, NOTHING = 100, 0
"""Weights of a group that gets all of the traffic, and of one that gets none."""
HARM = re.compile(r"5XX|UnHealthy|Error|ResponseTime|Latency|Anomalous")
"""Metrics of a target group that speak against it when they rise; more requests alone do not."""


class Shift(Arguments):
    """The weights of the two groups of a forward; their sum counts, not their size."""

    from_group: str = Field(pattern=GROUP, max_length=200)
    to_group: str = Field(pattern=GROUP, max_length=200)
    from_weight: int = Field(default=NOTHING, ge=0, le=999)
    to_weight: int = Field(default=ALL, ge=0, le=999)

    @model_validator(mode="after")
    def _goes_somewhere(self) -> "Shift":
        if self.from_group == self.to_group or self.from_weight + self.to_weight == 0:
            raise ValueError("name two different groups, one of which keeps a weight")
        return self

    @property
    def weights(self) -> dict[str, int]:
        """Group → weight."""
        return {self.from_group: self.from_weight, self.to_group: self.to_weight}


def about_group(group: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that speak against a target group, which they name by ARN, name or CloudWatch's dimension."""
    path = "targetgroup/" + group.partition(":targetgroup/")[2]
    names = {group, path, group_name(group)}
    return tuple(
        f
        for f in findings
        if f.direction in ("up", "new")
        and (f.metric is None or HARM.search(f.metric.name))
        and (f.resource in names or (f.metric is not None and names & set(f.metric.dimensions.values())))
    )


def weight_settings(weights: Mapping[str, int]) -> dict[str, Scalar]:
    """Weights as settings that people can read."""
    return {f"weight of {group_name(group)}": weight for group, weight in weights.items()}


class ShiftTraffic(AwsTool):
    """Shifts traffic from one target group of a weighted forward to the other."""

    name: str = "elb.shift_traffic"
    system: str = "elb"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = (
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyRule",
    )
    takes: ClassVar[type[Arguments]] = Shift
    target = FORWARD
    addresses: ClassVar[frozenset[CauseKind]] = frozenset(
        {"bad_deploy", "config_change", "crash", "startup", "image", "memory", "network"}
    )

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """All traffic to the other group, where a suspect fits and findings speak against just one group in use."""
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "elb_forward") or item.settings.get("groups") != 2 or how_well < 0.4:
            return ()
        places = {str(item.settings.get(f"group_{n}") or ""): n for n in (1, 2)}
        against = {group: self._against(item, group, context) for group in places}
        blamed = [group for group, ids in against.items() if ids]
        if len(places) != 2 or len(blamed) != 1 or not item.settings.get(f"weight_{places[blamed[0]]}"):
            return ()
        sick, well = blamed[0], next(group for group in places if group != blamed[0])
        step = self._step(
            item,
            f"Shift all traffic of {item.name} from {group_name(sick)} to {group_name(well)}",
            {"from_group": sick, "to_group": well, "from_weight": NOTHING, "to_weight": ALL},
            {
                "from_group": f"group_{places[sick]}; spoken against by {', '.join(against[sick])}",
                "to_group": f"group_{places[well]}",
                "from_weight": self._own("no traffic"),
                "to_weight": self._own("all traffic"),
            },
        )
        effect = expected(context, f"requests of {item.service} no longer reach {group_name(sick)}", 120.0)
        cited = evidence(item, context, self.addresses, against[sick])
        why = f"{group_name(sick)} misbehaves and {group_name(well)} does not ({', '.join(against[sick][:3])})"
        return (self._offer(step, effect, why, cited, how_well),)

    def _against(self, item: InventoryItem, group: str, context: Context) -> list[str]:
        """Ids of the findings that speak against a group."""
        ids = [f.id for f in about_group(group, context.dossier.findings)]
        record = health_of(item, {"version": group, "description": group_name(group)}, context)
        return ids + ([record.finding_id] if record is not None and not record.healthy else [])

    def command(self, step: Step) -> str:
        """`aws elbv2 modify-listener` or `modify-rule`."""
        parts, wanted = self._parts(step), Shift.model_validate(step.arguments)
        groups = ",".join(
            f'{{"TargetGroupArn":"{group}","Weight":{weight}}}' for group, weight in wanted.weights.items()
        )
        actions = f'[{{"Type":"forward","ForwardConfig":{{"TargetGroups":[{groups}]}}}}]'
        listener = parts["kind"] == "listener"
        return shell(
            "aws", "elbv2", "modify-listener" if listener else "modify-rule", "--region", parts["region"],
            "--listener-arn" if listener else "--rule-arn", step.target,
            "--default-actions" if listener else "--actions", actions,
        )  # fmt: skip

    def _actions(self, step: Step) -> "Sequence[ActionOutputTypeDef]":
        """The actions of the listener or rule. Raises Missing."""
        parts = self._parts(step)
        client = self._aws.elbv2(parts["region"])
        with asking(f"{parts['kind']} {step.target}"):
            if parts["kind"] == "listener":
                found = client.describe_listeners(ListenerArns=[step.target])["Listeners"]
                actions = found[0].get("DefaultActions", []) if found else None
            else:
                rules = client.describe_rules(RuleArns=[step.target])["Rules"]
                actions = rules[0].get("Actions", []) if rules else None
        if actions is None:
            raise Missing(f"{step.target} does not exist")
        return actions

    def inspect(self, step: Step) -> TargetState:
        """The weight of every group of the forward, and what else the actions do."""
        try:
            actions = self._actions(step)
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        return TargetState(
            target=step.target,
            settings=weight_settings(forwarded(actions))
            | {"actions": ", ".join(a.get("Type", "") for a in actions)},
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted weights."""
        wanted = weight_settings(Shift.model_validate(step.arguments).weights)
        return before.model_copy(update={"settings": before.settings | wanted})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the forward has these two groups, and how many healthy targets wait in the one that gets more."""
        wanted = Shift.model_validate(step.arguments)
        present = {name for name in before.settings if name.startswith("weight of ")}
        if present != set(weight_settings(wanted.weights)):
            return DryRun(feasible=False, reason="the forward does not divide its traffic between these two groups")
        with asking(f"targets of {group_name(wanted.to_group)}"):
            targets = self._aws.elbv2(self._parts(step)["region"]).describe_target_health(
                TargetGroupArn=wanted.to_group
            )["TargetHealthDescriptions"]
        healthy = sum(target.get("TargetHealth", {}).get("State") == "healthy" for target in targets)
        if not healthy and wanted.to_weight:
            return DryRun(feasible=False, reason=f"{group_name(wanted.to_group)} has no healthy target")
        ready = f"{healthy} of {len(targets)} targets of {group_name(wanted.to_group)} are healthy"
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"new requests of {step.service or 'the forward'}; open ones end where they are",
            cost="none",
            warnings=(f"{ready} and take the load", "sticky sessions stay with their group until they end"),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Send the actions as they are with the wanted weights in them."""
        wanted = Shift.model_validate(step.arguments)
        actions = weighted(self._actions(step), wanted.weights)
        parts = self._parts(step)
        client = self._aws.elbv2(parts["region"])
        with marking(key), asking(f"{parts['kind']} {step.target}"):
            if parts["kind"] == "listener":
                client.modify_listener(ListenerArn=step.target, DefaultActions=actions)
            else:
                client.modify_rule(RuleArn=step.target, Actions=actions)
        said = ", ".join(f"{group_name(group)} {weight}" for group, weight in wanted.weights.items())
        return "done", f"the forward has the weights {said}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The weights they had."""
        wanted = Shift.model_validate(step.arguments)
        had = {group: before.settings.get(f"weight of {group_name(group)}") for group in wanted.weights}
        if any(weight is None for weight in had.values()):
            return None
        arguments: dict[str, Scalar] = {
            "from_group": wanted.from_group,
            "to_group": wanted.to_group,
            "from_weight": had[wanted.from_group],
            "to_weight": had[wanted.to_group],
        }
        levels = ", ".join(f"{group_name(group)} {weight}" for group, weight in had.items())
        return self._back(step, f"Put the weights back to {levels}", arguments)


def weighted(actions: "Sequence[ActionOutputTypeDef]", weights: Mapping[str, int]) -> "list[ActionTypeDef]":
    """The same actions with other weights in the forward.

    Raises:
        Refusal: the forward has other groups by now.
    """
    if set(forwarded(actions)) != set(weights):
        raise Refusal("the forward has other target groups by now")
    changed: list[ActionTypeDef] = []
    for action in actions:
        kept: ActionTypeDef = {**action}
        if action.get("Type") == "forward":
            kept.pop("TargetGroupArn", None)  # AWS takes it only for a forward to one group
            config = action.get("ForwardConfig", {})
            groups = config.get("TargetGroups", [])
            kept["ForwardConfig"] = {
                **config,
                "TargetGroups": [{**group, "Weight": weights[group.get("TargetGroupArn", "")]} for group in groups],
            }
        elif "AuthenticateOidcConfig" in action:
            # The secret is never told: without this AWS would want it again.
            kept["AuthenticateOidcConfig"] = {**action["AuthenticateOidcConfig"], "UseExistingClientSecret": True}
        changed.append(kept)
    return changed


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (ShiftTraffic(parts.aws),) if parts.aws else ()
