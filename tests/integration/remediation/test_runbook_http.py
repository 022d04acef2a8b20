"""HTTP runbooks against a receiver that knows keys: called once, taken back once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation.catalogue import build_catalogue
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Settings
from autopilot.settings_systems import HttpRunbook
from tests.integration.remediation.conftest import KEY, UNDO_KEY, do, plan, step_of, undo
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor

WARM = step_of("http.warm-cache", "http:warm-cache:checkout", size="small")


class Receiver:
    """A team's own endpoint that tells a repetition by its key.

    As https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ wants it.
    """

    def __init__(self) -> None:
        self.state: Any = {"warm": False, "nodes": ["a", "b"]}
        self.effects: dict[str, tuple[str, Any]] = {}
        self.refuses: list[Reply] = []
        self.seen: list[Asked] = []

    def __call__(self, asked: Asked) -> Reply:
        self.seen.append(asked)
        if asked.method == "GET":
            return Reply(status=404) if self.state is None else Reply(self.state)
        if self.refuses:
            return self.refuses.pop(0)
        assert asked.headers["content-type"] == "application/json"
        self.effects[asked.headers["idempotency-key"]] = (asked.path, json.loads(asked.body))
        self.state = {"warm": asked.path == "/warm"}
        return Reply({"ok": True})


@pytest.fixture(autouse=True)
def proxy() -> None:
    """No emulated cloud is needed here."""


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def url(receiver: Receiver) -> Iterator[str]:
    with Vendor(receiver) as vendor:
        yield vendor.url


def toolbox_of(url: str, **more: Any) -> CatalogueToolbox:
    """A toolbox of one runbook; without more it tells no state and cannot be taken back."""
    settings = {"url": f"{url}/warm?site=1", "body": {"size": ("small", "large")}, "token": "secret"} | more
    return CatalogueToolbox(
        build_catalogue(Settings.model_validate({"runbooks": {"http": {"warm-cache": settings}}}))
    )


@pytest.fixture
def toolbox(url: str) -> CatalogueToolbox:
    return toolbox_of(url, undo_url=f"{url}/cool", state_url=f"{url}/state")


def test_it_is_planned_without_calling_it(toolbox: CatalogueToolbox, receiver: Receiver) -> None:
    option = plan(toolbox, WARM)
    assert option.feasible
    assert (option.risk, option.reversibility) == ("medium", "reversible")
    prepared = option.steps[0]
    assert prepared.before.settings == {"warm": False, "nodes": '["a", "b"]'}
    assert prepared.dry_run.changes[0].endswith('/warm with {"size": "small"}')
    assert "site=1" not in prepared.dry_run.changes[0]
    assert "secret" not in option.model_dump_json()
    assert {asked.method for asked in receiver.seen} == {"GET"}
    assert receiver.seen[0].headers["authorization"] == "Bearer secret"


def test_it_is_called_once_and_taken_back_once(toolbox: CatalogueToolbox, receiver: Receiver) -> None:
    prepared = plan(toolbox, WARM).steps[0]
    assert toolbox.execute(do(prepared), 1).status == "done"
    for attempt in (1, 2):
        assert toolbox.execute(undo(prepared), attempt).status == "done"
    assert receiver.effects == {KEY: ("/warm", {"size": "small"}), UNDO_KEY: ("/cool", {"size": "small"})}


def test_a_repetition_goes_out_under_the_same_key(url: str, receiver: Receiver) -> None:
    toolbox = toolbox_of(url)
    prepared = plan(toolbox, WARM).steps[0]
    assert prepared.undo is None
    for attempt in (1, 2):
        assert toolbox.execute(do(prepared), attempt).status == "done"
    assert [asked.headers["idempotency-key"] for asked in receiver.seen] == [KEY, KEY]


def test_a_failing_receiver_is_asked_again_under_the_same_key(
    toolbox: CatalogueToolbox, receiver: Receiver
) -> None:
    prepared = plan(toolbox, WARM).steps[0]
    receiver.refuses = [Reply(status=503)]
    assert toolbox.execute(do(prepared), 1).status == "done"
    assert list(receiver.effects) == [KEY]


@pytest.mark.parametrize(
    ("reply", "who", "told"),
    [
        (Reply(status=429, headers={"Retry-After": "60"}), "retry", "rate limit"),
        (Reply(status=409), "retry", "at the same moment"),
        (Reply({"message": "no"}, 403), "operator", "grant http: POST http://127.0.0.1"),
        (Reply(status=401), "operator", "access was denied"),
    ],
    ids=["throttled", "in conflict", "denied", "not known"],
)
def test_what_may_help_later_or_by_somebody_is_a_failure(
    reply: Reply, who: str, told: str, toolbox: CatalogueToolbox, receiver: Receiver
) -> None:
    prepared = plan(toolbox, WARM).steps[0]
    receiver.refuses = [reply, reply]
    with pytest.raises(Failure) as failure:
        toolbox.execute(do(prepared), 1)
    assert failure.value.who == who
    assert told in str(failure.value)
    assert receiver.effects == {}


def test_a_refusal_is_a_result_with_its_reason(toolbox: CatalogueToolbox, receiver: Receiver) -> None:
    prepared = plan(toolbox, WARM).steps[0]
    receiver.refuses = [Reply({"message": "cache is full"}, 422)]
    result = toolbox.execute(do(prepared), 1)
    assert result.status == "failed"
    assert "cache is full" in result.detail


def test_a_state_that_changed_meanwhile_stops_the_call_and_after_an_attempt_is_a_doubt(
    toolbox: CatalogueToolbox, receiver: Receiver
) -> None:
    prepared = plan(toolbox, WARM).steps[0]
    receiver.state = {"warm": True}
    assert toolbox.execute(do(prepared), 1).status == "changed_world"
    second = toolbox.execute(do(prepared), 2)
    assert second.status == "unknown"
    assert "an earlier attempt may have made it so" in second.detail
    assert receiver.effects == {}


def test_a_state_that_is_gone_makes_it_infeasible(toolbox: CatalogueToolbox, receiver: Receiver) -> None:
    receiver.state = None
    option = plan(toolbox, WARM)
    assert "does not exist" in option.infeasible_reason
    assert toolbox.execute(do(option.steps[0]), 1).status == "refused"


def test_a_long_state_is_told_in_part_and_compared_whole(toolbox: CatalogueToolbox, receiver: Receiver) -> None:
    receiver.state = {f"key{n}": "x" * 5_000 for n in range(50)}
    prepared = plan(toolbox, WARM).steps[0]
    assert len(prepared.before.settings) == 21
    assert all(len(str(value)) < 100 for value in prepared.before.settings.values())
    receiver.state["key49"] = "y"
    assert toolbox.execute(do(prepared), 1).status == "changed_world"


def test_a_state_that_is_no_object_is_a_state_too(toolbox: CatalogueToolbox, receiver: Receiver) -> None:
    receiver.state = ["cold\u202e"]
    assert plan(toolbox, WARM).steps[0].before.settings == {"state": '["cold\\u202e"]'}


@pytest.mark.parametrize(
    "step",
    [
        WARM.model_copy(update={"arguments": {"size": "huge"}}),
        WARM.model_copy(update={"arguments": {}}),
        WARM.model_copy(update={"arguments": {"size": "small", "url": "http://elsewhere"}}),
        WARM.model_copy(update={"target": "http:drop-database:checkout"}),
    ],
)
def test_what_is_not_on_the_allow_list_is_refused(
    step: Step, toolbox: CatalogueToolbox, receiver: Receiver
) -> None:
    option = plan(toolbox, step)
    assert not option.feasible
    assert toolbox.execute(do(option.steps[0]), 1).status == "refused"
    assert receiver.seen == []


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ftp://runbooks.example/warm"},
        {"url": "https://runbooks.example/warm", "undo_url": "https://elsewhere.example/cool"},
        {"url": "https://runbooks.example/warm", "state_url": "http://runbooks.example/state"},
        {"url": "https://runbooks.example/warm", "body": {"size": ()}},
        {"url": "https://runbooks.example/warm", "helps_against": ("gremlins",)},
    ],
    ids=["no http", "undo elsewhere", "state without encryption", "nothing to choose", "no kind of cause"],
)
def test_a_runbook_that_cannot_be_used_stops_the_start(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HttpRunbook.model_validate(settings)
