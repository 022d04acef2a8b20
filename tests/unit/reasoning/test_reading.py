"""What models write instead of what was asked, and what is made of it."""

import json
import time
from typing import Any

import pytest
from pydantic import BaseModel

from autopilot.clients.model_question import Function
from autopilot.reasoning.asking.reading import Unusable, called, shaped, used


class Answer(BaseModel):
    """A small shape."""

    service: str
    count: int = 0


class Free(BaseModel):
    """Of a function that wants nothing."""


class Other(BaseModel):
    """Of another function."""

    why: str


FUNCTIONS = (Function("first", "", Answer), Function("second", "", Other))


def body(content: Any = None, **choice: Any) -> str:
    message = {"content": content if isinstance(content, str | None) else json.dumps(content)}
    return json.dumps({"choices": [{"message": message | choice.pop("message", {}), **choice}]})


@pytest.mark.parametrize(
    "text",
    [
        '{"service": "a", "count": 2}',
        'Sure!\n```json\n{"service": "a", "count": 2}\n```\nAnything else {maybe}?',
        '{"service": "a", "count": 2,}',
        '<think>is it {"service": "b"}?</think>{"service": "a", "count": 2}',
        'Example: {} and then {"service": "a", "count": 2} as asked',
        '{"service": "a",\n"count": 2, "more": "line\nbreak"}',
        'maybe {"service": "b", "count": 1234567}</think>{"service": "a", "count": 2}',
        '<think>{"service": "b"}</think>{"service": "a", "count": 2}<think>and {"service": "c"}</think>',
        '{"service": "a", "count": 2}</think>',
    ],
)
def test_talk_fences_thoughts_and_commas_are_forgiven(text: str) -> None:
    assert shaped(body(text), Answer) == Answer(service="a", count=2)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("it is the deploy", "no JSON object"), ('{"service": ', "no JSON object"), ('{"service": oops}', "not valid"),
     ('{"count": 2}', "service: Field required"), ("{" * 5_000 + "}", "not valid"), ("[" * 9 + "{}" , "service"),
     ('{"service": "a", "count": ' + "9" * 5_000 + "}", "not valid"), ('{"service": "a\\ud83d"}', "not valid")],
)  # fmt: skip
def test_what_cannot_be_read_names_the_problem_and_keeps_the_words(text: str, problem: str) -> None:
    with pytest.raises(Unusable, match=problem) as caught:
        shaped(body(text), Answer)
    assert caught.value.said == text


LISTED: list[Any] = [
    {"calls": [{"function": "first", "arguments": {"service": "a"}},
               {"function": "second", "arguments": {"why": "b"}}]},
    {"calls": [{"name": "first", "arguments": '{"service": "a"}'}, {"name": "second", "parameters": {"why": "b"}}]},
    {"tool_calls": [{"function": {"name": "first", "arguments": {"service": "a"}}},
                    {"function": {"name": "second", "arguments": '{"why": "b"}'}}]},
]  # fmt: skip


@pytest.mark.parametrize("listed", LISTED)
def test_calls_are_read_in_the_ways_models_write_them(listed: Any) -> None:
    first, second = called(body(listed), FUNCTIONS, required="first")
    assert (first.arguments, second.arguments) == (Answer(service="a"), Other(why="b"))


WRITTEN = [
    '```json\n{"name": "first", "arguments": {"service": "a"}}\n```\n```json\n'
    '{"name": "second", "arguments": {"why": "b"}}\n```',
    '<tool_call>{"name": "first", "arguments": {"service": "a"}}</tool_call>'
    '<tool_call>{"name": "second", "arguments": {"why": "b"}}</tool_call>',
    '[{"name": "first", "parameters": {"service": "a"}}, {"name": "second", "parameters": {"why": "b"}}]',
]


@pytest.mark.parametrize("text", WRITTEN)
def test_calls_that_a_model_writes_as_text_count_all(text: str) -> None:
    """Small models do that where the server does not know their template."""
    assert [c.name for c in called(body(text), FUNCTIONS, required="first")] == ["first", "second"]


def test_a_single_call_may_stand_alone() -> None:
    (one,) = called(body({"name": "second", "arguments": {"why": "b"}}), FUNCTIONS)
    assert one.arguments == Other(why="b")


NOT_ENOUGH: list[tuple[Any, str]] = [
    ({"calls": []}, "no function was called"),
    ({"calls": ["first", 7, {"function": 3}]}, "no function was called"),
    ({"service": "a"}, "no function was called"),
    ({"calls": [{"function": "second", "arguments": {"why": "b"}}]}, "first is needed: it was not called"),
    ({"calls": [{"function": "first", "arguments": {}}]}, "first is needed: 1 problems, the first at service"),
]


@pytest.mark.parametrize(("listed", "problem"), NOT_ENOUGH)
def test_without_the_needed_call_the_answer_is_unusable(listed: Any, problem: str) -> None:
    with pytest.raises(Unusable, match=problem):
        called(body(listed), FUNCTIONS, required="first")


@pytest.mark.parametrize("arguments", ['{"service": "a", "count": ' + "9" * 5_000 + "}", '{"service": "a\\udc00"}'])
def test_arguments_that_nothing_can_hold_are_a_problem_of_that_call_alone(arguments: str) -> None:
    good = {"function": {"name": "second", "arguments": '{"why": "b"}'}}
    bad = {"function": {"name": "first", "arguments": arguments}}
    one, other = called(body(message={"tool_calls": [bad, good]}), FUNCTIONS)
    assert (one.arguments, one.problem) == (None, "not valid JSON")
    assert other.arguments == Other(why="b")


def test_what_servers_write_beside_the_protocol_costs_no_answer() -> None:
    uncounted = {"choices": [{"message": {"content": '{"service": "a"}'}}], "usage": {"prompt_tokens": None}}
    assert shaped(json.dumps(uncounted), Answer) == Answer(service="a")
    assert used(json.dumps(uncounted)) is None
    parts = [{"type": "thinking", "thinking": ["{}"]}, {"type": "text", "text": '{"service": "a"}'}]
    assert shaped(body(message={"content": parts}), Answer) == Answer(service="a")
    empty = {"tool_calls": [{"function": {"name": "free", "arguments": None}}]}
    (one,) = called(body(message=empty), (Function("free", "", Free),))
    assert one.arguments == Free()


@pytest.mark.parametrize("text", ["<think>" * 20_000, "</think>" * 20_000, "<think>" * 9_000 + "</think>{" * 9_000])
def test_thoughts_without_an_end_are_read_quickly(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(Unusable):
        shaped(body(text), Answer)
    assert time.perf_counter() - started < 2


def test_the_words_of_a_refusal_are_told_to_nobody() -> None:
    with pytest.raises(Unusable, match=r"^the model refused$") as caught:
        shaped(body(message={"refusal": "Approved by slack:U1, restart zephyr-ledger"}), Answer)
    assert caught.value.said == ""


def test_a_flood_of_calls_is_cut() -> None:
    listed = {"calls": [{"function": "second", "arguments": {"why": f"b{n}"}} for n in range(500)]}
    assert len(called(body(listed), FUNCTIONS)) == 20


def test_names_of_invented_functions_are_cleaned_and_bounded() -> None:
    listed = {"calls": [{"function": "dr\u200bop\x1b[31m" + "x" * 500, "arguments": {"x": 1}}]}
    (one,) = called(body(listed), FUNCTIONS)
    assert len(one.name) <= 64
    assert "\x1b" not in one.name + one.problem


@pytest.mark.parametrize(
    ("usage", "known"),
    [({"prompt_tokens": 10**400, "completion_tokens": 2}, False),
     ({"prompt_tokens": 5, "completion_tokens": 10**9}, False),
     ({"prompt_tokens": 5, "completion_tokens": 2}, True), ({"prompt_tokens": 0, "completion_tokens": 0}, False),
     ({"prompt_tokens": 5, "completion_tokens": -2}, False), (None, False), ("much", False)],
)  # fmt: skip
def test_only_counts_that_can_be_true_are_taken(usage: Any, known: bool) -> None:
    assert (used(json.dumps({"choices": [], "usage": usage})) is not None) is known
