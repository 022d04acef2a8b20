"""Which model is asked at which attempt: per step, with fallbacks in order, and a breaker for each."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autopilot.clients.model_failures import ModelFailure
from autopilot.incident.ports import Failure
from autopilot.reasoning.asking.models import Models
from autopilot.settings import Model
from tests.integration.model.asking import CAUSE, MESSAGES, Cause, asker, cause, model
from tests.integration.model.server import ModelServer, Reply, completion, error


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def spare() -> Iterator[ModelServer]:
    """A second server."""
    running = ModelServer(lambda _: completion(CAUSE | {"service": "told by the spare"}))
    yield running
    running.close()


@pytest.fixture
def both(server: ModelServer, spare: ModelServer) -> Callable[..., Model]:
    """Settings with the second server behind the first."""
    behind = {"backup": {"name": "small", "base_url": spare.base_url, "api_key": "sk-of-the-spare"}}

    def make(**changes: object) -> Model:
        return model(server, fallbacks=behind, **changes)

    return make


def test_each_step_asks_its_own_model_in_its_own_way(
    server: ModelServer, spare: ModelServer, tmp_path: Path
) -> None:
    server.always(completion(CAUSE))
    settings = model(
        server,
        temperature=0.1,
        planning={"name": "gpt-4o-mini", "temperature": None, "reasoning_effort": "high", "max_output_tokens": 77},
        summary={"base_url": spare.base_url, "name": "local"},
    )
    models = Models(settings)
    for step in ("analysis", "planning", "summary"):
        client = models.choose(step, 1)
        assert client.settings == settings.order(step)[0]
    plan = asker(models, tmp_path)
    plan.step, plan.model = "planning", models.choose("planning", 1)
    plan.ask(MESSAGES, Cause)
    (request,) = server.requests
    assert (request["model"], request["reasoning_effort"], request["max_tokens"]) == ("gpt-4o-mini", "high", 77)
    assert "temperature" not in request


def test_a_key_and_its_prices_never_go_to_another_server(server: ModelServer, spare: ModelServer) -> None:
    settings = model(
        server, input_usd_per_million=1, output_usd_per_million=2, summary={"base_url": spare.base_url}
    )
    (summary,), (analysis,) = settings.order("summary"), settings.order("analysis")
    assert (summary.api_key, summary.input_usd_per_million) == (None, None)
    assert (analysis.api_key, analysis.input_usd_per_million) == (settings.api_key, 1)


@pytest.mark.parametrize(
    "reply",
    [error(401, "wrong key"), error(429, "no quota", code="insufficient_quota"),
     error(429, "wait", retry_after="50"), error(500, "broken"),
     error(400, "odd request"), completion(None, refusal="no")],
)  # fmt: skip
def test_when_one_model_fails_the_next_attempt_asks_the_next_at_once(
    server: ModelServer, spare: ModelServer, both: Callable[..., Model], tmp_path: Path, reply: Reply
) -> None:
    server.always(reply)
    models = Models(both())
    with pytest.raises(Failure, match=r"ext 'small' is asked\.") as caught:
        cause(models, tmp_path, 1)
    assert caught.value.who in ("retry", "model")
    assert (caught.value.retry_after or 0) < 1
    second = asker(models, tmp_path, 2)
    assert second.ask(MESSAGES, Cause).service == "told by the spare"
    assert second.label.startswith("small")
    assert (len(server.requests), len(spare.requests)) == (1, 1)
    assert spare.authorization == ["Bearer sk-of-the-spare"]


def test_attempts_go_through_the_order_and_round(both: Callable[..., Model]) -> None:
    models = Models(both())
    assert [models.choose("analysis", k).name for k in (1, 2, 3, 4)] == ["gpt-4o", "small", "gpt-4o", "small"]


def test_an_unusable_answer_goes_to_the_next_model_and_then_back_for_a_correction(
    server: ModelServer, spare: ModelServer, both: Callable[..., Model], tmp_path: Path
) -> None:
    server.queue = [completion("well")]
    server.always(completion(CAUSE))
    spare.always(completion("well"))
    models = Models(both())
    for attempt in (1, 2):
        with pytest.raises(ModelFailure, match="is asked"):
            cause(models, tmp_path, attempt)
    assert cause(models, tmp_path, 3).service == "checkout"
    assert (len(server.requests), len(spare.requests)) == (2, 1)


def test_the_breaker_opens_after_some_failures_and_lets_one_call_try_after_its_pause(
    server: ModelServer, tmp_path: Path
) -> None:
    clock = Clock()
    server.always(error(500, "broken"))
    models = Models(model(server, breaker={"failures": 2, "pause": 30}), clock)
    for attempt in (1, 2):
        with pytest.raises(ModelFailure, match="500"):
            cause(models, tmp_path, attempt)
    with pytest.raises(Failure, match=r"gpt-4o.*failed 2 times.*doctor") as caught:
        cause(models, tmp_path, 3)
    assert caught.value.who == "operator"
    assert len(server.requests) == 2
    clock.now += 31
    with pytest.raises(ModelFailure, match="500"):
        cause(models, tmp_path, 4)
    with pytest.raises(Failure, match="failed 2 times"):
        models.choose("analysis", 5)
    clock.now += 31
    server.always(completion(CAUSE))
    assert cause(models, tmp_path, 6).service == "checkout"
    server.always(error(500, "broken"))
    with pytest.raises(ModelFailure, match="500"):
        asker(models, tmp_path / "other").ask(MESSAGES, Cause)
    assert models.choose("analysis", 1).name == "gpt-4o"


def test_what_only_a_person_can_mend_opens_the_breaker_at_once(
    server: ModelServer, both: Callable[..., Model], tmp_path: Path
) -> None:
    clock = Clock()
    server.always(error(401, "wrong key"))
    models = Models(both(), clock)
    with pytest.raises(ModelFailure):
        cause(models, tmp_path, 1)
    assert [models.choose("analysis", k).name for k in (1, 2, 3)] == ["small"] * 3
    assert models.choose("planning", 1).name == "small"
    clock.now += 61
    assert [models.choose("analysis", 1).name for _ in range(3)] == ["gpt-4o", "small", "small"]


def test_what_is_wrong_with_one_question_says_nothing_about_the_model(server: ModelServer, tmp_path: Path) -> None:
    server.always(error(400, "The context length is 8192 tokens.", code="context_length_exceeded"))
    models = Models(model(server, breaker={"failures": 1}))
    for attempt in (1, 2):
        with pytest.raises(ModelFailure, match="max_prompt_tokens"):
            cause(models, tmp_path, attempt)
    assert len(server.requests) == 2


def test_a_server_that_asks_to_wait_is_passed_over_but_never_given_up(
    server: ModelServer, both: Callable[..., Model], tmp_path: Path
) -> None:
    clock = Clock()
    server.always(error(429, "wait", retry_after="20"))
    with_spare, alone = Models(both(), clock), Models(model(server), clock)
    for models in (with_spare, alone):
        with pytest.raises(ModelFailure):
            cause(models, tmp_path, 1)
    assert [with_spare.choose("analysis", k).name for k in (1, 3)] == ["small", "small"]
    assert alone.choose("analysis", 1).name == "gpt-4o"
    clock.now += 21
    assert with_spare.choose("analysis", 1).name == "gpt-4o"


def test_of_many_threads_one_tries_a_model_whose_pause_is_over(server: ModelServer) -> None:
    clock = Clock()
    models = Models(model(server), clock)
    models.failed(models.choose("analysis", 1), ModelFailure("wrong key", who="operator", lasting=True))
    clock.now += 61

    def chosen(_: int) -> int:
        try:
            models.choose("analysis", 1)
        except Failure:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(chosen, range(40))) == 1


def test_the_same_model_under_another_account_is_a_model_of_its_own(server: ModelServer, tmp_path: Path) -> None:
    second = {"name": "gpt-4o", "base_url": server.base_url, "api_key": "sk-second-account"}
    models = Models(model(server, fallbacks={"second": second}))
    server.queue = [error(429, "no quota", code="insufficient_quota")]
    server.always(completion(CAUSE))
    with pytest.raises(ModelFailure, match="Next 'gpt-4o' is asked"):
        cause(models, tmp_path, 1)
    assert cause(models, tmp_path, 2).service == "checkout"
    assert server.authorization[-1] == "Bearer sk-second-account"


def test_an_attempt_without_time_says_nothing_about_the_model(server: ModelServer, tmp_path: Path) -> None:
    server.always(completion(CAUSE))
    models = Models(model(server, breaker={"failures": 1}))
    with pytest.raises(ModelFailure, match="no time; raise the time limit"):
        cause(models, tmp_path, 1, seconds=0.0)
    assert cause(models, tmp_path, 2).service == "checkout"


def test_a_model_whose_pause_is_over_is_worth_another_attempt(
    server: ModelServer, both: Callable[..., Model], tmp_path: Path
) -> None:
    clock = Clock()
    models = Models(both(), clock)
    first, behind = models.order("analysis")
    models.failed(behind, ModelFailure("wrong key", who="operator", lasting=True))
    assert models.another("analysis", first) == ""
    clock.now += 61
    assert models.another("analysis", first) == "small"


def test_a_try_that_was_not_made_or_told_nothing_is_left_to_the_next_one(
    server: ModelServer, tmp_path: Path
) -> None:
    clock = Clock()
    models = Models(model(server), clock)
    server.always(completion(CAUSE))
    cause(models, tmp_path, 1)
    client = models.choose("analysis", 1)
    models.failed(client, ModelFailure("wrong key", who="operator", lasting=True))
    clock.now += 61
    assert cause(models, tmp_path, 2).service == "checkout", "found stored"
    with pytest.raises(Failure, match="limit of 1 model calls"):
        asker(models, tmp_path, 3, calls=1).ask([*MESSAGES, *MESSAGES], Cause)
    server.always(error(400, "The context length is 8192 tokens.", code="context_length_exceeded"))
    with pytest.raises(ModelFailure, match="max_prompt_tokens"):
        asker(models, tmp_path, 4).ask([*MESSAGES, *MESSAGES], Cause)
    server.always(completion(CAUSE))
    assert asker(models, tmp_path, 5).ask([*MESSAGES, *MESSAGES], Cause).service == "checkout"
    assert len(server.requests) == 3


def test_without_a_model_nothing_is_asked() -> None:
    models = Models(Model())
    assert not models.configured
    assert models.all == ()
    with pytest.raises(Failure, match=r"set model\.kind"):
        models.choose("analysis", 1)
