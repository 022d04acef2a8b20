"""Template mining: what belongs together, whatever the order, and that hostile text cannot make it slow."""

import time

import numpy as np
import polars as pl
import pytest

from autopilot.analysis.logs.drain import WILDCARD, mine
from autopilot.analysis.logs.messages import templates
from autopilot.case.schema import frame
from benchmarks.log_lines import draw_lines
from benchmarks.references import drain3_groups
from benchmarks.speed_ratios import grouping_accuracy


def mined(*texts: str) -> list[str]:
    return mine(pl.Series(texts, dtype=pl.String)).to_list()


def test_words_that_vary_become_wildcards_and_other_lines_stay_apart() -> None:
    texts = (
        "user ada logged in",
        "user bob logged in",
        "user eve logged in",
        "cache is cold today",
        "user ada left",
    )
    assert mined(*texts) == [f"user {WILDCARD} logged in"] * 3 + ["cache is cold today", "user ada left"]


def test_first_words_and_lengths_keep_texts_apart() -> None:
    assert len(set(mined("a b c d e f", "x b c d e f", "a b c d e f g"))) == 3


def test_first_tokens_that_vary_share_a_leaf() -> None:
    assert len(set(mined("<n> is the answer of ada", "<ip> is the answer of ada"))) == 1


@pytest.mark.parametrize("seed", range(5))
def test_templates_do_not_depend_on_the_order_of_texts(seed: int) -> None:
    texts = draw_lines(np.random.default_rng(2), 500, 60).message
    order = np.random.default_rng(seed).permutation(len(texts))
    assert mine(texts.gather(order)).to_list() == mine(texts).gather(order).to_list()


def test_grouping_is_at_least_as_good_as_the_reference() -> None:
    lines = draw_lines(np.random.default_rng(3), 8_000, 800)
    rows = [{"message": text, "level": "INFO", "kind": "application"} for text in lines.message]
    asked = pl.DataFrame({"message": lines.message})
    found = templates(frame("logs", rows)).select("message", "template").unique("message")
    ours = asked.join(found, on="message", how="left", maintain_order="left")["template"]
    theirs = pl.Series(drain3_groups(lines.message.to_list()))
    assert grouping_accuracy(ours, lines.truth) >= max(grouping_accuracy(theirs, lines.truth), 0.9)


def test_texts_that_have_nothing_in_common_are_mined_in_bounded_time() -> None:
    random = np.random.default_rng(4)
    words = random.integers(0, 10_000, size=(20_000, 8))
    texts = ["x " + " ".join(f"w{chr(97 + n % 26)}{'q' * (n % 37)}" for n in row) for row in words.tolist()]
    began = time.perf_counter()
    found = mine(pl.Series(texts))
    assert found.null_count() == 0
    assert time.perf_counter() - began < 10


def test_odd_texts_have_a_template() -> None:
    odd = ("", " ", "<*>", "a" * 5_000, "x " * 3_000, "\x00 \u202e", "a  b")
    assert mined(*odd)[0] == ""
    assert None not in mined(*odd)
    assert mined() == []
