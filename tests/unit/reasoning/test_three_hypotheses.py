"""Three explanations of a slow shop: the release, the load of its database, the network. Real tests leave one."""

import pytest

from autopilot.incident.diagnosis import Diagnosis, Hypothesis
from autopilot.incident.investigation import Investigation
from tests.unit.reasoning import shop_world
from tests.unit.reasoning.collected import Collected

Investigated = tuple[Diagnosis, Investigation]


@pytest.fixture(scope="module", params=[1, 2, 3])
def investigated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Investigated:
    """The built-in analyst's investigation, over the tables of the case."""
    case = Collected(tmp_path_factory.mktemp("shop"), shop_world.missing_query_optimisation(request.param))
    diagnosis, investigation, _ = case.investigated()
    return diagnosis, investigation


def about(diagnosis: Diagnosis, kind: str, service: str) -> Hypothesis:
    """The hypothesis about a place."""
    return next(h for h in diagnosis.hypotheses if (h.cause_kind, h.service) == (kind, service))


def refuted_by_probe(hypothesis: Hypothesis, investigation: Investigation) -> bool:
    """Whether what a probe answered refutes it: a decisive test made by it, or one that rests on its findings."""
    found = {f.id for r in investigation.results for f in r.findings}
    return hypothesis.standing == "refuted" and any(
        t.outcome == "refuted" and t.decisive and (t.probe or found & set(t.finding_ids)) for t in hypothesis.tests
    )


def test_the_release_without_the_optimised_query_is_confirmed(investigated: Investigated) -> None:
    diagnosis, investigation = investigated
    best = diagnosis.best
    assert best is not None
    assert (best.cause_kind, best.service, best.change_id) == ("bad_deploy", "checkout", shop_world.DEPLOY)
    assert best.standing == "confirmed"
    assert "asks once per item of a loop" in best.statement
    assert "SELECT * FROM items WHERE order_id" in best.statement
    assert "times as much of orders-db" in best.statement
    asked = {r.probe.id: r.probe.name for r in investigation.results}
    passed = {asked[t.probe] for t in best.tests if t.probe and t.outcome == "held" and t.decisive}
    assert passed == {"deploy_diff", "database"}


def test_load_of_the_database_and_the_network_fall_to_tests_that_were_made(investigated: Investigated) -> None:
    diagnosis, investigation = investigated
    assert refuted_by_probe(about(diagnosis, "cpu", "orders-db"), investigation)
    assert refuted_by_probe(about(diagnosis, "network", "checkout"), investigation)
    assert [h.standing for h in diagnosis.hypotheses].count("confirmed") == 1
    assert all(h.standing == "refuted" for h in diagnosis.hypotheses[1:])


def test_every_probe_was_really_answered_from_the_case(investigated: Investigated) -> None:
    _, investigation = investigated
    by_name = {r.probe.name: r for r in investigation.results}
    assert by_name["network"].outcome == "absent"
    assert by_name["deploy_diff"].outcome == "present"
    assert by_name["database"].outcome == "rose"
    told = " ".join(f.summary for r in investigation.results for f in r.findings)
    assert "Please bring the optimisation back" in told
    ids = [f.id for r in investigation.results for f in r.findings]
    assert len(set(ids)) == len(ids)


def test_the_tested_dossier_holds_what_the_probes_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    case = Collected(tmp_path_factory.mktemp("shop"), shop_world.missing_query_optimisation(1))
    diagnosis, investigation, tested = case.investigated()
    known = {f.id for f in tested.findings}
    cited = {i for h in diagnosis.hypotheses for i in (*h.supporting, *h.contradicting)}
    cited |= {i for h in diagnosis.hypotheses for t in h.tests for i in t.finding_ids}
    assert cited <= known
    assert {f.id for r in investigation.results for f in r.findings} <= known
    again, _, _ = case.investigated()
    assert again == diagnosis
