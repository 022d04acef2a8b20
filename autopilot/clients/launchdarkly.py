"""LaunchDarkly: flags of one project and environment, changed by semantic patches.

https://launchdarkly.com/docs/api/feature-flags/update-feature-flag, https://launchdarkly.com/docs/api/audit-log
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from pydantic import BaseModel, Field, JsonValue, SecretStr, TypeAdapter

from autopilot.clients.flags import MAX_MOVES, FlagMove, FlagNow, Spend
from autopilot.clients.http import Answer, Api, Upload
from autopilot.incident.ports import Failure
from autopilot.settings_systems import LaunchDarkly

WHOLE = 100_000
"""Shares are counted in thousandths of a percent."""


class _Variation(BaseModel):
    id: str = Field(alias="_id")


class _Weight(BaseModel):
    variation: int
    weight: int


class _Rollout(BaseModel):
    variations: list[_Weight] = []
    contextKind: str = ""  # noqa: N815 - LaunchDarkly's wire name
    bucketBy: str = ""  # noqa: N815 - LaunchDarkly's wire name
    experimentAllocation: JsonValue = None  # noqa: N815 - LaunchDarkly's wire name


class _Fallthrough(BaseModel):
    variation: int | None = None
    rollout: _Rollout | None = None


class _Environment(BaseModel):
    on: bool
    archived: bool = False
    fallthrough: _Fallthrough = _Fallthrough()
    offVariation: int | None = None  # noqa: N815 - LaunchDarkly's wire name


class _Flag(BaseModel):
    archived: bool = False
    variations: list[_Variation] = []
    environments: dict[str, _Environment] = {}


class _Member(BaseModel):
    email: str = ""


class _Entry(BaseModel):
    id: str = Field(alias="_id")
    date: int
    titleVerb: str = ""  # noqa: N815 - LaunchDarkly's wire name
    member: _Member | None = None


class _Entries(BaseModel):
    items: list[_Entry] = []


_FLAG, _ENTRIES = TypeAdapter(_Flag), TypeAdapter(_Entries)


class LaunchDarklyFlags:
    """Flags of one LaunchDarkly project and environment."""

    name = "launchdarkly"

    def __init__(self, settings: LaunchDarkly, token: SecretStr | None, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        self._project, self._environment = settings.project, settings.environment
        self.flags: Mapping[str, Sequence[str]] = settings.flags
        self.place = f"{settings.project}/{settings.environment}"
        headers = {"Authorization": token.get_secret_value()} if token else {}
        self._api = api or Api("LaunchDarkly", settings.base_url, headers=headers)

    def _path(self, key: str) -> str:
        return f"api/v2/flags/{quote(self._project, safe='')}/{quote(key, safe='')}"

    def read(self, key: str, spend: Spend | None = None) -> tuple[FlagNow, Answer]:
        """See `FlagSystem`."""
        answer = self._api.get(self._path(key), {"env": self._environment}, spend=spend)
        flag, here = self._parsed(answer)
        percent, of, note = _share(here)
        return FlagNow(key, here.on, percent, of, note, flag.archived or here.archived), answer

    def _parsed(self, answer: Answer) -> tuple[_Flag, _Environment]:
        flag = answer.parse(_FLAG)
        here = flag.environments.get(self._environment)
        if here is None:
            raise Failure(f"LaunchDarkly has no environment {self._environment!r} at {answer.url}.", who="operator")
        return flag, here

    def history(self, key: str, spend: Spend | None = None) -> tuple[list[FlagMove], Answer]:
        """See `FlagSystem`: the audit log."""
        spec = f"proj/{self._project}:env/{self._environment}:flag/{key}"
        answer = self._api.get("api/v2/auditlog", {"spec": spec, "limit": MAX_MOVES}, spend=spend)
        moves = [
            FlagMove(
                e.id, datetime.fromtimestamp(e.date / 1_000, UTC), e.titleVerb, e.member.email if e.member else ""
            )
            for e in answer.parse(_ENTRIES).items
        ]
        return moves, answer

    def switch(self, key: str, on: bool, why: str) -> None:
        """See `FlagSystem`."""
        self._change(key, {"kind": "turnFlagOn" if on else "turnFlagOff"}, why)

    def roll(self, now: FlagNow, percent: float, why: str) -> None:
        """See `FlagSystem`: how people are bucketed stays as it is."""
        answer = self._api.get(self._path(now.key), {"env": self._environment})
        flag, here = self._parsed(answer)
        given, other = (flag.variations[int(index)].id for index in now.of.split("/"))
        weight = round(percent * WHOLE / 100)
        weights: dict[str, JsonValue] = {given: weight, other: WHOLE - weight}
        change: dict[str, JsonValue] = {"kind": "updateFallthroughVariationOrRollout", "rolloutWeights": weights}
        present = here.fallthrough.rollout
        if present and present.contextKind:
            change["rolloutContextKind"] = present.contextKind
        if present and present.bucketBy:
            change["rolloutBucketBy"] = present.bucketBy
        self._change(now.key, change, why)

    def _change(self, key: str, instruction: dict[str, JsonValue], why: str) -> None:
        body = {"comment": why, "environmentKey": self._environment, "instructions": [instruction]}
        semantic = Upload(json.dumps(body).encode(), "application/json; domain-model=launchdarkly.semanticpatch")
        self._api.send("PATCH", self._path(key), semantic)


def _share(here: _Environment) -> tuple[float | None, str, str]:
    """Percent, of what, and why there is no such number: the default rule between one variation and the off one."""
    rollout, off = here.fallthrough.rollout, here.offVariation
    if off is None:
        return None, "", "it has no off variation"
    if rollout is None:
        given = here.fallthrough.variation
        if given is None or given == off:
            return None, "", "its default rule serves the off variation"
        return 100, f"{given}/{off}", ""
    if rollout.experimentAllocation is not None:
        return None, "", "an experiment runs on its default rule"
    others = [w for w in rollout.variations if w.variation != off]
    if len(others) != 1:
        return None, "", f"its default rule divides between {len(rollout.variations)} variations"
    percent = round(others[0].weight * 100 / WHOLE, 3)
    return int(percent) if percent.is_integer() else percent, f"{others[0].variation}/{off}", ""
