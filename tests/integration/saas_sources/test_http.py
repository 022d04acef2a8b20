"""The HTTP client against a vendor that misbehaves."""

import pytest
from pydantic import TypeAdapter

from autopilot.clients.http import Api
from autopilot.incident.ports import Failure
from autopilot.sources.base import BudgetExceeded
from tests.integration.saas_sources.situation import budget
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor

ANY = TypeAdapter(dict[str, object])


class Waits:
    """Stands in for time.sleep: remembers how long was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def in_turn(*replies: Reply) -> "list[Reply]":
    return list(replies)


def api(vendor: Vendor, waits: Waits | None = None, max_answer: int = 1_000_000) -> Api:
    return Api("Vendor", vendor.url, sleep=waits or Waits(), max_answer=max_answer)


def test_a_rate_limit_is_waited_for_as_long_as_the_vendor_asks() -> None:
    replies = in_turn(Reply(status=429, headers={"Retry-After": "2"}), Reply({"ok": True}))
    waits = Waits()
    with Vendor(lambda _: replies.pop(0)) as vendor:
        answer = api(vendor, waits).get("thing")
    assert answer.parse(ANY) == {"ok": True}
    assert waits.seconds == [2.0]


def test_a_long_rate_limit_goes_to_the_caller_at_once() -> None:
    with (
        Vendor(lambda _: Reply(status=429, headers={"Retry-After": "600"})) as vendor,
        pytest.raises(Failure) as caught,
    ):
        api(vendor).get("thing")
    assert (caught.value.who, caught.value.retry_after, len(vendor.asked)) == ("retry", 600.0, 1)


def test_a_secondary_limit_is_a_limit_and_not_a_missing_permission() -> None:
    body = {"message": "You have exceeded a secondary rate limit"}
    with (
        Vendor(lambda _: Reply(body, 403, {"Retry-After": "60"})) as vendor,
        pytest.raises(Failure) as caught,
    ):
        api(vendor).get("thing")
    assert caught.value.who == "retry"
    assert caught.value.retry_after == 60


@pytest.mark.parametrize(
    ("status", "who"),
    [(400, "developer"), (401, "operator"), (403, "operator"), (404, "operator"), (301, "operator")],
)
def test_a_refusal_is_not_repeated_and_says_who_can_mend_it(status: int, who: str) -> None:
    with (
        Vendor(lambda _: Reply({"message": "no"}, status, {"Location": "http://elsewhere.test/"})) as vendor,
        pytest.raises(Failure) as caught,
    ):
        api(vendor).get("thing")
    assert caught.value.who == who
    assert len(vendor.asked) == 1


def test_a_broken_server_is_tried_again_and_each_attempt_is_spent() -> None:
    spent = budget(calls=10)
    with Vendor(lambda _: Reply(status=503)) as vendor, pytest.raises(Failure, match="503"):
        api(vendor).get("thing", spend=spent.spend)
    assert len(vendor.asked) == spent.used == 3


def test_the_budget_ends_repeated_attempts() -> None:
    with Vendor(lambda _: Reply(status=503)) as vendor, pytest.raises(BudgetExceeded):
        api(vendor).get("thing", spend=budget(calls=2).spend)
    assert len(vendor.asked) == 2


def test_a_write_is_not_repeated_after_a_server_error() -> None:
    with Vendor(lambda _: Reply(status=502)) as vendor, pytest.raises(Failure):
        api(vendor).send("POST", "thing", {"a": 1})
    assert len(vendor.asked) == 1


def test_an_oversize_answer_is_refused_and_not_read_to_its_end() -> None:
    with (
        Vendor(lambda _: Reply(b"x" * 50_000)) as vendor,
        pytest.raises(Failure, match="exceeds 1000 bytes"),
    ):
        api(vendor, max_answer=1_000).get("thing")


def test_a_login_page_instead_of_json_is_explained() -> None:
    with (
        Vendor(lambda _: Reply(b"<html>Sign in</html>")) as vendor,
        pytest.raises(Failure, match="login page") as caught,
    ):
        api(vendor).get("thing").parse(ANY)
    assert caught.value.who == "operator"


def test_credentials_never_follow_a_page_link_to_another_host() -> None:
    with Vendor(lambda _: Reply({})) as vendor, Vendor(lambda _: Reply({})) as stranger:
        with pytest.raises(Failure, match="base_url"):
            api(vendor).get(f"{stranger.url}/steal")
        assert stranger.asked == []


def test_nobody_listening_is_worth_a_retry() -> None:
    with Vendor(lambda _: Reply({})) as vendor:
        gone = vendor.url
    with pytest.raises(Failure) as caught:
        Api("Vendor", gone, sleep=Waits()).get("thing")
    assert caught.value.who == "retry"


def test_we_say_who_we_are() -> None:
    def reply(asked: Asked) -> Reply:
        return Reply({"agent": asked.headers["user-agent"]})

    with Vendor(reply) as vendor:
        assert str(api(vendor).get("thing").parse(ANY)["agent"]).startswith("aiops-auto-pilot/")
