"""An incident never exceeds its limits: input and the greatest output are reserved before each call."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from autopilot.case.store import FolderCaseStore
from autopilot.incident.diagnosis import Usage
from autopilot.incident.investigation import Limits
from autopilot.incident.ports import Attempt, Failure
from autopilot.reasoning.asking.answers import FolderAnswers
from autopilot.reasoning.asking.asker import UNPRICED, Asker, spent
from autopilot.reasoning.asking.budget import BudgetSpent, Ledger, reservation
from autopilot.reasoning.asking.models import Models
from autopilot.reasoning.asking.prices import Price, price_of
from autopilot.reasoning.asking.tokens import count_tokens
from autopilot.settings_model import LanguageModel
from tests.integration.model.asking import CAUSE, FUNCTIONS, INCIDENT, MESSAGES, Cause, asker, model
from tests.integration.model.server import Body, ModelServer, calls, completion, error

OUTPUT = 400
PER_MILLION = {"input_usd_per_million": 1_000.0, "output_usd_per_million": 4_000.0}


def greedy(request: Body) -> Any:
    """Uses all the output it may, and exactly the input it was sent."""
    sent = sum(count_tokens(str(m["content"]), "gpt-4o") for m in request["messages"])
    return completion(CAUSE, tokens=(sent, request["max_tokens"]))


def ask_on(asking: Asker, questions: int) -> tuple[int, Failure | None]:
    """Put one question after the other: how many were answered, and what ended it."""
    for number in range(questions):
        try:
            asking.ask([*MESSAGES, {"role": "user", "content": f"question {number}"}], Cause)
        except Failure as failure:
            return number, failure
    return questions, None


def cost(usage: Usage) -> float:
    assert usage.cost_usd is not None
    return usage.cost_usd


@pytest.mark.parametrize(
    ("limits", "settings"),
    [
        ({"tokens": 3_000}, {}),
        ({}, {"max_tokens_per_incident": 3_000}),
        ({"tokens": 3_000}, {"max_tokens_per_incident": 100_000}),
        ({"usd": 10.0}, {"max_usd_per_incident": 1_000.0}),
        ({"usd": 1_000.0}, {"max_usd_per_incident": 10.0}),
    ],
)
def test_no_limit_is_exceeded_that_would_be_without_the_reservation(
    server: ModelServer, tmp_path: Path, limits: dict[str, Any], settings: dict[str, Any]
) -> None:
    server.script = greedy
    chosen = model(server, max_output_tokens=OUTPUT, **({"max_usd_per_incident": 1_000.0} | PER_MILLION | settings))
    tokens = min(limits.get("tokens", 10**9), chosen.max_tokens_per_incident)
    usd = min(limits.get("usd", 10.0**9), chosen.max_usd_per_incident)

    asking = asker(chosen, tmp_path / "limited", calls=1_000, **limits)
    answered, ended = ask_on(asking, 20)
    used = asking.usage
    assert isinstance(ended, BudgetSpent)
    assert ended.who == "operator"
    assert 2 <= answered == len(server.requests) < 20
    assert used.input_tokens + used.output_tokens <= tokens
    assert cost(used) <= usd

    free = asker(chosen, tmp_path / "free")
    free.ledger = Ledger(free.ledger.answers)
    assert ask_on(free, answered + 2)[1] is None
    over = free.usage
    assert over.input_tokens + over.output_tokens > tokens or cost(over) > usd


def test_the_number_of_calls_is_limited_too(server: ModelServer, tmp_path: Path) -> None:
    server.script = greedy
    answered, ended = ask_on(asker(model(server), tmp_path, calls=3), 5)
    assert (answered, len(server.requests)) == (3, 3)
    assert "limit of 3 model calls" in str(ended)


def test_an_unknown_price_means_the_token_limit_only_and_the_label_says_so(
    server: ModelServer, tmp_path: Path
) -> None:
    server.script = greedy
    chosen = model(server, name="in-house-7b", max_usd_per_incident=0.000001, max_output_tokens=OUTPUT)
    asking = asker(chosen, tmp_path, calls=1_000, tokens=4_000)
    answered, ended = ask_on(asking, 20)
    assert answered >= 2
    assert "token limit" in str(ended)
    assert asking.label == f"in-house-7b ({UNPRICED})"
    assert asking.usage.cost_usd is None


@pytest.mark.parametrize(
    ("name", "price"),
    [
        ("gpt-4o", Price(2.5, 10)),
        ("gpt-4o-2024-11-20", Price(2.5, 10)),
        ("openai/gpt-4o-mini-2024-07-18", Price(0.15, 0.6)),
        ("gpt-4o-2024-05-13", Price(5, 15)),
        ("ft:gpt-4o-mini:team", None),
        ("gpt-4o-audio-preview", None),
    ],
)
def test_a_release_has_the_price_of_its_family_unless_it_has_its_own(name: str, price: Price | None) -> None:
    assert price_of(LanguageModel(name=name)) == price


def test_a_price_of_nothing_is_a_price(server: ModelServer, tmp_path: Path) -> None:
    server.script = greedy
    asking = asker(model(server, name="in-house-7b", input_usd_per_million=0, output_usd_per_million=0), tmp_path)
    assert ask_on(asking, 1) == (1, None)
    assert (asking.label, asking.usage.cost_usd) == ("in-house-7b", 0.0)


def test_one_unknown_price_makes_the_cost_of_the_incident_unknown(server: ModelServer, tmp_path: Path) -> None:
    server.script = greedy
    known = asker(model(server), tmp_path)
    ask_on(known, 1)
    assert known.usage.cost_usd is not None
    unknown = asker(model(server, name="in-house-7b"), tmp_path)
    ask_on(unknown, 1)
    assert (unknown.usage.calls, unknown.usage.cost_usd) == (2, None)
    assert [entry.model for entry in unknown.ledger.entries()] == ["gpt-4o", "in-house-7b"]


def test_the_schemas_of_functions_are_counted_before_the_call(server: ModelServer, tmp_path: Path) -> None:
    server.always(error(500, "broken"))
    bare, equipped = asker(model(server), tmp_path / "a"), asker(model(server), tmp_path / "b")
    with pytest.raises(Failure):
        bare.ask(MESSAGES, Cause)
    with pytest.raises(Failure):
        equipped.call(MESSAGES, FUNCTIONS * 5)
    assert equipped.usage.input_tokens > bare.usage.input_tokens + 300


@pytest.mark.parametrize("tokens", [(0, 0), (-5, 3), (900, -1)])
def test_counts_that_cannot_be_true_leave_the_reservation(
    server: ModelServer, tmp_path: Path, tokens: tuple[int, int]
) -> None:
    server.always(calls(("diagnose", CAUSE), tokens=tokens))
    asking = asker(model(server, max_output_tokens=OUTPUT), tmp_path)
    asking.call(MESSAGES, FUNCTIONS)
    assert (asking.usage.calls, asking.usage.output_tokens) == (1, OUTPUT)


def test_what_was_spent_is_known_to_work_that_asks_no_model(server: ModelServer, tmp_path: Path) -> None:
    server.script = greedy
    assert spent(FolderCaseStore(tmp_path), INCIDENT) == Usage()
    asking = asker(model(server), tmp_path)
    ask_on(asking, 2)
    assert spent(FolderCaseStore(tmp_path), INCIDENT) == asking.usage
    assert asking.usage.calls == 2


def test_attempts_at_the_same_time_share_one_limit(server: ModelServer, tmp_path: Path) -> None:
    """Each thread has objects of its own over the same store, as several worker processes have."""
    room, start = 7, threading.Barrier(6)
    price = Price(1.0, 1.0)

    def attempt(name: int) -> int:
        ledger = Ledger(FolderAnswers(tmp_path), max_tokens=room * 100)
        start.wait()
        made = 0
        for number in range(4):
            try:
                ledger.reserve(reservation(f"{name}-{number}", "m", price, 60, 40))
            except BudgetSpent:
                continue
            made += 1
        return made

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(attempt, range(6))) == room
    entries = Ledger(FolderAnswers(tmp_path)).entries()
    assert len({entry.request for entry in entries}) == len(entries) == room


def test_an_unreadable_ledger_stops_the_calls_and_says_what_to_do(server: ModelServer, tmp_path: Path) -> None:
    server.script = greedy
    asking = asker(model(server), tmp_path)
    asking.answers.put("ledger-1", "{}")
    with pytest.raises(Failure, match=r"ledger cannot be read.*delete") as caught:
        asking.ask(MESSAGES, Cause)
    assert caught.value.who == "operator"
    assert server.requests == []


def test_the_stricter_of_two_limits_counts() -> None:
    models = Models(model("http://127.0.0.1:1/v1", max_tokens_per_incident=50))
    limits = Limits(tokens=80, usd=0.5)
    made = asker(models, Path("unused"), tokens=limits.tokens, usd=limits.usd)
    assert (made.ledger.max_tokens, made.ledger.max_usd) == (50, 0.5)
    assert made.seconds == Attempt(seconds=10.0).seconds
