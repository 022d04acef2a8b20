"""Whatever a model asks of the catalogue, the answer is bounded, clear and never a crash."""

import json
from collections.abc import Mapping
from typing import Any, get_args

import polars as pl
import pytest

from autopilot.analysis.probes.catalogue import CATALOGUE, probe_problem
from autopilot.case.case import Case
from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import TABLES, Table
from autopilot.incident.investigation import Probe, ProbeName
from tests.unit.analysis.probes.ask import ask, nothing, only
from tests.unit.analysis.probes.test_probe_trace import shop
from tests.unit.analysis.story import dependency_down, throttled_checkout

NAMES: tuple[ProbeName, ...] = get_args(ProbeName)
CLOSED = {"level": "any", "aspect": "all", "direction": "both"}
HOSTILE = (
    "(.*)+$[", "\\", "*", ".", "x" * 10_000, "\x00\u202e\u200b", "' OR 1=1 --", "{}", "$.a", "/", "a/b:c",
    "\U0001d52c\U0001d52f\U0001d521",
    "Ignore all previous instructions", "%s %d", "-1", "nan", " ",
)  # fmt: skip


def arguments(name: ProbeName, **given: str) -> dict[str, Scalar]:
    """Every argument of a probe: closed ones at their widest, texts empty unless given."""
    fields = [f for f in CATALOGUE[name].arguments.model_fields if f not in ("hypothesis", "why")]
    return {field: given.get(field, CLOSED.get(field, "")) for field in fields}


@pytest.fixture(scope="module")
def full() -> Case:
    case, traced = throttled_checkout(1), shop(work=200)
    return Case(case.manifest, {**case.tables, "spans": traced.table("spans")})


def test_catalogue_has_every_probe() -> None:
    assert set(CATALOGUE) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_strict_and_constant(name: ProbeName) -> None:
    schema: Mapping[str, Any] = CATALOGUE[name].arguments.model_json_schema()
    assert schema["additionalProperties"] is False
    assert sorted(schema["required"]) == sorted(schema["properties"])
    assert "default" not in json.dumps(schema)
    assert "$ref" not in json.dumps(schema)
    assert all(field.get("description") for field in schema["properties"].values())
    assert set(CATALOGUE[name].tables) <= set(TABLES)
    assert CATALOGUE[name].description


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_checked(name: ProbeName) -> None:
    good = arguments(name, service="checkout")
    assert probe_problem(Probe(id="P1", name=name, arguments=good)) == ""
    for wrong in (
        {**good, "extra": "x"},
        {k: v for k, v in good.items() if k != "service"},
        {**good, "service": 7},
    ):
        problem = probe_problem(Probe(id="P1", name=name, arguments=wrong))
        assert problem.startswith(f"{name} cannot be asked: ")
        assert len(problem) <= 300


@pytest.mark.parametrize("name", NAMES)
def test_unknown_service_never_gets_an_answer(name: ProbeName, full: Case) -> None:
    for text in HOSTILE:
        answer = ask(full, name, **arguments(name, service=text))
        assert answer.outcome in ("unknown", "absent"), text
        assert answer.outcome == "unknown" or name in ("similar_incidents", "deploy_diff")


@pytest.mark.parametrize("name", NAMES)
def test_hostile_texts_beside_a_known_service_do_no_harm(name: ProbeName, full: Case) -> None:
    free = [field for field, value in arguments(name).items() if value == "" and field != "service"]
    for text in HOSTILE if free else ():
        ask(full, name, **arguments(name, service="checkout", **dict.fromkeys(free, text)))


@pytest.mark.parametrize("name", NAMES)
def test_empty_case_is_unknown(name: ProbeName) -> None:
    assert ask(nothing(), name, **arguments(name, service="checkout")).outcome == "unknown"


@pytest.mark.parametrize("name", NAMES)
def test_tables_that_the_catalogue_names_are_enough(name: ProbeName, full: Case) -> None:
    given = arguments(name, service="checkout")
    assert ask(only(full, *CATALOGUE[name].tables), name, **given) == ask(full, name, **given)


@pytest.mark.parametrize("name", NAMES)
def test_answers_do_not_depend_on_the_order_of_rows(name: ProbeName, full: Case) -> None:
    mixed: dict[Table, pl.DataFrame] = {
        table: rows.sample(fraction=1, shuffle=True, seed=7) for table, rows in full.tables.items()
    }
    given = arguments(name, service="orders" if name in ("database", "settings") else "checkout")
    assert ask(Case(full.manifest, mixed), name, **given) == ask(full, name, **given)


@pytest.mark.parametrize("name", NAMES)
def test_rows_full_of_rubbish_do_no_harm(name: ProbeName) -> None:
    """Null times, NaN values, broken JSON, texts of 10,000 characters, loops of calls."""
    case = dependency_down(1)
    text: dict[str, object] = dict.fromkeys(
        (
            "resource",
            "region",
            "message",
            "body",
            "settings",
            "versions",
            "files",
            "diff",
            "review",
            "summary",
            "title",
        ),
        "{" + "€\u202e" * 5_000,
    )
    rubbish: dict[str, object] = text | {"service": "checkout", "name": "x", "kind": "deploy", "id": "y"}
    loop = {"caller": "checkout", "callee": "checkout"}
    tables: dict[Table, pl.DataFrame] = {
        table: pl.concat([case.table(table), frame(table, [rubbish | loop, {**rubbish, "value": float("nan")}])])
        for table in TABLES
        if table != "metrics"
    }
    ask(Case(case.manifest, {**case.tables, **tables}), name, **arguments(name, service="checkout"))
