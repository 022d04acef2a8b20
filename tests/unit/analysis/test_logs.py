"""Log findings: exceptions with their place, rare lines that became frequent, levels, wrappings, hostile lines."""

from datetime import timedelta

import polars as pl
import pytest

from autopilot.analysis.clue import Clue
from autopilot.analysis.logs.clues import log_clues
from autopilot.analysis.logs.exceptions import condensed, whole_traces
from autopilot.analysis.logs.messages import templates
from autopilot.analysis.windows import Windows
from autopilot.case.schema import frame
from tests.unit.analysis.story import NOW, Story

JAVA = """2026-03-09 ERROR request failed
org.springframework.web.NestedException: Request failed
\tat org.springframework.web.Dispatcher.doService(Dispatcher.java:12)
Caused by: java.lang.NullPointerException: Cannot invoke "Price.amount()"
\tat java.util.Objects.requireNonNull(Objects.java:1)
\tat com.shop.orders.Pricing.total(Pricing.java:42)
\t... 12 more"""
PYTHON = """failed to handle
Traceback (most recent call last):
  File "/app/shop/api.py", line 10, in handle
    total(order)
  File "/app/shop/pricing.py", line 33, in total
    return a / b
  File "/usr/lib/python3.11/site-packages/decimal.py", line 5, in div
    raise
ZeroDivisionError: division by zero"""
NODE = """TypeError: Cannot read properties of undefined (reading 'id')
    at Object.handle (/app/src/cart.js:12:9)
    at node:internal/process/task_queues:96:5"""
GO = """panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation]
goroutine 33 [running]:
net/http.(*conn).serve.func1(0xc000)
\t/usr/local/go/src/net/http/server.go:1801 +0x147
main.(*Cart).Add(0x0, 0xc0001)
\t/src/cart.go:45 +0x1d"""
DOTNET = """Unhandled exception. System.InvalidOperationException: boom
   at System.Linq.First()
   at Shop.Cart.Add(Int32 id) in /src/Cart.cs:line 12"""
TRACES = {
    JAVA: ('NullPointerException: Cannot invoke "Price.amount()"', "com.shop.orders.Pricing.total"),
    PYTHON: ("ZeroDivisionError: division by zero", "total (pricing.py)"),
    NODE: ("TypeError: Cannot read properties of undefined (reading 'id')", "Object.handle"),
    GO: ("panic: runtime error: invalid memory address or nil pointer dereference", "main.(*Cart).Add"),
    DOTNET: ("InvalidOperationException: boom", "Shop.Cart.Add"),
}


def clues(story: Story) -> list[Clue]:
    case = story.case()
    return log_clues(case.table("logs"), Windows.of(case.scope))


def lines_of(text: str, milliseconds: float = 1) -> pl.DataFrame:
    rows = [
        {
            "time": NOW + timedelta(milliseconds=milliseconds * i), "service": "cart", "resource": "pod-1",
            "kind": "application", "message": line,
        }
        for i, line in enumerate(text.split("\n"))
    ]  # fmt: skip
    return frame("logs", rows)


@pytest.mark.parametrize("trace", TRACES)
def test_a_stack_trace_says_what_was_thrown_and_where_in_own_code(trace: str) -> None:
    (found,) = condensed(pl.DataFrame({"message": [trace], "trace": [trace]})).to_dicts()
    assert (found["thrown"], found["frame"]) == TRACES[trace]


@pytest.mark.parametrize("trace", TRACES)
def test_a_stack_trace_cut_into_lines_is_put_together(trace: str) -> None:
    cut = pl.concat([lines_of("all is well"), lines_of(trace), lines_of("all is well")])
    cut = cut.with_columns(time=pl.lit(NOW) + pl.duration(milliseconds=pl.int_range(pl.len())))
    found = templates(cut).filter("traced")
    assert found.height == 1
    assert TRACES[trace][1] in found["template"].item()


def test_indented_lines_that_come_later_are_no_part_of_a_trace() -> None:
    apart = lines_of("started\n\tat noon (planned)", milliseconds=60_000)
    assert whole_traces(apart).sort("time")["message"].to_list() == ["started", "\tat noon (planned)"]


def test_traces_of_one_place_are_one_finding_with_type_place_and_count() -> None:
    story = Story(1)
    story.logs("cart", "INFO", "basket {n} stored", 180, 5)
    for number in range(3):
        story.logs(
            "cart", "ERROR", JAVA.replace("amount", f"amount{chr(97 + number)}").replace(":42", ":4{n}"), 9, 4
        )
    found = [c.finding for c in clues(story) if c.finding.direction == "new"]
    assert len(found) == 1
    assert "exception of cart" in found[0].summary
    assert "NullPointerException" in found[0].summary
    assert "com.shop.orders.Pricing.total" in found[0].summary
    assert "(108 lines" in found[0].summary
    assert found[0].cause_kind is None


def test_a_rare_warning_that_becomes_frequent_is_seen_though_it_is_never_dense() -> None:
    story = Story(2)
    story.logs("cart", "INFO", "basket {n} stored", 180, 5)
    story.logs("cart", "WARN", "retrying payment {n}", 180, 0.03)
    story.logs("cart", "WARN", "retrying payment {n}", 28, 0.6)
    (found,) = clues(story)
    assert found.finding.direction == "up"
    assert "retrying payment" in found.finding.summary


def test_one_burst_of_an_ordinary_line_is_no_change() -> None:
    story = Story(3)
    story.logs("cart", "INFO", "basket {n} stored", 180, 5)
    story.logs("cart", "INFO", "compacted {n}", 180, 0.1)
    story.logs("cart", "INFO", "compacted {n}", 12, 60, until=11.8)
    assert clues(story) == []


def test_two_new_lines_of_a_short_baseline_are_no_news() -> None:
    story = Story(4)
    story.logs("cart", "INFO", "basket {n} stored", 180, 5)
    story.logs("cart", "INFO", "tidied {n}", 20, 0.1)
    assert clues(story) == []


@pytest.mark.parametrize(
    ("message", "level", "text"),
    [
        ('{"severity": "error", "msg": "no stock"}', "ERROR", "no stock"),
        ('{"level": 50, "msg": "no stock"}', "ERROR", "no stock"),
        ('ts=1 level=error msg="no stock left"', "ERROR", "no stock left"),
        ("E0312 10:11:12.1 1 store.go:1] no stock", "ERROR", "E0312 10:11:12.1 1 store.go:1] no stock"),
        ("2026/03/09 [warn] 1#1: no stock", "WARN", "2026/03/09 [warn] 1#1: no stock"),
        ("an error is not a level", "", "an error is not a level"),
    ],
)  # fmt: skip
def test_level_and_text_are_read_out_of_the_wrapping(message: str, level: str, text: str) -> None:
    (row,) = templates(lines_of(message)).to_dicts()
    assert (row["level"], row["text"]) == (level, text)


@pytest.mark.parametrize(
    "text", ["{", "}", "{}", "\t", "at x (y", "Traceback (most recent call last)", "\x00", "(" * 9_000, '"' * 9_000]
)
def test_hostile_lines_are_lines(text: str) -> None:
    assert templates(lines_of(f"fine\n{text}\nfine")).filter(pl.col("template").is_null()).is_empty()


def test_order_of_rows_does_not_change_the_clues() -> None:
    story = Story(5)
    story.logs("cart", "INFO", "basket {n} stored", 180, 5)
    story.logs("cart", "ERROR", JAVA, 9, 4)
    case = story.case()
    logs, windows = case.table("logs"), Windows.of(case.scope)
    told = [(c.finding, c.onset) for c in log_clues(logs, windows)]
    assert told == [(c.finding, c.onset) for c in log_clues(logs.sample(fraction=1, shuffle=True, seed=3), windows)]


def test_failures_that_begin_together_are_told_in_their_order() -> None:
    story = Story(6)
    story.logs("cart", "INFO", "basket {n} stored", 180, 5)
    story.logs("store", "ERROR", "disk {n} gave up", 9.0, 20)
    story.logs("cart", "ERROR", "no answer for {n}", 8.7, 20)
    story.logs("mail", "ERROR", "no basket {n}", 4, 20)
    told = {c.service: c.finding.summary for c in clues(story)}
    assert "the first of 2 services whose failures began together" in told["store"]
    assert " s after store" in told["cart"]
    assert "after" not in told["mail"]
    assert "together" not in told["mail"]
