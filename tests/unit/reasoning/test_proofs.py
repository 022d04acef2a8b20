"""What an answer proves is decided by a table: no author can pick a test that proves nothing, or be echoed."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot.analysis.probes.catalogue import probe_problem
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CAUSE_KINDS, CauseKind
from autopilot.incident.diagnosis import Trial
from autopilot.incident.finding import Finding
from autopilot.incident.investigation import Probe, ProbeName, ProbeOutcome, ProbeResult
from autopilot.reasoning.investigating.testing import ATTACKS, UNTESTABLE, attacks_on
from autopilot.reasoning.judging.answers import answers_for, could_test
from autopilot.reasoning.judging.asked import INSTEAD, unechoed
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.proofs import PROOFS, meaning
from autopilot.reasoning.judging.weighing import Proposal, weigh
from tests.unit.reasoning import story

OUTCOMES: tuple[ProbeOutcome, ...] = get_args(ProbeOutcome)
NAMES: tuple[ProbeName, ...] = get_args(ProbeName)
BARE = story.dossier(findings=(story.ALARMED, story.DURATION), suspects=(), versions=())


def result(
    name: ProbeName, outcome: ProbeOutcome, *found: Finding, service: str = "checkout", **arguments: Scalar
) -> ProbeResult:
    probe = Probe(id="P1", name=name, arguments={"service": service, **arguments}, hypothesis=1, why="because")
    return ProbeResult(probe=probe, outcome=outcome, summary="what was found", findings=found)


def trial(kind: CauseKind, answer: ProbeResult, service: str = "checkout") -> Trial | None:
    made = answers_for(Claim(kind, service), BARE, (answer,))
    return made[0] if made else None


Expected = tuple[CauseKind, ProbeResult, str, bool]


@pytest.mark.parametrize(
    ("kind", "answer", "outcome", "decisive"),
    [
        ("slow_query", result("database", "rose", aspect="work_per_request"), "held", True),
        ("slow_query", result("database", "unchanged", aspect="work_per_request"), "refuted", True),
        ("bad_deploy", result("database", "rose", aspect="work_per_request"), "held", True),
        ("bad_deploy", result("database", "unchanged", aspect="work_per_request"), "refuted", False),
        ("traffic_surge", result("database", "rose", aspect="work_per_request"), "refuted", True),
        ("traffic_surge", result("metric", "unchanged", metric="requests"), "refuted", True),
        ("traffic_surge", result("metric", "rose", metric="requests"), "held", False),
        ("capacity", result("database", "unchanged", aspect="load"), "refuted", True),
        ("throttled", result("database", "absent", aspect="throttling"), "refuted", True),
        ("network", result("network", "absent", peer=""), "refuted", True),
        ("network", result("network", "present", peer=""), "held", True),
        ("memory", result("metric", "rose", metric="memory"), "held", True),
        ("memory", result("metric", "fell", metric="memory"), "refuted", True),
        ("cpu", result("metric", "unchanged", metric="cpu"), "refuted", True),
        ("connection_pool", result("database", "unchanged", aspect="connections"), "refuted", True),
        ("lock_contention", result("database", "rose", aspect="locks"), "held", True),
        ("dependency", result("neighbours", "present", direction="callers"), "held", False),
        ("dependency", result("trace", "unchanged", service="web", callee="checkout"), "refuted", True),
        ("bad_deploy", result("deploy_diff", "absent", change=""), "refuted", True),
        ("certificate", result("logs", "present", text="certificate", level="any"), "held", False),
        ("certificate", result("logs", "absent", text="x509", level="any"), "refuted", False),
        ("memory", result("metric", "unknown", metric="memory"), "silent", False),
    ],
)
def test_an_answer_says_what_the_table_says(
    kind: CauseKind, answer: ProbeResult, outcome: str, decisive: bool
) -> None:
    made = trial(kind, answer)
    assert made is not None
    assert (made.outcome, made.decisive, made.probe) == (outcome, decisive, "P1")


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("disk", result("metric", "rose", metric="latency")),  # slow is what the symptom is
        ("disk", result("logs", "absent", text="the disk of zebra-7 burns", level="any")),  # nobody writes that
        ("bad_deploy", result("deploy_diff", "present", change="")),  # that there was a change proves nothing
        ("bad_deploy", result("similar_incidents", "present", text="")),
        ("memory", result("metric", "rose", metric="memory", service="orders")),  # another place
        ("network", result("database", "unchanged", aspect="locks")),
        ("memory", result("logs", "unknown", text="what nobody would write", level="any")),
        ("unknown", result("network", "present", peer="")),
    ],
)
def test_a_test_that_proves_nothing_is_none(kind: CauseKind, answer: ProbeResult) -> None:
    assert trial(kind, answer) is None


def test_an_edit_that_shows_the_claim_is_a_test_it_passed() -> None:
    edit = story.CHANGE.model_copy(update={"id": "F20", "mechanism": "costly_code"})
    made = trial("bad_deploy", result("deploy_diff", "present", edit, change=""))
    assert made is not None
    assert (made.outcome, made.decisive, made.finding_ids) == ("held", True, ("F20",))
    assert trial("config_change", result("deploy_diff", "present", edit, change="")) is None


USED = story.finding(20, "state", "checkout", "ConcurrentExecutions of checkout uses up to 100% of it",
                     levels=(20, 100))  # fmt: skip


def test_a_limit_that_is_reached_and_one_with_room() -> None:
    full = USED.model_copy(update={"cause_kind": "capacity"})
    reached, room = (trial("capacity", result("settings", "present", f, setting="")) for f in (full, USED))
    assert reached is not None
    assert room is not None
    assert (reached.outcome, reached.decisive, room.outcome, room.decisive) == ("held", True, "refuted", False)
    no_limit = trial("memory", result("settings", "present", full, setting=""))
    assert no_limit is not None
    assert no_limit.outcome == "silent"  # that limit is not one of memory


def test_a_quiet_answer_does_not_refute_what_another_finding_shows() -> None:
    killed = story.LOGS.model_copy(update={"cause_kind": "memory"})
    dossier = BARE.model_copy(update={"findings": (*BARE.findings, killed)})
    quiet = result("metric", "unchanged", metric="memory")
    made = answers_for(Claim("memory", "checkout"), dossier, (quiet,))
    assert [(t.outcome, t.decisive) for t in made] == [("refuted", False)]


def test_every_kind_of_cause_can_meet_a_test_that_hurts_it() -> None:
    able: set[CauseKind] = {
        kind
        for kinds in PROOFS.values()
        for kind, outcomes in kinds.items()
        if any(m.says == "refuted" for m in outcomes.values())
    }
    assert {*CAUSE_KINDS} - able == set(UNTESTABLE)


@pytest.mark.parametrize("kind", sorted({*CAUSE_KINDS} - set(UNTESTABLE)))
@pytest.mark.parametrize("change_id", ["", "github:a1"])
def test_the_first_probe_that_code_asks_could_refute_the_claim(kind: CauseKind, change_id: str) -> None:
    claim = Claim(kind, "orders", change_id=change_id)
    first = attacks_on({1: claim}, (), 8, alarmed="checkout")[0]
    assert probe_problem(first) == ""
    assert could_test(first, claim)
    answers = [ProbeResult(probe=first, outcome=o, summary="x", findings=(USED,)) for o in OUTCOMES]
    assert "refuted" in {t.outcome for a in answers for t in answers_for(claim, BARE, (a,))}


def test_every_kind_of_cause_has_its_probes() -> None:
    assert set(ATTACKS) == set(CAUSE_KINDS)
    assert all(UNTESTABLE.values())


def test_how_a_dependency_answers_is_asked_of_who_alarmed() -> None:
    claim = Claim("dependency", "orders")
    calls, callers = attacks_on({1: claim}, (), 8, alarmed="checkout")
    assert calls.arguments == {"service": "checkout", "operation": "", "callee": "orders"}
    assert callers.name == "neighbours"
    assert attacks_on({1: claim}, (), 8, alarmed="orders")[0].name == "neighbours"  # nobody calls itself


@pytest.mark.parametrize("claim", [Claim("dependency", "checkout"), Claim("network", "web")])
def test_who_makes_no_such_calls_cannot_say_how_they_are_answered(claim: Claim) -> None:
    never, still = (
        result("trace", outcome, service="web", operation="", callee="checkout")
        for outcome in ("absent", "unchanged")
    )
    assert answers_for(claim, BARE, (never,)) == ()
    assert [t.outcome for t in answers_for(claim, BARE, (still,))] == ["refuted"]


RESULTS = st.builds(
    result,
    st.sampled_from(NAMES),
    st.sampled_from(OUTCOMES),
    st.sampled_from([story.DURATION, story.READS]),
    service=st.sampled_from(["checkout", "orders"]),
    aspect=st.sampled_from(["all", "load", "locks", "work_per_request", "throttling", "connections"]),
    metric=st.sampled_from(["cpu", "memory", "requests", "latency", ""]),
    text=st.sampled_from(["", "certificate", "lock", "zebra"]),
    direction=st.sampled_from(["both", "callees"]),
)
CLAIMS = st.builds(Claim, st.sampled_from(CAUSE_KINDS), st.sampled_from(["checkout", "orders", "checkout-api"]))


@settings(max_examples=200, deadline=None)
@given(CLAIMS, st.lists(RESULTS, max_size=4), RESULTS)
def test_contrary_and_missing_answers_never_raise_confidence(
    claim: Claim, results: list[ProbeResult], more: ProbeResult
) -> None:
    proposal, dossier = Proposal(claim, "x", supporting=("F3", "F5")), story.dossier()
    before, after = weigh(proposal, dossier, results), weigh(proposal, dossier, [*results, more])
    assert before.standing != "confirmed" or any(t.decisive and t.outcome == "held" for t in before.tests)
    if not any(t.outcome == "held" for t in answers_for(claim, dossier, (more,))):
        assert after.confidence <= before.confidence


def test_the_authors_words_are_no_answer() -> None:
    told = 'No line of checkout contains "the disk of zebra-7 burns"'
    absent = story.LOGS.model_copy(update={"id": "F20", "summary": told})
    answer = result("logs", "absent", absent, text="the disk of zebra-7 burns", level="any")
    clean = unechoed(answer.model_copy(update={"summary": told}))
    assert "zebra" not in clean.summary + clean.findings[0].summary
    assert clean.summary == f"No line of checkout contains {INSTEAD}"
    usual = result("logs", "absent", text="connection", level="any").model_copy(
        update={"summary": 'no "connection"'}
    )
    assert unechoed(usual).summary == 'no "connection"'
    present = answer.model_copy(update={"outcome": "present", "summary": told})
    assert unechoed(present) == present  # then the data itself has those words


def test_the_table_is_read_as_it_is_written() -> None:
    assert meaning("traffic_surge", "demand", "unknown") is None
    assert meaning("disk", "demand", "rose") is None


BLAMED = Claim("bad_deploy", "checkout", change_id="github:a1")
OTHER = story.CHANGE.model_copy(update={"id": "F20", "change_id": "github:b2", "mechanism": "costly_code"})


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (result("deploy_diff", "absent", change="github:b2"), None),
        (result("deploy_diff", "present", OTHER, change="github:b2"), None),
        (result("deploy_diff", "present", OTHER, change=""), None),
        (result("deploy_diff", "absent", change=""), ("refuted", True)),
        (result("deploy_diff", "absent", change="a1"), ("refuted", True)),
        (
            result("deploy_diff", "present", OTHER.model_copy(update={"change_id": "github:a1"}), change="v2"),
            ("held", True),
        ),
    ],
)
def test_only_the_blamed_change_decides_about_it(answer: ProbeResult, outcome: tuple[str, bool] | None) -> None:
    made = [(t.outcome, t.decisive) for t in answers_for(BLAMED, BARE, (answer,))]
    assert made == ([outcome] if outcome else [])


def test_one_late_change_does_not_clear_all_releases() -> None:
    made = trial("bad_deploy", result("deploy_diff", "absent", change="github:b2"))
    assert made is not None
    assert (made.outcome, made.decisive) == ("refuted", False)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("network", result("network", "absent", peer="payments")),
        ("network", result("trace", "unchanged", operation="", callee="payments")),
        ("memory", result("metric", "unchanged", metric="memory", region="eu-west-1")),
        ("dependency", result("trace", "unchanged", service="web", callee="checkout", operation="GET /")),
    ],
)
def test_a_sound_part_does_not_clear_the_whole(kind: CauseKind, answer: ProbeResult) -> None:
    made = trial(kind, answer)
    assert made is not None
    assert (made.outcome, made.decisive) == ("refuted", False)


@pytest.mark.parametrize("outcome", ["rose", "unchanged"])
def test_calls_tell_of_the_dependency_that_is_called(outcome: ProbeOutcome) -> None:
    answer = result("trace", outcome, operation="", callee="payments")
    assert trial("dependency", answer) is None
    told = trial("dependency", answer, "payments")
    assert told is not None
    assert told.decisive
    assert trial("network", answer, "payments") is None
