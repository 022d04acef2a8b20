"""LaunchDarkly and Unleash as far as sources and tools ask them, with one flag each.

LaunchDarkly: https://launchdarkly.com/docs/api/feature-flags/get-feature-flag (a flag),
https://launchdarkly.com/docs/api/feature-flags/update-feature-flag (semantic patches),
https://launchdarkly.com/docs/api/audit-log/get-audit-log-entries (its history). Unleash:
https://docs.getunleash.io/api/get-feature-environment, https://docs.getunleash.io/api/toggle-feature-environment-off,
https://docs.getunleash.io/api/patch-feature-strategy, https://docs.getunleash.io/api/get-events-for-toggle.
"""

import json
from typing import Any

from tests.integration.saas_sources.vendor import Asked, Reply

Json = dict[str, Any]
ON, OFF = "86208e6e-468f-4425-b334-7f318397f95c", "7b32de80-f346-4276-bb77-28dfa7ddc2d8"
LD_FLAG = "/api/v2/flags/shop/new-checkout"
UNLEASH_FLAG = "/api/admin/projects/shop/features/new-checkout/environments/production"
STRATEGY = "2d7a3b1c-0001"


class LaunchDarklyServer:
    """One boolean flag that half of the people get."""

    def __init__(self) -> None:
        half = {"variations": [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}]}
        self.here: Json = {
            "on": True, "archived": False, "version": 7, "lastModified": 1_795_230_000_000, "offVariation": 1,
            "fallthrough": {"rollout": half | {"contextKind": "account", "bucketBy": "key"}}, "rules": [],
        }  # fmt: skip

    def __call__(self, asked: Asked) -> Reply:
        """One answer."""
        if asked.headers.get("authorization") is None:
            return Reply({"code": "unauthorized", "message": "Unauthorized. Invalid access token"}, 401)
        if asked.path == "/api/v2/auditlog":
            return Reply({"items": [self._entry(asked.query["spec"][0])]})
        if asked.path != LD_FLAG:
            return Reply({"code": "not_found", "message": "Unknown feature flag key"}, 404)
        if asked.method == "PATCH":
            assert asked.headers["content-type"] == "application/json; domain-model=launchdarkly.semanticpatch"
            body = json.loads(asked.body)
            assert body["environmentKey"] == "production"
            assert body["comment"].startswith("AIOps Auto Pilot: ")
            for instruction in body["instructions"]:
                self._follow(instruction)
        variations = [{"_id": ON, "value": True}, {"_id": OFF, "value": False}]
        flag = {"key": "new-checkout", "kind": "boolean", "archived": False, "variations": variations}
        return Reply(flag | {"environments": {"production": self.here}})

    def _entry(self, spec: str) -> Json:
        assert spec == "proj/shop:env/production:flag/new-checkout"
        return {
            "_id": "5f1", "date": 1_795_230_000_000, "kind": "flag", "titleVerb": "updated the fallthrough",
            "member": {"email": "ariel@shop.example"},
        }  # fmt: skip

    def _follow(self, instruction: Json) -> None:
        kind = instruction["kind"]
        if kind in ("turnFlagOn", "turnFlagOff"):
            self.here["on"] = kind == "turnFlagOn"
            return
        assert kind == "updateFallthroughVariationOrRollout"
        weights = instruction["rolloutWeights"]
        assert set(weights) == {ON, OFF}
        assert sum(weights.values()) == 100_000
        assert (instruction["rolloutContextKind"], instruction["rolloutBucketBy"]) == ("account", "key")
        rollout = self.here["fallthrough"]["rollout"]
        rollout["variations"] = [
            {"variation": number, "weight": weights[name]} for number, name in enumerate((ON, OFF))
        ]


class UnleashServer:
    """One flag with a gradual rollout to half."""

    def __init__(self) -> None:
        parameters = {"rollout": "50", "stickiness": "default", "groupId": "new-checkout"}
        self.here: Json = {
            "name": "production", "enabled": True, "type": "production",
            "strategies": [
                {"id": STRATEGY, "name": "flexibleRollout", "parameters": parameters, "constraints": [],
                 "segments": [], "disabled": False}
            ],
        }  # fmt: skip

    def __call__(self, asked: Asked) -> Reply:
        """One answer."""
        if asked.headers.get("authorization") is None:
            return Reply({"name": "AuthenticationRequired", "message": "You must log in"}, 401)
        if asked.path == "/api/admin/events/new-checkout":
            return Reply({"version": 1, "toggleName": "new-checkout", "events": self._events()})
        if not asked.path.startswith(UNLEASH_FLAG):
            return Reply({"name": "NotFoundError", "message": "Could not find feature"}, 404)
        if asked.method == "POST":
            self.here["enabled"] = asked.path == f"{UNLEASH_FLAG}/on"
            assert asked.path in (f"{UNLEASH_FLAG}/on", f"{UNLEASH_FLAG}/off")
            return Reply()
        if asked.method == "PATCH":
            assert asked.path == f"{UNLEASH_FLAG}/strategies/{STRATEGY}"
            strategy = self.here["strategies"][0]
            for operation in json.loads(asked.body):
                assert (operation["op"], operation["path"]) == ("replace", "/parameters/rollout")
                strategy["parameters"]["rollout"] = operation["value"]
            return Reply(strategy)
        return Reply(self.here)

    def _events(self) -> list[Json]:
        event = {"type": "feature-strategy-update", "createdBy": "ariel", "project": "shop"}
        return [
            event | {"id": 41, "createdAt": "2026-11-21T03:00:00.000Z", "environment": "production"},
            event | {"id": 42, "createdAt": "2026-11-21T03:05:00.000Z", "environment": "development"},
            event | {"id": 40, "createdAt": "2026-10-01T03:00:00.000Z", "environment": "production"},
        ]
