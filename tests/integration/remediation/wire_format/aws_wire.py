"""AWS as far as a test needs it: its two wire formats over real HTTP, with a little state behind them.

Forms of requests and errors: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html and
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/CommonErrors.html for the Query services,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html for JSON.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from tests.integration.saas_sources.vendor import Asked, Reply


class Element:
    """One XML element; text has nothing in it that would have to be escaped."""

    def __init__(self, name: str, value: "str | int | bool | Mapping[str, Any] | list[Element]") -> None:
        """`value` is text, a list of elements, or children by name (None: left out)."""
        self.name, self.value = name, value

    def __str__(self) -> str:
        return f"<{self.name}>{self._inside()}</{self.name}>"

    def _inside(self) -> str:
        if isinstance(self.value, Mapping):
            return "".join(str(Element(name, one)) for name, one in self.value.items() if one is not None)
        if isinstance(self.value, list):
            return "".join(str(element) for element in self.value)
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


class Refused(Exception):
    """An error of the service."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


Operation = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Takes the parameters, gives the result."""


class AwsWire:
    """Answers the operations that a test offers."""

    def __init__(self) -> None:
        self.operations: dict[str, Operation] = {}

    def __call__(self, asked: Asked) -> Reply:
        target = asked.headers.get("x-amz-target", "").rpartition(".")[2]
        return self._json(target, asked) if target else self._query(asked)

    def _json(self, name: str, asked: Asked) -> Reply:
        try:
            return Reply(self.operations[name](json.loads(asked.body)))
        except Refused as refused:
            return Reply({"__type": refused.code, "message": refused.message}, 400)

    def _query(self, asked: Asked) -> Reply:
        parameters = dict(parse_qsl(asked.body.decode()))
        name = parameters.pop("Action")
        try:
            result = Element(f"{name}Result", self.operations[name](dict(parameters)))
        except Refused as refused:
            error = Element("Error", {"Type": "Sender", "Code": refused.code, "Message": refused.message})
            return Reply(str(Element("ErrorResponse", [error, Element("RequestId", "r")])).encode(), 400)
        metadata = Element("ResponseMetadata", {"RequestId": "r"})
        return Reply(str(Element(f"{name}Response", [result, metadata])).encode())
