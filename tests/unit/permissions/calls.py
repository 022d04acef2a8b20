"""Which AWS operations a class of the product really calls, read from its source."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import FunctionType
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import ServiceModel

from autopilot.clients.aws import AwsClients
from autopilot.clients.iam import action_of
from autopilot.remediation.tool import BaseTool

_SESSION = botocore.session.get_session()
OUTSIDE = (AwsClients, BaseTool)
"""Classes that are not part of whoever names them: the accessors, and the tool that takes a step back."""


@cache
def accessors() -> dict[str, str]:
    """Method of AwsClients → the SDK's name of the service."""
    found: dict[str, str] = {}
    for name, member in vars(AwsClients).items():
        if isinstance(member, FunctionType):
            told = re.search(r'_client\("([a-z0-9-]+)"', inspect.getsource(member))
            if told and not name.startswith("_"):
                found[name] = told.group(1)
    return found


@cache
def _client_types() -> dict[str, str]:
    """Type of a client → the SDK's name of the service: `RDSClient` → `rds`."""
    return {
        str(getattr(AwsClients, name).__annotations__["return"]): service
        for name, service in accessors().items()
        if str(getattr(AwsClients, name).__annotations__["return"]).endswith("Client")
    }


@cache
def model(service: str) -> ServiceModel:
    """The SDK's model of a service."""
    return _SESSION.get_service_model(service)


@cache
def operations(service: str) -> dict[str, str]:
    """Method of a client → the API's name of the operation."""
    return {xform_name(name): name for name in model(service).operation_names}


def iam_actions(calls: "set[tuple[str, str]]") -> set[str]:
    """The IAM actions of (service, operation) pairs."""
    return {
        action_of(model(service).signing_name, operation, model(service).operation_model(operation).http["method"])
        for service, operation in calls
    }


@dataclass
class Scan:
    """What was found in the functions that a class reaches."""

    calls: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """(service, operation) pairs."""
    unresolved: set[str] = field(default_factory=set[str])
    """Methods called like an operation of a service in use, on something that is not known to be a client."""
    functions: set[FunctionType] = field(default_factory=set[FunctionType])


def calls_of(*roots: type | FunctionType) -> Scan:
    """Scan everything that the roots reach inside the product."""
    scan, unclear = Scan(), set[str]()
    waiting: list[tuple[FunctionType, type | None]] = []
    for root in roots:
        waiting += [(f, root) for f in methods(root)] if isinstance(root, type) else [(root, None)]
    while waiting:
        function, owner = waiting.pop()
        if function in scan.functions:
            continue
        scan.functions.add(function)
        reader = _Reader(function, owner)
        scan.calls |= reader.calls
        unclear |= reader.unclear
        waiting += reader.leads_to
    used = {service for service, _ in scan.calls}
    scan.unresolved = {name for name in unclear if any(name in operations(service) for service in used)}
    return scan


def methods(kind: type) -> Iterator[FunctionType]:
    """The methods of a class that are written in the product, as the class has them."""
    for name in dir(kind):
        member: Any = inspect.getattr_static(kind, name, None)
        found: Any = member
        if isinstance(member, property):
            found = member.fget
        elif isinstance(member, cached_property):
            found = member.func
        elif hasattr(member, "__func__"):
            found = member.__func__
        found = inspect.unwrap(found) if callable(found) else found
        if isinstance(found, FunctionType) and _ours(found):
            yield found


def _ours(thing: Any) -> bool:
    written = not isinstance(thing, FunctionType) or not thing.__code__.co_filename.startswith("<")
    return written and str(getattr(thing, "__module__", "")).startswith(("autopilot.", "cli."))


@cache
def _tree(function: FunctionType) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target of an assignment with its value."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, other)
    else:
        yield target, value


class _Reader:
    """Reads one function."""

    def __init__(self, function: FunctionType, owner: type | None) -> None:
        self.function, self.owner = function, owner
        self.calls: set[tuple[str, str]] = set()
        self.unclear: set[str] = set()
        self.leads_to: list[tuple[FunctionType, type | None]] = []
        self.tree = _tree(function)
        self.clients = self._attributes() | self._parameters(self.tree)
        for node in ast.walk(self.tree):
            self._assigned(node)
        for node in ast.walk(self.tree):
            self._read(node)

    def _attributes(self) -> dict[str, str]:
        """`self.x` that the constructor makes a client."""
        init: Any = getattr(self.owner, "__init__", None) if self.owner else None
        if not isinstance(init, FunctionType) or not _ours(init):
            return {}
        tree = _tree(init)
        given = self._parameters(tree)
        return {
            ast.unparse(target): given[value.id]
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target, value in _pairs(node.targets[0], node.value)
            if isinstance(value, ast.Name) and value.id in given
        }

    def _parameters(self, tree: ast.AST) -> dict[str, str]:
        """Parameters that are said to be clients."""
        return {
            argument.arg: service
            for node in ast.walk(tree)
            if isinstance(node, ast.arg)
            for argument in [node]
            if argument.annotation is not None
            and (service := _client_types().get(ast.unparse(argument.annotation).strip("'\"")))
        }

    def _assigned(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._pair(target, node.value)
        elif isinstance(node, ast.NamedExpr):
            self._pair(node.target, node.value)

    def _pair(self, targets: ast.expr, values: ast.expr) -> None:
        for target, value in _pairs(targets, values):
            if isinstance(target, ast.Name) and (service := self._service(value)):
                self.clients[target.id] = service

    def _service(self, value: ast.expr) -> str | None:
        """The service whose client an expression is."""
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            if value.func.attr in accessors() and value.func.attr != "tagged":
                return accessors()[value.func.attr]
            return self._returns(getattr(self.owner, value.func.attr, None))
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            return self._returns(self.function.__globals__.get(value.func.id))
        return self.clients.get(ast.unparse(value)) if isinstance(value, (ast.Name, ast.Attribute)) else None

    @staticmethod
    def _returns(thing: Any) -> str | None:
        said = getattr(thing, "__annotations__", {}).get("return") if isinstance(thing, FunctionType) else None
        return _client_types().get(str(said))

    def _read(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and isinstance(found := self._named(node), FunctionType):
            self._follow(found)
        elif isinstance(node, ast.Attribute):
            self._attribute(node)
        elif isinstance(node, ast.Call):
            self._call(node)

    def _named(self, node: ast.expr) -> Any:
        return self.function.__globals__.get(node.id) if isinstance(node, ast.Name) else None

    def _call(self, node: ast.Call) -> None:
        asked = node.func
        if not isinstance(asked, ast.Attribute):
            self._follow(self._named(asked))
        elif asked.attr == "get_paginator":
            self._paginator(node, asked)
        elif asked.attr == "tagged":
            self.calls.add((accessors()["tagged"], "GetResources"))
        elif self._service(asked.value) is None:
            self.unclear.add(asked.attr)

    def _paginator(self, node: ast.Call, asked: ast.Attribute) -> None:
        service, name = self._service(asked.value), node.args[0]
        assert service, f"{self.function.__qualname__}: whose paginator? {ast.unparse(node)}"
        assert isinstance(name, ast.Constant), f"{self.function.__qualname__}: {ast.unparse(node)}"
        self.calls.add((service, operations(service)[str(name.value)]))

    def _attribute(self, node: ast.Attribute) -> None:
        service = self._service(node.value)
        if service and node.attr in operations(service):
            self.calls.add((service, operations(service)[node.attr]))
        elif ast.unparse(node.value) == "super()" and self.owner:
            for above in self.owner.__mro__[1:]:
                self._follow(vars(above).get(node.attr), self.owner)
        elif isinstance(self._named(node.value), type):
            kind: type[Any] = self._named(node.value)
            self._follow(vars(kind).get(node.attr), kind)

    def _follow(self, thing: Any, owner: type | None = None) -> None:
        thing = inspect.unwrap(thing) if isinstance(thing, FunctionType) else thing
        if isinstance(thing, FunctionType) and _ours(thing):
            self.leads_to.append((thing, owner))
        elif inspect.isclass(thing) and _ours(thing) and not issubclass(thing, OUTSIDE):
            self.leads_to += [(method, thing) for method in methods(thing)]
