"""A Kubernetes API server over HTTPS: typed reads, lists by pages, patches that fail when somebody was faster.

Kubernetes API concepts (https://kubernetes.io/docs/reference/using-api/api-concepts/): a patch that names a
`resourceVersion` is refused with 409 unless that is the present one; `dryRun=All` goes through authorisation,
admission and validation and keeps nothing.
"""

import json
from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError

from autopilot.clients.http import Answer, Api, Upload
from autopilot.clients.kubernetes_objects import Json
from autopilot.incident.ports import Failure
from autopilot.settings_systems import Kubernetes

MANAGER = "aiops-auto-pilot"
"""Under this name the server records the fields we wrote."""
PAGE = 250

Object = TypeVar("Object", bound=BaseModel)
PatchKind = Literal["merge-patch", "json-patch"]


class _ListMeta(BaseModel):
    more: str = Field(default="", alias="continue")


class _List(BaseModel):
    metadata: _ListMeta = _ListMeta()
    items: list[Json] | None = None
    """None where the server writes an empty list as null."""


class _Allowed(BaseModel):
    allowed: bool = False


class _Review(BaseModel):
    status: _Allowed = _Allowed()


_LIST, _REVIEW = TypeAdapter(_List), TypeAdapter(_Review)


class Cluster:
    """One API server, spoken to as one service account."""

    def __init__(self, settings: Kubernetes, token: SecretStr | None, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings. Raises Failure when the CA file cannot be read."""
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        self._api = api or Api("Kubernetes", settings.base_url, headers=headers, ca_file=settings.ca_file)

    def read(self, path: str, kind: type[Object]) -> Object:
        """One object. Raises Failure."""
        return self._api.get(path).parse(TypeAdapter(kind))

    def pages(
        self, path: str, most: int, spend: Callable[[], None] | None = None, limit: int = PAGE
    ) -> Iterator[tuple[Answer, list[Json], bool]]:
        """At most `most` pages of a list as (answer, objects, whether more was left). Raises Failure.

        A `continue` token lives some minutes; when it expired, the server answers 410 and the list stays partial.
        """
        more = ""
        for number in range(1, most + 1):
            answer = self._api.get(path, {"limit": limit, **({"continue": more} if more else {})}, spend=spend)
            page = answer.parse(_LIST)
            more = page.metadata.more
            yield answer, page.items or [], bool(more) and number == most
            if not more:
                return

    def listed(self, path: str, kind: type[Object], most: int = 8) -> list[Object]:
        """All objects of a list that is short by nature.

        Raises:
            Failure: as `read`, and for a list of more than `most` pages: a part must not be taken for the whole.
        """
        found: list[Object] = []
        for answer, items, cut in self.pages(path, most):
            if cut:
                raise Failure(f"Kubernetes: {answer.url} has more than {most * PAGE} objects.", who="operator")
            found += [parsed(one, kind, answer.url) for one in items]
        return found

    def patch(self, path: str, body: Json | list[Json], kind: PatchKind, *, dry: bool = False) -> None:
        """Change fields of one object; with `dry` the server only says whether it would. Raises Failure."""
        upload = Upload(json.dumps(body).encode(), f"application/{kind}+json")
        params = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry else {})}
        self._api.send("PATCH", path, upload, params=params)

    def may(self, verb: str, resource: str, namespace: str = "") -> bool:
        """Whether the service account may do this; `resource` as `kubectl auth can-i` takes it. Raises Failure.

        A SelfSubjectAccessReview, which changes nothing:
        https://kubernetes.io/docs/reference/access-authn-authz/authorization/
        """
        name, _, below = resource.partition("/")
        plural, _, group = name.partition(".")
        asked: Json = {"verb": verb, "resource": plural, "group": group, "subresource": below}
        body: Json = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked | ({"namespace": namespace} if namespace else {})},
        }
        answer = self._api.send(
            "POST", "apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body, repeatable=True
        )
        return answer.parse(_REVIEW).status.allowed


def parsed(item: Json, kind: type[Object], url: str) -> Object:
    """One object of a list. Raises Failure when it has another shape."""
    try:
        return kind.model_validate(item)
    except ValidationError as error:
        where = error.errors(include_url=False, include_input=False)[0]["loc"]
        raise Failure(f"Kubernetes: {url} lists an object of another shape at {where}.", who="operator") from error
