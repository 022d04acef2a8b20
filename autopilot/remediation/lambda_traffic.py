"""Lambda: shift a share of an alias's traffic between two versions."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import asking, changed_lines, shell
from autopilot.remediation.evidence import WayBack, blamed, evidence, expected, fit, health_of, way_back
from autopilot.remediation.lambda_ import AliasTool
from autopilot.remediation.parts import Parts

MOST_OF_IT = 0.9
"""Share that an earlier version gets: what stays on the present one shows whether that version is the cause."""
LESS_THAN_BACK = 0.8
"""Share of its fit against a full rollback, which ends the harm wholly."""


class Share(Arguments):
    """The share of an alias that a second version gets; the alias's own version gets the rest. 0 ends the split."""

    version: str = Field(pattern=r"^[0-9]{1,9}$")
    share: float = Field(ge=0, lt=1)

    @property
    def weights(self) -> dict[str, float]:
        """As Lambda keeps it."""
        return {self.version: self.share} if self.share else {}


def _shares(settings: Mapping[str, Scalar]) -> dict[str, float]:
    """The shares of further versions in a state or an inventory item."""
    text = str(settings.get("weights") or "")
    return {str(version): float(share) for version, share in json.loads(text).items()} if text else {}


def _unfinished(item: InventoryItem, present: str, context: Context) -> WayBack | None:
    """The version that a rollout replaces, unless telemetry shows that one sick."""
    for index, version in enumerate(item.versions):
        if str(version.get("version") or "") == present:
            record = health_of(item, version, context)
            label = str(version.get("description") or present)
            return WayBack(index, present, label, record) if record is None or record.healthy else None
    return None


class ShiftTraffic(AliasTool):
    """Gives a second published version of an alias a larger or smaller share of its requests."""

    name: str = "lambda.shift_traffic"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = (
        "lambda:GetAlias",
        "lambda:GetFunctionConfiguration",
        "lambda:UpdateAlias",
    )
    takes: ClassVar[type[Arguments]] = Share
    addresses: ClassVar[frozenset[CauseKind]] = frozenset(
        {"bad_deploy", "slow_query", "crash", "memory", "startup", "config_change"}
    )

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Where a rollout is under way, the end of it; else most of the traffic to an earlier version."""
        if not self._fits(item, "lambda_alias") or not blamed(item, context, self.addresses):
            return ()
        present = str(item.settings.get("version") or "")
        rolled_out = next(iter(_shares(item.settings)), "")
        way = _unfinished(item, present, context) if rolled_out else way_back(item, present, context)
        if way is None:
            return ()
        if rolled_out:
            title = f"Stop the rollout on {item.name}: all requests to {way.label} (version {way.version})"
            source, version, share = f"weights {item.settings.get('weights')}", rolled_out, 0.0
        else:
            title = f"Send {MOST_OF_IT:.0%} of {item.name} to {way.label} (version {way.version})"
            source, version, share = way.source, way.version, MOST_OF_IT
        step = self._step(
            item,
            f"{title}{way.mark}",
            {"version": version, "share": share},
            {"version": source, "share": self._own("no share" if rolled_out else "the rest is the comparison")},
        )
        effect = expected(context, f"{item.service} behaves as it does with {way.label}", 180.0)
        how_well = fit(item, context, self.addresses) * (1.0 if rolled_out else LESS_THAN_BACK)
        cited = evidence(item, context, self.addresses, way.vouched)
        offer = self._back_to(way, step, effect, cited, round(how_well, 3))
        return (replace(offer, own={**offer.own, "version": (version,), "share": (share,)}),)

    def command(self, step: Step) -> str:
        """`aws lambda update-alias …`."""
        parts, wanted = self._parts(step), Share.model_validate(step.arguments)
        return shell(
            "aws", "lambda", "update-alias", "--region", parts["region"], "--function-name", parts["function"],
            "--name", parts["alias"],
            "--routing-config", json.dumps({"AdditionalVersionWeights": wanted.weights}),
        )  # fmt: skip

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted share; the alias's own version stays."""
        shares = Share.model_validate(step.arguments).weights
        weights = json.dumps(shares, sort_keys=True) if shares else ""
        return before.model_copy(
            update={"settings": {**before.settings, "weights": weights}, "deploying": bool(weights)}
        )

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the version is another one than the alias's own, published, and ready."""
        parts, wanted = self._parts(step), Share.model_validate(step.arguments)
        if wanted.version == before.settings.get("version"):
            return DryRun(feasible=False, reason=f"version {wanted.version} is the alias's own: it gets the rest")
        try:
            with asking(f"version {wanted.version} of {parts['function']}"):
                version = self._aws.lambda_(parts["region"]).get_function_configuration(
                    FunctionName=parts["function"], Qualifier=wanted.version
                )
        except Missing as missing:
            return DryRun(feasible=False, reason=str(missing))
        if wanted.share and version.get("State") in ("Failed", "Inactive"):
            return DryRun(feasible=False, reason=f"version {wanted.version} is {version.get('State')}")
        warnings = ["requests of one user may reach either version"] if wanted.share else []
        if before.deploying:
            warnings.append("a gradual rollout is under way: whoever runs it may set its shares again")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"version {wanted.version} gets {wanted.share:.0%} of the requests through {parts['alias']}",
            cost="none",
            warnings=tuple(warnings),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set the share, only if nobody changed the alias since it was read a moment ago."""
        parts, wanted = self._parts(step), Share.model_validate(step.arguments)
        client = self._aws.lambda_(parts["region"])
        said = f"version {wanted.version} gets {wanted.share:.0%} of alias {parts['alias']}"
        with marking(key), asking(f"alias {parts['function']}:{parts['alias']}"):
            alias = client.get_alias(FunctionName=parts["function"], Name=parts["alias"])
            if alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}) == wanted.weights:
                return "already", said
            client.update_alias(
                FunctionName=parts["function"],
                Name=parts["alias"],
                RoutingConfig={"AdditionalVersionWeights": wanted.weights},
                RevisionId=alias["RevisionId"],
            )
        return "done", said

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The share as it was."""
        had = next(iter(_shares(before.settings).items()), None)
        version, share = had or (Share.model_validate(step.arguments).version, 0.0)
        summary = f"Give version {version} its {share:.0%} of {self._parts(step)['alias']} back"
        return self._back(step, summary, {"version": version, "share": share})


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (ShiftTraffic(parts.aws),) if parts.aws else ()
