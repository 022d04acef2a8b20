"""Unleash: flags of one project and environment, through the Admin API.

https://docs.getunleash.io/reference/api/unleash/features, https://docs.getunleash.io/reference/api/unleash/events
"""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, JsonValue, SecretStr, TypeAdapter

from autopilot.clients.flags import MAX_MOVES, FlagMove, FlagNow, Spend
from autopilot.clients.http import Answer, Api, Upload
from autopilot.settings_systems import Unleash

GRADUAL = "flexibleRollout"
"""The strategy that gives a flag to a percentage."""


class _Strategy(BaseModel):
    id: str = ""
    name: str = ""
    disabled: bool = False
    parameters: dict[str, JsonValue] = {}


class _FeatureEnvironment(BaseModel):
    enabled: bool
    strategies: list[_Strategy] = []


class _Event(BaseModel):
    id: int
    createdAt: AwareDatetime  # noqa: N815 - Unleash's wire name
    type: str = ""
    createdBy: str = ""  # noqa: N815 - Unleash's wire name
    environment: str | None = None


class _Events(BaseModel):
    events: list[_Event] = []


_FEATURE, _EVENTS = TypeAdapter(_FeatureEnvironment), TypeAdapter(_Events)


class UnleashFlags:
    """Flags of one Unleash project and environment."""

    name = "unleash"

    def __init__(self, settings: Unleash, token: SecretStr | None, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        self._project, self._environment = settings.project, settings.environment
        self.flags: Mapping[str, Sequence[str]] = settings.flags
        self.place = f"{settings.project}/{settings.environment}"
        headers = {"Authorization": token.get_secret_value()} if token else {}
        self._api = api or Api("Unleash", settings.base_url, headers=headers)

    def _path(self, key: str) -> str:
        project, flag, place = (quote(part, safe="") for part in (self._project, key, self._environment))
        return f"api/admin/projects/{project}/features/{flag}/environments/{place}"

    def read(self, key: str, spend: Spend | None = None) -> tuple[FlagNow, Answer]:
        """See `FlagSystem`."""
        answer = self._api.get(self._path(key), spend=spend)
        feature = answer.parse(_FEATURE)
        percent, of, note = _share(feature)
        return FlagNow(key, feature.enabled, percent, of, note), answer

    def history(self, key: str, spend: Spend | None = None) -> tuple[list[FlagMove], Answer]:
        """See `FlagSystem`: its events in this environment."""
        answer = self._api.get(f"api/admin/events/{quote(key, safe='')}", spend=spend)
        moves = [
            FlagMove(str(e.id), e.createdAt, e.type, e.createdBy)
            for e in answer.parse(_EVENTS).events
            if e.environment in (None, "", self._environment)
        ]
        return sorted(moves, key=lambda move: move.at, reverse=True)[:MAX_MOVES], answer

    def switch(self, key: str, on: bool, why: str) -> None:  # noqa: ARG002 - Unleash takes no comment
        """See `FlagSystem`."""
        self._api.send("POST", f"{self._path(key)}/{'on' if on else 'off'}")

    def roll(self, now: FlagNow, percent: float, why: str) -> None:  # noqa: ARG002 - Unleash takes no comment
        """See `FlagSystem`: stickiness and constraints of the strategy stay as they are."""
        change = [{"op": "replace", "path": "/parameters/rollout", "value": f"{percent:g}"}]
        path = f"{self._path(now.key)}/strategies/{quote(now.of, safe='')}"
        self._api.send("PATCH", path, Upload(json.dumps(change).encode(), "application/json"))


def _share(feature: _FeatureEnvironment) -> tuple[float | None, str, str]:
    """Percent, of which strategy, and why there is no such number: any one of several strategies suffices."""
    active = [s for s in feature.strategies if not s.disabled]
    if len(active) != 1 or active[0].name != GRADUAL:
        names = ", ".join(sorted(s.name for s in active)) or "none"
        return None, "", f"its strategies are {names}, not one gradual rollout"
    told = str(active[0].parameters.get("rollout", ""))
    if not told.isdigit() or int(told) > 100:
        return None, "", "its rollout is no percentage"
    return int(told), active[0].id, ""
