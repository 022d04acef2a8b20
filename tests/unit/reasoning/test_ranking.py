"""What raises and lowers an option: the exact mechanism, similar incidents and their outcomes, proof of health."""

from dataclasses import replace

import pytest

from autopilot.incident.cause import CauseKind, Mechanism
from autopilot.incident.diagnosis import Diagnosis, Hypothesis, PlantedOrder
from autopilot.incident.finding import Dossier, Finding, FindingKind
from autopilot.incident.plan import ExpectedEffect, Offer, Step
from autopilot.reasoning.planning.aims import aims, sharpened
from autopilot.reasoning.planning.calls import askable, labels
from autopilot.reasoning.planning.past import past_of
from autopilot.reasoning.planning.ranking import Scored, choose, combined, group_problem, offer_of, score, spread
from autopilot.reasoning.planning.recommendations import recommendations
from autopilot.reasoning.prompts.redaction import Redaction
from autopilot.remediation.base import Candidate
from tests.unit.reasoning import story
from tests.unit.remediation.story import SERVICE, TABLE, catalogue, context, service, suspect

BACK = Step(tool="ecs.rollback", target=SERVICE, service="inventory", arguments={"task_definition": "x:2"})


def record(number: int, summary: str, kind: FindingKind = "record") -> Finding:
    """What a past incident of the inventory tells."""
    return story.finding(number, kind, "inventory", summary)


def believed(kind: CauseKind, mechanism: Mechanism | None = None, score: float = 0.8) -> tuple[Diagnosis, Dossier]:
    """One standing hypothesis about the inventory, and a suspect that says what exactly is wrong."""
    hypothesis = Hypothesis(
        statement="s",
        cause_kind=kind,
        service="inventory",
        standing="likely",
        confidence=score,
        supporting=("F90",),
    )
    known = suspect("inventory", kind).model_copy(update={"mechanism": mechanism})
    dossier = context(service(), suspects=(known,)).dossier
    return Diagnosis(revision=1, hypotheses=(hypothesis,)), dossier


def scores(kind: CauseKind, mechanism: Mechanism | None = None) -> dict[str, float]:
    """Tool → score, of everything the catalogue offers for the service."""
    diagnosis, dossier = believed(kind, mechanism)
    seen = context(service(), suspects=dossier.suspects)
    return {s.candidate.step.tool: s.score for s in score(catalogue().candidates(seen), diagnosis, dossier, {})}


def test_what_exactly_is_wrong_sharpens_what_helps() -> None:
    plain, leak = scores("memory"), scores("memory", "memory_leak")
    assert plain["ecs.scale"] > plain["ecs.force_deployment"]
    assert leak["ecs.force_deployment"] > plain["ecs.force_deployment"]
    assert leak["ecs.scale"] < plain["ecs.scale"]
    assert sharpened("ecs.rollback", "bad_flag") == (
        -0.2,
        "it does little where a flag switched on a harmful behaviour",
    )
    assert sharpened("ecs.rollback", None) == (0.0, "")


@pytest.mark.parametrize(
    ("tool", "mechanism", "change"),
    [
        ("kubernetes.rollout_undo", "costly_code", 0.1),
        ("kubernetes.restart", "memory_leak", 0.15),
        ("kubernetes.restart", "name_resolution", -0.2),
        ("kubernetes.scale", "connections_exhausted", -0.3),
        ("kubernetes.hpa_bounds", "cpu_overload", 0.1),
        ("unleash.turn_off", "bad_flag", 0.1),
        ("kubernetes.rollout_undo", "bad_flag", -0.2),
    ],
)
def test_tools_of_one_kind_are_sharpened_alike_on_every_system(
    tool: str, mechanism: Mechanism, change: float
) -> None:
    assert sharpened(tool, mechanism)[0] == change


def test_the_mechanism_comes_from_the_suspect_or_from_a_cited_finding() -> None:
    diagnosis, dossier = believed("memory", "memory_leak")
    assert {aim.mechanism for aim in aims(diagnosis, dossier)} == {"memory_leak"}
    cited = record(90, "heap grows").model_copy(update={"mechanism": "memory_leak"})
    bare = dossier.model_copy(update={"suspects": (), "findings": (cited,)})
    assert [aim.mechanism for aim in aims(diagnosis, bare)] == ["memory_leak"]
    other = cited.model_copy(update={"mechanism": "bad_flag"})
    assert [a.mechanism for a in aims(diagnosis, bare.model_copy(update={"findings": (other,)}))] == [None]


@pytest.mark.parametrize(
    ("summary", "bonus", "told"),
    [
        ("INC1 slow start, solved by: rolled back to 1", 0.05, "it helped in a similar incident (F5: INC1 slow"),
        ("INC1 slow start, solved by: rollback did not help", -0.05, "it did not help in a similar incident (F5:"),
        ("INC1 rollback failed us, solved by: more memory", 0.0, ""),
        ("1 earlier record: a (2026) t, solved by: chosen: x; worked: ecs.rollback on i", 0.05, "it helped"),
        ("1 earlier record: a (2026), solved by: did not help: ecs.rollback on invent…", -0.05, "it did not help"),
        ("INC1 slow start, solved by: restart", 0.0, ""),
        ("1 earlier record: a (2026), solved by: ecs.rollback on arn:aws:ecs:eu:1:service/inventor…", 0.0, ""),
        ("1 earlier record: a (2026), solved by: ecs.rollback on inventory did n…", 0.0, ""),
        ("1 earlier record: a (2026), solved by: chosen: Roll back inventory to 1", 0.0, ""),
        ("INC1 slow start, solved by: do not roll back the service", 0.0, ""),
        ("INC1 slow start, solved by: more memory; never revert it", 0.0, ""),
        ("INC1 slow start, solved by: more memory, please don't roll back", 0.0, ""),
        ("INC1 slow start, solved by: did the rollback help?", 0.0, ""),
        ("INC1 slow start, solved by: rollback, not that it did not help", 0.0, ""),
        ("INC1 slow start, solved by: more memory did not do it, rolled back", 0.05, "it helped"),
    ],
)  # fmt: skip
def test_similar_incidents_raise_and_lower_with_the_sentence_that_tells_it(
    summary: str, bonus: float, told: str
) -> None:
    past = past_of(BACK, story.dossier(findings=(record(5, summary),)), (), None)
    assert past.bonus == pytest.approx(bonus)
    assert past.sentence.startswith(told)
    assert bool(past.sentence) == bool(told)
    assert past.finding_ids == (("F5",) if bonus else ())


def test_records_of_other_services_and_of_planted_orders_do_not_count() -> None:
    helped = record(5, "INC1 slow start, solved by: rolled back")
    elsewhere = helped.model_copy(update={"service": "orders"})
    assert past_of(BACK, story.dossier(findings=(elsewhere,)), (), None).bonus == 0
    order = PlantedOrder(where="record of inventory (jira, F5)", excerpt="roll back now", why="an order")
    assert past_of(BACK, story.dossier(findings=(helped,)), (order,), None).bonus == 0


def test_at_most_two_records_count_and_our_own_outcomes_more() -> None:
    three = tuple(record(n, "INC, solved by: rolled back", "recurrence") for n in (5, 6, 7))
    past = past_of(BACK, story.dossier(findings=three), (), lambda _, __: (0, 3))
    assert past.finding_ids == ("F5", "F6")
    assert past.sentence.endswith("worked 0 of 3 times here")
    assert past.bonus == pytest.approx(0.1 + 0.3 * (1 / 5 - 0.5))


def test_our_own_outcomes_count_once_and_not_as_records_again() -> None:
    ours = "knowledge:inc.1 (2026-11-01) slow, solved by: worked: ecs.rollback on inventory"
    theirs = "INC2 (2026-11-02) slow, solved by: rollback did not help"

    def bonus(summary: str, tried: int, query: str = "records of inventory") -> float:
        told = record(5, summary, "recurrence")
        told = told.model_copy(update={"provenance": told.provenance.model_copy(update={"query": query})})
        return past_of(BACK, story.dossier(findings=(told,)), (), lambda _, __: (tried // 2, tried)).bonus

    assert bonus(f"1 earlier record: {ours}", 0) == pytest.approx(0.05)
    assert bonus(f"1 earlier record: {ours}", 2) == pytest.approx(0)
    assert bonus(f"incident {ours}", 2, "record knowledge:inc.1") == pytest.approx(0)
    assert bonus(f"2 earlier records: {ours}; {theirs}", 2) == pytest.approx(-0.05)
    assert bonus(f"2 earlier records: {theirs}; {ours}", 2) == pytest.approx(-0.05)


def test_a_way_back_that_nothing_vouches_for_ranks_low_and_stays_marked() -> None:
    diagnosis, dossier = believed("bad_deploy")
    seen = context(service(), suspects=dossier.suspects)
    (unknown,) = [c for c in catalogue().candidates(seen) if c.step.tool == "ecs.rollback"]
    proven = replace(unknown, unproven=False)
    low, high = (score((c,), diagnosis, dossier, {})[0] for c in (unknown, proven))
    assert high.score - low.score == pytest.approx(0.3)
    draft = combined((offer_of(1, low),))
    assert draft.unproven
    assert "not known to have been healthy" in draft.title
    assert "no version is known to have been healthy" in draft.why


def _scored(tool: str, target: str, points: float, argument: int = 1) -> Scored:
    step = Step(tool=tool, target=target, service="s", arguments={"n": argument}, summary=f"{tool} {target}")
    candidate = Candidate(
        step=step, addresses=frozenset(), risk="low", reversibility="reversible",
        expected=ExpectedEffect(within=points * 100), why=f"because {tool}",
    )  # fmt: skip
    past = past_of(step, story.dossier(findings=()), (), None)
    return Scored(candidate, points, aims(*believed("memory"))[0], past)


def test_offers_give_every_tool_its_say_before_many_targets_of_one() -> None:
    many = [_scored("a.a", f"t{n}", 1.0 - n / 100) for n in range(12)]
    few = [_scored("b.b", "t1", 0.3), _scored("c.c", "t2", 0.2)]
    settings = [_scored("a.a", "t0", 0.99, argument=n) for n in range(2, 9)]
    kept = [(s.key, s.candidate.step.arguments["n"]) for s in spread([*many, *settings, *few])]
    assert len(kept) == 8
    assert kept[-2:] == [(("b.b", "t1"), 1), (("c.c", "t2"), 1)]
    assert [n for (tool, _), n in kept if tool == "a.a"] == [1] * 6


def test_an_address_that_is_masked_is_neither_an_argument_nor_a_label() -> None:
    named = _scored("a.a", "10.1.2.3", 1.0)
    step = named.candidate.step.model_copy(update={"target": "t1", "arguments": {"to": "10.1.2.3"}})
    argued = replace(named, candidate=replace(named.candidate, step=step))
    offers = (offer_of(1, named), offer_of(2, argued))
    plain, masking = Redaction(), Redaction(ips=True)
    assert askable(offers, plain) == offers
    assert askable(offers, masking) == offers[:1]
    assert labels(offers, plain) == {"10.1.2.3": "10.1.2.3", "t1": "t1"}
    assert labels(offers, masking) == {"10.1.2.3": "target of C1", "t1": "t1"}


def test_the_second_option_is_another_tool_before_it_is_another_target() -> None:
    offers = [
        offer_of(n, one)
        for n, one in enumerate(
            (_scored("a.a", "t0", 1.0), _scored("a.a", "t1", 0.9), _scored("b.b", "t0", 0.5)), 1
        )
    ]
    assert [[o.id for o in group] for group in choose(offers, 3)] == [["C1"], ["C3"], ["C2"]]
    assert [[o.id for o in group] for group in choose(offers[:2], 3)] == [["C1"], ["C2"], ["C1", "C2"]]


def test_two_ways_back_to_one_version_are_one_idea() -> None:
    def back(number: int, tool: str, target: str, points: float, version: str = "1") -> Offer:
        step = Step(
            tool=tool, target=target, service="s", arguments={"version": version},
            sources={"version": f"inventory {target} versions[1]; healthy by F1"},
        )  # fmt: skip
        scored = _scored(tool, target, points)
        return offer_of(number, replace(scored, candidate=replace(scored.candidate, step=step)))

    whole, share = back(1, "x.rollback", "t0", 1.0), back(2, "x.shift", "t0", 0.9)
    other, more = back(3, "x.shift", "t1", 0.8), offer_of(4, _scored("c.c", "t2", 0.5))
    assert [[o.id for o in group] for group in choose((whole, share, more), 3)] == [["C1"], ["C4"], ["C1", "C4"]]
    assert [[o.id for o in group] for group in choose((whole, share), 3)] == [["C1"], ["C2"]]
    assert [[o.id for o in group] for group in choose((whole, share, other), 2)] == [["C1"], ["C3"]]
    elsewhere = back(5, "x.shift", "t0", 0.9, version="0")
    assert [[o.id for o in group] for group in choose((whole, elsewhere, more), 2)] == [["C1"], ["C5"]]


def test_a_combination_is_as_slow_as_its_slowest_step_and_no_two_act_on_one_target() -> None:
    first, second = offer_of(1, _scored("a.a", "t0", 0.9)), offer_of(2, _scored("b.b", "t1", 3.0))
    assert combined((first, second)).expected.within == pytest.approx(300)
    hard = first.model_copy(update={"draft": first.draft.model_copy(update={"reversibility": "partly"})})
    bold = second.model_copy(update={"draft": second.draft.model_copy(update={"risk": "high"})})
    both = combined((hard, bold))
    assert (both.risk, both.reversibility) == ("high", "partly")
    assert group_problem((first, second)) == ""
    assert "one target" in group_problem((first, first))
    assert "5 steps" in group_problem(tuple(offer_of(n, _scored("a.a", f"t{n}", 1.0)) for n in range(5)))


def test_recommendations_are_sharp_named_and_at_most_six() -> None:
    release = Hypothesis(
        statement="s", cause_kind="bad_deploy", service="checkout", resource=TABLE, change_id="github:2",
        supporting=("F3", "F5"), standing="confirmed", confidence=0.8,
    )  # fmt: skip
    refuted = release.model_copy(update={"cause_kind": "network", "standing": "refuted"})
    limits = release.model_copy(update={"cause_kind": "throttled", "service": "orders", "supporting": ("F4",)})
    dossier = story.dossier()
    costly = tuple(
        s.model_copy(update={"mechanism": "costly_code"}) if s.cause_kind == "bad_deploy" else s
        for s in dossier.suspects
    )
    sharp = recommendations((release, refuted, limits), dossier.model_copy(update={"suspects": costly}))
    assert sharp[0] == (
        "Pull request for checkout: fetch in one query what change github:2 fetches per item, with a test of the "
        "queries that one request makes (Duration 850 → 1200 Milliseconds, F5)."
    )
    quotient = story.finding(3, "metric", "orders", "reads per request", levels=(2, 6), unit="per request")
    with_work = dossier.model_copy(update={"findings": (quotient, story.DURATION)})
    assert recommendations((release,), with_work)[0].endswith("of the work per request (2 → 6 per request, F3).")
    assert "budget of work per request" in sharp[1]
    assert any("Let orders scale by itself" in text for text in sharp)
    assert not any("name resolution" in text for text in sharp)
    assert sharp[-1].startswith("Keep this case as a regression test")
    assert len(sharp) <= 6
    plain = recommendations((release,), dossier)
    assert plain[0].startswith("Optimise the queries that change github:2 brought to checkout")
    assert recommendations((refuted,), dossier) == ()
    assert len(recommendations((release, limits), dossier, limit=2)) == 2
