"""ServiceNow's encoded queries, as far as integrations use them: conditions, OR, new query, ordering."""

import re

from demo.saas.server import Json

_CONDITION = re.compile(
    r"^(?P<field>[a-z0-9_.]+?)"
    r"(?P<operator>NOT LIKE|STARTSWITH|ENDSWITH|ISNOTEMPTY|ISEMPTY|NOT IN|LIKE|IN|>=|<=|!=|=|>|<)"
    r"(?P<value>.*)$",
    re.DOTALL,
)
_GENERATED = re.compile(r"^javascript:gs\.dateGenerate\('([^']*)','([^']*)'\)$")


class QueryError(ValueError):
    """A part of the query that is not understood."""


def _one(row: Json, text: str) -> bool:
    if text.startswith("123TEXTQUERY321="):
        wanted = text.partition("=")[2].lower().split()
        whole = " ".join(str(v) for v in row.values()).lower()
        return all(word in whole for word in wanted)
    found = _CONDITION.match(text)
    if found is None:
        raise QueryError(f"Unknown condition {text!r}")
    have, operator, value = str(row.get(found["field"].split(".")[0], "")), found["operator"], found["value"]
    if generated := _GENERATED.match(value):
        value = f"{generated[1]} {generated[2]}"
    low, sought = have.lower(), value.lower()
    tests = {
        "=": lambda: low == sought,
        "!=": lambda: low != sought,
        "LIKE": lambda: sought in low,
        "NOT LIKE": lambda: sought not in low,
        "STARTSWITH": lambda: low.startswith(sought),
        "ENDSWITH": lambda: low.endswith(sought),
        "IN": lambda: low in sought.split(","),
        "NOT IN": lambda: low not in sought.split(","),
        "ISEMPTY": lambda: not have,
        "ISNOTEMPTY": lambda: bool(have),
        ">=": lambda: bool(have) and have >= value,
        "<=": lambda: bool(have) and have <= value,
        ">": lambda: bool(have) and have > value,
        "<": lambda: bool(have) and have < value,
    }
    return tests[operator]()


def matches(row: Json, query: str) -> bool:
    """Whether a row fits; `^OR` joins with the condition before it, `^NQ` starts anew. Raises QueryError."""
    return any(_all(row, part) for part in query.split("^NQ"))


def _all(row: Json, query: str) -> bool:
    result = True
    current: bool | None = None
    for raw in re.split(r"\^(?=OR(?!DERBY)|[^O]|O(?!R))|\^(?=ORDERBY)", query):
        if not raw or raw.startswith(("ORDERBY", "EQ")):
            continue
        if raw.startswith("OR") and current is not None:
            current = current or _one(row, raw[2:])
            continue
        result = result and (current is None or current)
        current = _one(row, raw)
    return result and (current is None or current)


def ordered(rows: list[Json], query: str) -> list[Json]:
    """Rows in the order that the query asks for."""
    found = list(rows)
    orders = [part for part in query.split("^") if part.startswith("ORDERBY")]
    for part in reversed(orders):
        down = part.startswith("ORDERBYDESC")
        field = part.removeprefix("ORDERBYDESC" if down else "ORDERBY")
        found.sort(key=lambda row: str(row.get(field, "")), reverse=down)
    return found
