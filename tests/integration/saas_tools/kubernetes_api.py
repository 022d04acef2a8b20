"""A Kubernetes API server as far as sources and tools ask it.

Wire shapes:

- lists with `limit` and `continue`, patches, `resourceVersion` and `dryRun`:
  https://kubernetes.io/docs/reference/using-api/api-concepts/
- errors: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
- objects: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/ and its neighbours
"""

import copy
import json
from typing import Any

from autopilot.sources.json_shape import is_mapping, mapping
from tests.integration.saas_sources.vendor import Asked, Reply

Json = dict[str, Any]
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
SETS = "/apis/apps/v1/namespaces/shop/replicasets"
SCALERS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
CONFIGS = "/api/v1/namespaces/shop/configmaps"
NODES = "/api/v1/nodes"


def status(code: int, reason: str, message: str) -> Json:
    """An error as the server writes it."""
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "code": code,
    }  # fmt: skip


def refused(code: int, reason: str, message: str) -> Reply:
    """An error answer."""
    return Reply(status(code, reason, message), code)


class KubernetesApi:
    """Objects by path; every write counts up the resource version."""

    def __init__(self, objects: dict[str, Json]) -> None:
        self.objects = copy.deepcopy(objects)
        self.denied: set[str] = set()
        """Lists that the service account may not read."""
        self._version = 100
        for path in self.objects:
            self.touch(path)

    def touch(self, path: str) -> None:
        """The object was written by somebody."""
        self._version += 1
        self.objects[path]["metadata"]["resourceVersion"] = str(self._version)

    def __call__(self, asked: Asked) -> Reply:
        """One answer."""
        path = asked.path.removesuffix("/scale")
        if asked.path in self.denied:
            return refused(403, "Forbidden", f"cannot list resource {path.rpartition('/')[2]!r} in API group")
        if asked.method == "PATCH":
            return self._patch(path, asked)
        if path in self.objects:
            return Reply(self.objects[path])
        if "limit" in asked.query:
            return self._list(path, asked)
        return refused(404, "NotFound", f"{path.rpartition('/')[2]!r} not found")

    def _list(self, path: str, asked: Asked) -> Reply:
        found = [body for place, body in sorted(self.objects.items()) if place.rpartition("/")[0] == path]
        start, limit = int(asked.query.get("continue", ["0"])[0]), int(asked.query["limit"][0])
        rest = {"continue": str(start + limit)} if start + limit < len(found) else {}
        items = [
            {key: value for key, value in body.items() if key not in ("kind", "apiVersion")}
            for body in found[start : start + limit]
        ]
        return Reply(
            {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"} | rest, "items": items}
        )

    def _patch(self, path: str, asked: Asked) -> Reply:
        if path not in self.objects:
            return refused(404, "NotFound", f"{path.rpartition('/')[2]!r} not found")
        body, present = json.loads(asked.body), self.objects[path]
        if asked.headers["content-type"] == "application/json-patch+json":
            changed = _json_patched(present, body)
        else:
            changed = _merged(present, body)
        if changed["metadata"]["resourceVersion"] != present["metadata"]["resourceVersion"]:
            told = "the object has been modified; please apply your changes to the latest version and try again"
            return refused(409, "Conflict", f"Operation cannot be fulfilled on {path.rpartition('/')[2]!r}: {told}")
        if asked.query.get("dryRun") != ["All"]:
            changed["metadata"]["generation"] = present["metadata"].get("generation", 0) + 1
            self.objects[path] = changed
            self.touch(path)
        return Reply(changed)


def _merged(present: Json, patch: Json) -> Json:
    """RFC 7386, from an object on."""
    result = copy.deepcopy(present)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif is_mapping(value):
            result[key] = _merged(mapping(result.get(key)), value)
        else:
            result[key] = value
    return result


def _json_patched(present: Json, operations: list[Json]) -> Json:
    """RFC 6902, replacements only."""
    result = copy.deepcopy(present)
    for operation in operations:
        assert operation["op"] == "replace"
        *parents, last = operation["path"].strip("/").split("/")
        place = result
        for key in parents:
            place = place[key]
        assert last in place
        place[last] = operation["value"]
    return result
