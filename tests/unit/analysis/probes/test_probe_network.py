"""The network probe: calls that found nobody speak for it, answers of the far side against it."""

import pytest

from autopilot.case.case import Case
from tests.unit.analysis.probes.ask import ask, nothing
from tests.unit.analysis.probes.test_probe_trace import shop
from tests.unit.analysis.story import Story, healthy, throttled_checkout


def lines(text: str, *, peer_series: tuple[str, float] | None = None) -> Case:
    story = Story(2)
    story.add("topology", {"caller": "api", "callee": "cart", "weight": 1.0, "source": "configuration"})
    story.logs("api", "INFO", "request {n} served", 180, 6)
    if text:
        story.logs("api", "ERROR", text, 9, 12)
    if peer_series:
        name, level = peer_series
        story.metric("api", "host", name, "Sum", "Count", story.steps(2, (9, level)), Service="api")
    return story.case()


@pytest.mark.parametrize(
    "text",
    [
        "dial tcp: lookup cart on 10.0.0.2:53: no such host",
        "cart: connection refused",
        "read cart: connection reset by peer",
        "call to cart timed out after {n} ms",
    ],
)
def test_failures_of_connections_and_names_are_present(text: str) -> None:
    answer = ask(lines(text), "network", service="api", peer="cart")
    assert answer.outcome == "present"
    assert (answer.findings[0].kind, answer.findings[0].direction) == ("log", "new")


def test_retransmissions_that_rise_are_present_and_steady_ones_are_not() -> None:
    risen = ask(lines("", peer_series=("TcpRetransSegs", 90)), "network", service="api", peer="")
    steady = ask(lines("", peer_series=("TcpRetransSegs", 2)), "network", service="api", peer="")
    assert (risen.outcome, steady.outcome) == ("present", "absent")
    assert "1 series of the network" in steady.summary
    assert len(steady.findings) == 2


def test_rejections_are_answers() -> None:
    answer = ask(throttled_checkout(1), "network", service="checkout", peer="orders")
    assert answer.outcome == "absent"
    assert answer.summary.startswith("The far side answers")
    assert answer.findings[0].cause_kind == "throttled"


def test_calls_that_are_taken_up_are_answers() -> None:
    answer = ask(shop(work=250), "network", service="api", peer="store")
    assert answer.outcome == "absent"
    assert "40 calls of api were taken up by store" in answer.summary
    assert answer.findings[0].kind == "trace"


def test_lines_without_any_sign_are_an_answer_too() -> None:
    answer = ask(lines("tax rule for basket {n} has no rate"), "network", service="api", peer="cart")
    assert answer.outcome == "absent"
    assert "No new failure of connections" in answer.summary


def test_no_data_is_unknown() -> None:
    for case in (nothing(), lines("")):
        answer = ask(case, "network", service="cart", peer="api")
        assert answer.outcome == "unknown"
    known = ask(lines(""), "network", service="carts", peer="")
    assert known.outcome == "unknown"
    assert "cart" in known.summary


def test_host_outside_is_a_peer_as_well() -> None:
    answer = ask(
        lines("call to api.bank.example: connection refused"), "network", service="api", peer="api.bank.example"
    )
    assert answer.outcome == "present"
    assert "api.bank.example" in answer.summary


def test_lines_that_never_tell_of_any_failure_prove_nothing_by_their_silence() -> None:
    answer = ask(healthy(1), "network", service="checkout", peer="")
    assert (answer.outcome, answer.missing) == ("unknown", ())


def test_time_on_the_way_that_rises_is_present_though_every_call_arrives() -> None:
    answer = ask(shop(way=80), "network", service="api", peer="store")
    assert answer.outcome == "present"
    assert "The time on the way from api to store rose to 8" in answer.summary
    assert answer.findings[0].direction == "up"
    assert "yet it answers" in answer.summary


def test_rejections_of_somebody_else_are_no_answers_of_the_peer() -> None:
    answer = ask(throttled_checkout(1), "network", service="checkout", peer="catalog-db")
    assert not answer.summary.startswith("The far side answers")


@pytest.mark.parametrize("other", ["payments", "cart-db", "cartel"])
def test_failures_of_calls_to_somebody_else_do_not_convict_the_peer(other: str) -> None:
    story = Story(2)
    for callee in ("cart", other):
        story.add("topology", {"caller": "api", "callee": callee, "weight": 1.0, "source": "configuration"})
    story.logs("api", "ERROR", f"call to {other}: connection refused", 9, 12)
    assert ask(story.case(), "network", service="api", peer="cart").outcome == "absent"
    assert ask(story.case(), "network", service="api", peer=other).outcome == "present"
    assert ask(story.case(), "network", service="api", peer="").outcome == "present"


@pytest.mark.parametrize("text", ["connection refused", "call to bank.example: connection refused", "timed out"])
def test_failures_of_calls_to_nobody_known_neither_convict_nor_acquit_the_peer(text: str) -> None:
    answer = ask(lines(text), "network", service="api", peer="cart")
    assert answer.outcome == "unknown"
    assert "no line tells whether those to cart" in answer.summary
    assert ask(lines(text), "network", service="api", peer="").outcome == "present"


def test_calls_that_hardly_arrive_any_more_are_no_answers() -> None:
    answer = ask(shop(after=2), "network", service="api", peer="store")
    assert "taken up" not in answer.summary
