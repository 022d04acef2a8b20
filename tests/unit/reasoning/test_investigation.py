"""Whole investigations by the built-in analyst: what it must survive, and what becomes of a person's idea."""

from pathlib import Path

import pytest

from autopilot.case.case import Case
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.investigation import Limits
from autopilot.reasoning.investigating.testing import attacks_on
from autopilot.reasoning.judging.claim import Claim
from tests.unit.analysis.story import dependency_down, healthy
from tests.unit.reasoning import fault_worlds, shop_world
from tests.unit.reasoning.collected import Collected


def standing(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """(kind, service) of everything that stands."""
    return [(h.cause_kind, h.service) for h in diagnosis.hypotheses if h.standing in ("confirmed", "likely")]


@pytest.mark.parametrize("case", [healthy(1), fault_worlds.noisy_and_well(1), fault_worlds.noisy_and_well(2)])
def test_where_nothing_is_wrong_nobody_is_blamed(case: Case, tmp_path: Path) -> None:
    diagnosis, investigation, _ = Collected(tmp_path, case).investigated()
    best = diagnosis.best
    assert best is not None
    assert (best.cause_kind, best.standing, best.confidence) == ("unknown", "inconclusive", 0.0)
    assert best.statement.startswith("Nothing is wrong with checkout as far as it was measured")
    assert standing(diagnosis) == []
    assert diagnosis.causal_chain == ()
    assert diagnosis.next_steps[0].startswith("Check the alert itself")
    assert investigation.results == ()


def test_where_nothing_was_measured_that_is_what_is_said(tmp_path: Path) -> None:
    diagnosis, _, _ = Collected(tmp_path, fault_worlds.nothing_collected(1)).investigated()
    best = diagnosis.best
    assert best is not None
    assert "cannot be told" in best.statement
    assert "metrics, logs, traces" in best.statement
    assert best.standing == "inconclusive"
    assert any("Close this gap" in step for step in diagnosis.next_steps)


def test_noise_around_a_fault_does_not_hide_it(tmp_path: Path) -> None:
    case = fault_worlds.heavy_release(3, noise=True).case()
    diagnosis, _, _ = Collected(tmp_path, case).investigated()
    assert standing(diagnosis)[0] == ("bad_deploy", "checkout")
    assert not any(h.service.startswith("node-") for h in diagnosis.hypotheses)


@pytest.mark.parametrize("seed", [1, 2])
def test_two_faults_at_once_stand_side_by_side(seed: int, tmp_path: Path) -> None:
    diagnosis, _, _ = Collected(tmp_path, fault_worlds.two_faults(seed)).investigated()
    assert {("bad_deploy", "checkout"), ("memory", "suggest")} <= set(standing(diagnosis))
    assert any(step.startswith("Two faults may have come together") for step in diagnosis.next_steps)


def test_one_fault_is_not_called_two(tmp_path: Path) -> None:
    diagnosis, _, _ = Collected(tmp_path, fault_worlds.heavy_release(1).case()).investigated()
    assert diagnosis.next_steps == ()


def test_missing_tables_make_tests_silent_and_never_raise_confidence(tmp_path: Path) -> None:
    whole = shop_world.missing_query_optimisation(1)
    poorer = type(whole)(whole.manifest, {k: v for k, v in whole.tables.items() if k not in ("changes", "spans")})
    full, _, _ = Collected(tmp_path / "full", whole).investigated()
    less, investigation, _ = Collected(tmp_path / "less", poorer).investigated()
    assert less.best is not None
    assert full.best is not None
    assert less.best.confidence < full.best.confidence
    assert {g.source for g in less.gaps} >= {"changes", "traces"}
    assert all(r.outcome != "unknown" or not r.findings for r in investigation.results)


@pytest.mark.parametrize(
    ("said", "kind", "service"),
    [
        ("surely the network", "network", "checkout"),
        ("orders-db has too few connections", "connection_pool", "orders-db"),
        ("look at v3.2.0", "bad_deploy", "checkout"),
    ],
)
def test_an_idea_of_a_person_is_tested_by_probes_and_keeps_its_name(
    said: str, kind: str, service: str, tmp_path: Path
) -> None:
    case = Collected(tmp_path, shop_world.missing_query_optimisation(1))
    diagnosis, investigation, _ = case.investigated(feedback=(said,))
    idea = next(h for h in diagnosis.hypotheses if h.asked_by == said)
    assert (idea.cause_kind, idea.service) == (kind, service)
    asked = investigation.turns[0].proposed.index(
        next(p for p in investigation.turns[0].proposed if (p.cause_kind, p.service) == (kind, service))
    )
    assert any(p.hypothesis == asked + 1 for p in investigation.turns[0].probes)
    assert diagnosis.best is not None
    assert diagnosis.best.change_id == shop_world.DEPLOY  # whatever was asked, the evidence decides


def test_an_idea_that_matches_nothing_is_answered(tmp_path: Path) -> None:
    case = Collected(tmp_path, shop_world.missing_query_optimisation(1))
    diagnosis, _, _ = case.investigated(feedback=("mercury retrograde",))
    assert "'mercury retrograde' matches nothing" in diagnosis.next_steps[0]


def test_what_is_suspected_below_is_not_cleared_by_having_no_callees(tmp_path: Path) -> None:
    diagnosis, _, _ = Collected(tmp_path, dependency_down(1)).investigated()
    gateway = next(h for h in diagnosis.hypotheses if h.service == "bank-gateway")
    assert gateway.standing != "refuted"


def test_every_proposed_hypothesis_meets_a_test_within_the_limit(tmp_path: Path) -> None:
    case = Collected(tmp_path, shop_world.missing_query_optimisation(1))
    _, investigation, _ = case.investigated(limits=Limits(probes=4))
    turn = investigation.turns[0]
    assert {p.hypothesis for p in turn.probes} == set(range(1, len(turn.proposed) + 1))
    assert [p.id for p in turn.probes] == ["P1", "P2", "P3", "P4"]


def test_nothing_is_asked_twice() -> None:
    claims = {1: Claim("network", "checkout"), 2: Claim("network", "checkout")}
    first = attacks_on(claims, (), 8)
    assert [p.hypothesis for p in first] == [1, 1]
    assert attacks_on(claims, first, 8) == ()
    assert [p.id for p in attacks_on({1: Claim("memory", "search")}, first, 3)] == ["P3"]
