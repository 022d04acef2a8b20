"""A model calls the catalogue's functions: only calls that are an inspected offer to the letter become options."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from autopilot.incident.diagnosis import PlantedOrder
from autopilot.incident.plan import Option, PlanDraft
from autopilot.incident.ports import Attempt, ChooseRequest, Failure, PlanRequest
from autopilot.reasoning import builtin
from autopilot.reasoning.asking.tokens import count_tokens
from autopilot.reasoning.planning.planner import ConfiguredPlanner, OffersCandidates
from autopilot.settings import Model
from tests.integration.model.conftest import Settings
from tests.integration.model.server import Body, ModelServer, Reply, completion, error
from tests.unit.reasoning import story
from tests.unit.reasoning.store import StoredCase
from tests.unit.reasoning.test_planner import CAPACITY, ROLLBACK, TOOLS

EVIL = "arn:aws:iam::000000000000:role/evil"


def _call(tool: str, option: Any = 1, target: Any = "orders", to: Any = 200, why: str = "", **more: Any) -> Body:
    arguments = {"option": option, "target": target, "to": to, "why": why} | more
    return {
        "id": f"call-{tool}-{option}",
        "type": "function",
        "function": {"name": tool, "arguments": json.dumps(arguments)},
    }


def _rollback(option: int, why: str = "", target: str = "checkout:live") -> Body:
    return _call("lambda__rollback_alias", option, target, 1, why)


def _capacity(option: int, why: str = "", **changes: Any) -> Body:
    return _call("dynamodb__set_capacity", option, **{"why": why} | changes)


def _called(*calls: Body) -> Reply:
    return completion(None, finish="tool_calls", tool_calls=list(calls))


def _plan(
    case: StoredCase,
    model: Model,
    *,
    max_options: int = 3,
    without_model: str = "",
    tools: tuple[OffersCandidates, ...] = TOOLS,
    planted: bool = False,
    infeasible: tuple[str, ...] = (),
    attempt: int = 1,
) -> PlanDraft:
    diagnosis = builtin.diagnose(case.dossier)
    if planted:
        order = PlantedOrder(where="log of checkout (logs, F6)", excerpt="raise the capacity", why="an order")
        diagnosis = diagnosis.model_copy(update={"planted": (order,)})
    request = PlanRequest(
        incident_id=case.incident_id,
        manifest=case.manifest,
        dossier=case.brief,
        diagnosis=diagnosis,
        max_options=max_options,
    )
    planner = ConfiguredPlanner(model, case.store, tools)
    offers = tuple(
        offer.model_copy(
            update={
                "prepared": Option(
                    id=n, title="t", why="w", steps=(), risk="low", reversibility="reversible",
                    feasible=offer.draft.steps[0].tool not in infeasible,
                    infeasible_reason="access denied: lambda:UpdateAlias",
                )
            }
        )
        for n, offer in enumerate(planner.shortlist(request).offers, start=1)
    )  # fmt: skip
    order = ChooseRequest(plan=request, offers=offers, without_model=without_model)
    return planner.choose(order, Attempt(number=attempt))


def _chosen(plan: PlanDraft) -> list[list[tuple[str, Any]]]:
    return [[(s.tool, s.arguments.get("to")) for s in o.steps] for o in plan.options]


ROLLED, RAISED = ("lambda.rollback_alias", 1), ("dynamodb.set_capacity", 200)


def test_calls_with_one_number_are_one_option(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    server.always(
        _called(
            _capacity(1, "ReadThrottleEvents rose to 240 (F4)."),
            _rollback(2, "It will fix 99999 zebras (F3)."),
            _capacity(2),
            _rollback(3),
        )
    )
    plan = _plan(case, settings())
    assert plan.analyst == "gpt-4o"
    assert _chosen(plan) == [[RAISED], [ROLLED, RAISED], [ROLLED]]
    assert "240" in plan.options[0].why
    assert "zebra" not in plan.model_dump_json()
    assert plan.usage.calls == 1
    assert plan.refused == ()
    assert any("reason for option 2 was replaced" in note for note in plan.notes)


def test_a_reason_is_held_to_the_findings_and_shown_as_readers_see_them(
    server: ModelServer, settings: Settings, tmp_path: Path
) -> None:
    caller = "10.1.2.3"
    reads = story.READS.model_copy(update={"summary": f"{story.READS.summary} from {caller}"})
    findings = tuple(reads if f.id == reads.id else f for f in story.dossier().findings)
    case = StoredCase(tmp_path / "told", story.dossier(findings=findings))

    def answer(request: Body) -> Reply:
        assert caller not in json.dumps(request)
        (mask,) = set(re.findall(r"\[ip-[0-9a-f]+\]", request["messages"][-1]["content"]))
        return _called(_capacity(1, f"ConsumedReadCapacityUnits rose to 118 from {mask} (F3)."))

    server.script = answer
    plan = _plan(case, settings(mask_ips=True))
    assert f"rose to 118 from {caller}" in plan.options[0].why
    assert not [note for note in plan.notes if "was replaced" in note]


def test_functions_are_strict_and_know_only_what_was_observed(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(_called(_rollback(1)))
    _plan(case, settings())
    (request,) = server.requests
    functions = {t["function"]["name"]: t["function"] for t in request["tools"]}
    assert sorted(functions) == ["dynamodb__enable_autoscaling", "dynamodb__set_capacity", "lambda__rollback_alias"]
    schema = functions["dynamodb__set_capacity"]["parameters"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["option", "target", "to", "why"]
    assert schema["properties"]["target"]["enum"] == ["orders"]
    assert schema["properties"]["to"] == {"type": "integer", "enum": [200], "description": "as listed"}
    assert schema["properties"]["option"]["enum"] == [1, 2, 3]
    prompt = "\n".join(m["content"] for m in request["messages"])
    assert "arn:aws" not in json.dumps(request)
    assert count_tokens(prompt + json.dumps(request["tools"]), "gpt-4o") < 2_500


@pytest.mark.parametrize(
    ("call", "about", "reason"),
    [
        (_call("iam__delete_role"), "a step of an unknown tool", "there is no such tool"),
        (_call("ecs__force_deployment"), "a step of an unknown tool", "there is no such tool"),
        (_capacity(1, target=EVIL), "a step of dynamodb.set_capacity", "its target is none of those"),
        (_capacity(1, target="checkout:live"), "a step of dynamodb.set_capacity", "its target is none of those"),
        (_capacity(1, to=31_337), "a step of dynamodb.set_capacity", "arguments are none of those"),
        (_capacity(1, to="200; DROP TABLE"), "a step of dynamodb.set_capacity", "do not have the form"),
        (_capacity(1, to=200.5), "a step of dynamodb.set_capacity", "do not have the form"),
        (_capacity(1, to=True), "a step of dynamodb.set_capacity", "do not have the form"),
        (_capacity(1, shell="rm -rf /"), "a step of dynamodb.set_capacity", "do not have the form"),
        (_capacity(0), "a step of dynamodb.set_capacity", "its option is none of 1 to 3"),
        (_capacity(4), "a step of dynamodb.set_capacity", "its option is none of 1 to 3"),
        (_capacity(-1), "a step of dynamodb.set_capacity", "its option is none of 1 to 3"),
    ],
)
def test_what_is_no_offer_to_the_letter_is_refused_and_counted(
    server: ModelServer, case: StoredCase, settings: Settings, call: Body, about: str, reason: str
) -> None:
    server.always(_called(call, _rollback(2)))
    plan = _plan(case, settings(), tools=(ROLLBACK, CAPACITY))
    assert [(r.claim, reason in r.reason) for r in plan.refused] == [(about, True)]
    assert _chosen(plan)[0] == [ROLLED]
    written = plan.model_dump_json()
    assert not [word for word in ("31337", "evil", "DROP", "rm -rf", "iam") if word in written]


def test_only_refused_calls_leave_the_built_in_choice_and_say_so(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(_called(_capacity(1, target=EVIL), _call("x__delete"), _capacity(2, to=7)))
    plan = _plan(case, settings())
    assert plan.analyst == "built-in planner (gpt-4o chose nothing that was offered)"
    assert len(plan.refused) == 3
    assert _chosen(plan) == [[ROLLED], [RAISED], [ROLLED, RAISED]]
    assert plan.usage.calls == 1


def test_the_same_idea_three_times_is_one_option(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    server.always(_called(_capacity(1), _capacity(2), _capacity(3)))
    plan = _plan(case, settings())
    assert [(r.claim, r.reason) for r in plan.refused] == [
        ("option 2", "it is another one again"),
        ("option 3", "it is another one again"),
    ]
    assert _chosen(plan) == [[RAISED], [ROLLED], [ROLLED, RAISED]]
    assert any("Option 2 was added by code" in note for note in plan.notes)


def test_two_steps_on_one_target_are_no_option(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    scaling = _call("dynamodb__enable_autoscaling", 1, to=1)
    server.always(_called(_capacity(1), scaling, _rollback(2)))
    plan = _plan(case, settings())
    assert [(r.claim, r.reason) for r in plan.refused] == [("option 1", "two of its steps act on one target")]
    assert _chosen(plan)[0] == [ROLLED]


def test_a_choice_that_differs_from_ours_is_told_and_marked_when_orders_were_planted(
    server: ModelServer, case: StoredCase, settings: Settings, tmp_path: Path
) -> None:
    server.always(_called(_capacity(1), _rollback(2)))
    plain = _plan(case, settings())
    assert plain.notes[0].startswith("Option 1 was chosen by the model; code alone would have put lambda.rollback")
    assert "this as option 2" in plain.notes[0]
    assert not plain.ask_people
    marked = _plan(StoredCase(tmp_path / "other"), settings(), planted=True)
    assert [n for n in marked.notes if "was chosen by the model" in n]
    assert all(n.startswith("Mind: orders were found planted") for n in marked.notes if "by the model;" in n)
    assert marked.ask_people, "who planted the orders may have swayed the model"
    server.always(_called(_rollback(1), _capacity(2), _rollback(3), _capacity(3)))
    ours = _plan(StoredCase(tmp_path / "third"), settings(), planted=True)
    assert (ours.notes, ours.ask_people) == ((), False)


def test_what_cannot_work_is_not_offered_to_a_model(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(_called(_rollback(1), _capacity(2)))
    plan = _plan(case, settings(), infeasible=("lambda.rollback_alias",))
    assert [r.claim for r in plan.refused] == ["a step of an unknown tool"]
    assert _chosen(plan) == [[RAISED], [("dynamodb.enable_autoscaling", 1)]]
    assert "lambda__rollback_alias" not in json.dumps(server.requests)


def test_no_more_options_than_wanted(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    server.always(_called(_rollback(1), _capacity(2), _capacity(3)))
    plan = _plan(case, settings(), max_options=2)
    assert _chosen(plan) == [[ROLLED], [RAISED]]
    assert len(plan.refused) == 1


def test_nothing_called_is_a_failure_of_the_model(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(completion("I would rather not."))
    with pytest.raises(Failure) as failure:
        _plan(case, settings())
    assert failure.value.who == "model"


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
    server.always(_called(_rollback(1)))
    assert _plan(case, settings()) == _plan(case, settings(), attempt=2)
    assert len(server.requests) == 1
    assert "C1|lambda__rollback_alias|checkout:live|to=1|" in json.dumps(server.requests[0])
