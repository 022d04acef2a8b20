"""Reading AWS requests off the wire: which service, which operation, on what, for which step."""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

import botocore.session
from botocore.exceptions import UnknownServiceError

READING = ("Get", "List", "Describe", "BatchGet", "Query", "Scan", "Filter", "Lookup", "Head", "StartQuery")
"""Operations that change nothing."""

TARGETS: dict[str, tuple[str, ...]] = {
    "dynamodb": ("TableName",),
    "application-autoscaling": ("ResourceId",),
    "lambda": ("FunctionName", "Name", "Qualifier"),
    "ecs": ("service", "serviceName", "cluster"),
    "rds": ("DBInstanceIdentifier",),
    "sns": ("TopicArn",),
}
SERVICES = {"monitoring": "cloudwatch"}
"""Signing names that differ from the service's name."""


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def service(self) -> str:
        """The service by the signature's credential scope; empty for unsigned requests."""
        scope = re.search(
            r"Credential=[^/,\s]+/\d{8}/[^/]+/([^/]+)/aws4_request",
            self.headers.get("authorization", "") or unquote(self.query).replace("X-Amz-", ""),
        )
        return SERVICES.get(scope[1], scope[1]) if scope else ""

    @property
    def key(self) -> str:
        """The idempotency key of the step that sent it; empty for everybody else's calls."""
        marked = re.search(r"(?:^|\s)step/(.+)$", self.headers.get("user-agent", ""))
        return marked[1].strip() if marked else ""

    @property
    def is_cbor(self) -> bool:
        """Whether it speaks RPC v2 CBOR, as new SDKs do with CloudWatch."""
        return "cbor" in self.headers.get("content-type", "")


@dataclass(frozen=True)
class Call:
    """One step's call, recognised."""

    key: str
    action: str
    """`service:Operation`, as IAM writes it."""
    target: str
    mutating: bool


@functools.cache
def _rest_operations(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    """(method, path pattern, operation) of a REST service, most specific path first."""
    try:
        model = botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        return []
    found: list[tuple[str, str, str]] = []
    for name in model.operation_names:
        http: dict[str, str] = model.operation_model(name).http
        found.append((http["method"], http["requestUri"].split("?")[0], name))
    found.sort(key=lambda entry: -len(re.sub(r"\{[^}]*\}", "", entry[1])))
    return [(method, _pattern(uri), name) for method, uri, name in found]


def _pattern(uri: str) -> re.Pattern[str]:
    parts = re.split(r"\{([^}]*)\}", uri)
    groups = [
        f"(?P<{re.sub(r'[^A-Za-z]', '', part)}>{'.+' if part.endswith('+') else '[^/]+'})"
        if odd
        else re.escape(part)
        for odd, part in ((index % 2, part) for index, part in enumerate(parts))
    ]
    return re.compile("".join(groups).rstrip("/") + "/?")


def _json(body: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(body or b"{}")
    except ValueError:
        return {}
    return {str(name): item for name, item in value.items()} if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def operation_and_parameters(request: Request) -> tuple[str, dict[str, object]]:
    """The operation and its parameters, by whichever protocol the service speaks."""
    if target := request.headers.get("x-amz-target"):
        return target.rsplit(".", 1)[-1], _json(request.body)
    if rpc := re.search(r"/operation/(\w+)$", request.path):
        return rpc[1], {}
    form: dict[str, object] = {}
    if "form-urlencoded" in request.headers.get("content-type", ""):
        form = dict(parse_qsl(request.body.decode(errors="replace")))
    if "Action" in form:
        return str(form["Action"]), form
    for method, pattern, name in _rest_operations(request.service):
        if method == request.method and (match := pattern.fullmatch(request.path)):
            found = {field: unquote(value) for field, value in match.groupdict().items()}
            return name, {**_json(request.body), **found}
    return f"{request.method} {request.path}", _json(request.body)


def target_names(service: str, parameters: Mapping[str, object]) -> list[str]:
    """The names of what a call is about, most important first."""
    return [str(parameters[name]) for name in TARGETS.get(service, ()) if parameters.get(name)]


def recognise(request: Request) -> Call | None:
    """The step's call behind a request; None when no step sent it."""
    if not request.key:
        return None
    operation, parameters = operation_and_parameters(request)
    names = target_names(request.service, parameters)
    if request.service == "lambda":
        target = ":".join(names[:2])
    else:
        target = next(iter(names), "") or next((str(v) for v in parameters.values() if isinstance(v, str)), "")
    return Call(
        key=request.key,
        action=f"{request.service}:{operation}",
        target=target,
        mutating=not operation.startswith((*READING, "GET ", "HEAD ")),
    )
