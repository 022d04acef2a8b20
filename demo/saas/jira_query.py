"""A part of JQL: comparisons joined by AND, with the functions and relative dates that integrations use."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from demo.saas.server import Json, as_object, as_objects

_CLAUSE = re.compile(
    r"^\s*(?P<field>\"[^\"]+\"|[\w.]+(?:\[[^\]]+\][\w.]*)?)\s*"
    r"(?P<operator>!=|>=|<=|!~|=|~|>|<|\bNOT IN\b|\bIN\b|\bIS NOT\b|\bIS\b)\s*(?P<value>.+?)\s*$",
    re.IGNORECASE | re.DOTALL,
)
_AND = re.compile(r"\s+AND\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", re.IGNORECASE)
_RELATIVE = re.compile(r"^-(\d+)([mhdw])$")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DATES = {"created", "updated", "resolved", "resolutiondate"}


class JqlError(ValueError):
    """A query that Jira would refuse, or that this part of JQL lacks."""


def _unquoted(text: str) -> str:
    return text.strip().strip("\"'")


def _moment(text: str) -> datetime:
    text = _unquoted(text)
    relative = _RELATIVE.match(text)
    if relative:
        return datetime.now(UTC) - timedelta(**{_UNITS[relative[2]]: int(relative[1])})
    if text == "startOfDay()":
        return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        found = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError as error:
        raise JqlError(f"Date value {text!r} is invalid.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _words(value: Any) -> str:
    """The text in an Atlassian document or any other value."""
    if isinstance(value, str):
        return value
    inside = as_object(value)
    nested = " ".join(_words(inside[k]) for k in ("content", "text", "comments", "body") if k in inside)
    return nested or " ".join(_words(v) for v in as_objects(value))


def _values(issue: Json, properties: Mapping[str, Json], field: str) -> list[str]:
    fields: Json = issue["fields"]
    field = {"type": "issuetype", "component": "components", "resolved": "resolutiondate"}.get(field, field)
    entity = re.match(r"issue\.property\[([^\]]+)\]\.?(.*)", field)
    if entity:
        value = properties.get(issue["key"], {}).get(entity[1], {})
        return [str(value.get(entity[2], "")) if entity[2] else str(value)]
    if field in {"key", "issuekey"}:
        return [issue["key"]]
    if field == "project":
        return [str(fields["project"]["key"])]
    value: Any = fields.get(field)
    if field == "statuscategory":
        return {"new": ["to do"], "done": ["done"]}.get(fields["status"]["statusCategory"]["key"], ["in progress"])
    items = cast(list[Any], value) if isinstance(value, list) else [value]
    return [str(as_object(i).get("name", i)) for i in items if i is not None]


def _matches_text(issue: Json, field: str, value: str) -> bool:
    fields = issue["fields"]
    sources = ("summary", "description", "comment") if field == "text" else (field,)
    whole = " ".join(_words(fields.get(s)) for s in sources).lower()
    return all(word.rstrip("*") in whole for word in re.findall(r"[\w*-]+", _unquoted(value).lower()))


def _holds(issue: Json, properties: Mapping[str, Json], clause: str) -> bool:
    found = _CLAUSE.match(clause)
    if found is None:
        raise JqlError(f"Error in the JQL Query: {clause.strip()!r} is not understood.")
    field, operator, value = _unquoted(found["field"]), found["operator"].upper(), found["value"]
    if not field.startswith("issue.property"):
        field = field.lower()
    if field in _DATES and operator in {">=", "<=", ">", "<"}:
        have = _values(issue, properties, field)
        limit = _moment(value)
        at = datetime.strptime(have[0], "%Y-%m-%dT%H:%M:%S.%f%z") if have else None
        tests = {">=": 1, ">": 1, "<=": -1, "<": -1}
        return at is not None and (at - limit).total_seconds() * tests[operator] >= 0
    if operator in {"~", "!~"}:
        return _matches_text(issue, field, value) == (operator == "~")
    have = [v.lower() for v in _values(issue, properties, field)]
    if operator in {"IS", "IS NOT"}:
        return (not have) == (operator == "IS")
    wanted = (
        [_unquoted(v).lower() for v in value.strip("()").split(",")]
        if "IN" in operator
        else [_unquoted(value).lower()]
    )
    return any(v in wanted for v in have) == (operator in {"=", "IN"})


def sorted_matches(issues: list[Json], properties: Mapping[str, Json], jql: str) -> list[Json]:
    """The issues that a query finds, in its order. Raises JqlError."""
    text, _, order = (
        re.sub(r"\s+", " ", jql).partition(" ORDER BY ") if " ORDER BY " in jql.upper() else (jql, "", "")
    )
    if not text.strip() or text.upper().startswith("ORDER BY"):
        raise JqlError("Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
    found = [i for i in issues if all(_holds(i, properties, c) for c in _AND.split(text))]
    field, _, direction = order.strip().partition(" ")
    if field:
        found.sort(
            key=lambda i: str((_values(i, properties, field.lower()) or [""])[0]),
            reverse=direction.upper() == "DESC",
        )
    return found
