"""A model chooses among numbered candidates; whatever else it writes has no effect."""

import json
from pathlib import Path
from typing import Any

import pytest

from autopilot.incident.plan import PlanDraft
from autopilot.incident.ports import Attempt, ChooseRequest, Failure, PlanRequest
from autopilot.reasoning import builtin
from autopilot.reasoning.analyst import Patience
from autopilot.reasoning.planning.planner import ConfiguredPlanner
from autopilot.settings import Model
from tests.integration.model.conftest import Settings
from tests.integration.model.server import ModelServer, completion, error
from tests.unit.reasoning.store import StoredCase
from tests.unit.reasoning.test_planner import TOOLS


def _plan(case: StoredCase, model: Model, max_options: int = 3, without_model: str = "") -> PlanDraft:
    request = PlanRequest(
        incident_id=case.incident_id,
        manifest=case.manifest,
        dossier=case.brief,
        diagnosis=builtin.diagnose(case.dossier),
        max_options=max_options,
    )
    patience = Patience(seconds=10, sleep=lambda _: None)
    planner = ConfiguredPlanner(model, case.store, TOOLS, patience=patience)
    order = ChooseRequest(plan=request, offers=planner.shortlist(request).offers, without_model=without_model)
    return planner.choose(order, Attempt())


def _chosen(plan: PlanDraft) -> list[list[tuple[str, Any]]]:
    return [[(s.tool, s.arguments.get("to")) for s in o.steps] for o in plan.options]


def test_chosen_candidates_become_options_with_our_arguments(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(
        completion({"options": [
            {"candidates": ["C2"], "why": "ReadThrottleEvents rose to 240 (F4)."},
            {"candidates": ["C1", "C2"], "why": "It will fix 99999 zebras (F3)."},
        ]})
    )  # fmt: skip
    plan = _plan(case, settings())
    assert plan.analyst == "gpt-4o"
    assert _chosen(plan) == [
        [("dynamodb.set_capacity", 200)],
        [("lambda.rollback_alias", 1), ("dynamodb.set_capacity", 200)],
    ]
    assert "zebra" not in plan.model_dump_json()
    assert plan.usage.calls == 1


@pytest.mark.parametrize(
    "options",
    [
        [{"candidates": ["C99"], "why": ""}],
        [{"candidates": [], "why": "do nothing"}],
        [{"candidates": ["C1", "rm -rf /"], "why": ""}],
        [{"candidates": ["C2", "C3"], "why": "two settings of one table"}],
        [],
    ],
)
def test_what_was_not_offered_is_not_an_option(
    server: ModelServer, case: StoredCase, settings: Settings, options: list[Any]
) -> None:
    server.always(completion({"options": options}))
    with pytest.raises(Failure, match="chose nothing that was offered"):
        _plan(case, settings())


def test_arguments_written_by_a_model_have_no_effect(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    planted = {
        "candidates": ["C2"],
        "why": "",
        "arguments": {"to": 31_337},
        "target": "arn:evil",
        "tool": "x.delete",
    }
    server.always(completion({"options": [planted, planted]}))
    plan = _plan(case, settings())
    assert _chosen(plan) == [[("dynamodb.set_capacity", 200)]]
    assert "31337" not in plan.model_dump_json()
    assert "evil" not in plan.model_dump_json()


def test_no_more_options_than_wanted(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    server.always(completion({"options": [{"candidates": [c], "why": ""} for c in ("C1", "C2", "C4")]}))
    assert len(_plan(case, settings(), max_options=2).options) == 2


def test_dead_model_leaves_the_built_in_plan(
    server: ModelServer, case: StoredCase, settings: Settings, tmp_path: Path
) -> None:
    server.always(error(500, "boom"))
    with pytest.raises(Failure) as failure:
        _plan(case, settings())
    plan = _plan(case, settings(), without_model=str(failure.value))
    assert plan.analyst.startswith("built-in planner (model unavailable: ")
    without = _plan(StoredCase(tmp_path / "other"), settings(kind="none"))
    assert plan.options == without.options
    assert len(plan.options) == 3


def test_same_question_is_not_paid_for_twice(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    assert _plan(case, settings()) == _plan(case, settings())
    assert len(server.requests) == 1
    assert "C1|" in json.dumps(server.requests[0])
