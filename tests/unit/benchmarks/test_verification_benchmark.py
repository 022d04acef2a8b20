"""The verifier's benchmark: worlds whose truth is known, judged by the product's rules."""

import json

import pytest

from benchmarks.verification import KINDS, UNDECIDABLE, Watcher, main, measure
from benchmarks.verification_world import CAPACITY, World, after


@pytest.mark.parametrize("name", [name for name in KINDS if name not in (*UNDECIDABLE, "effect with gaps in data")])
def test_every_kind_of_outcome_is_told_as_it_was(name: str) -> None:
    kind = KINDS[name]
    assert [Watcher(kind.make(seed)).outcome() for seed in (0, 7)] == [kind.truth] * 2


def test_figures_say_what_was_false_and_what_was_missed() -> None:
    figures = measure(3)
    assert figures["outcomes"] == 3 * (len(KINDS) - len(UNDECIDABLE))
    assert figures["false_fixed"] == 0
    assert figures["self_healed_recall"] == 1.0
    assert figures["unwitnessed_said_fixed"] == 3
    assert set(figures["matrix"]) == set(KINDS)


def test_a_world_is_sick_until_something_mends_it() -> None:
    world = World(1, capacity=after(20, CAPACITY, 0.4 * CAPACITY))
    assert world.latency > 1
    world.acted = world.at
    world.until(world.at + 300)
    assert world.latency < 0.2


def test_one_json_object_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "1", "--json"]) == 0
    assert {"outcomes", "false_fixed", "fixed_recall", "self_healed_recall", "matrix"} <= set(
        json.loads(capsys.readouterr().out)
    )
    with pytest.raises(SystemExit):
        main(["--seeds", "0"])
