"""Which decisions count."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot.incident.approval import decided_at, judge_decision, policy_decision
from autopilot.incident.decision import (
    DecisionRequest,
    DecisionSignal,
    Judgement,
    Requirement,
    first_answer,
    kept,
)
from autopilot.incident.playbook import Grant, Playbook
from autopilot.incident.seal import SEALED_FIELDS, Keyring
from tests.unit.incident.worlds import INCIDENT, T0, after, decision, option, plan, prepared, request

KEYS = Keyring(b"key")
WORDS = st.text(string.printable, max_size=12)
SIGNALS = st.builds(
    DecisionSignal,
    decision_id=WORDS,
    incident_id=st.one_of(WORDS, st.just(INCIDENT)),
    plan_revision=st.one_of(st.integers(), WORDS),
    plan_digest=WORDS,
    choice=st.one_of(WORDS, st.sampled_from(["option", "manual", "reanalyse"])),
    option=st.one_of(st.none(), st.integers(), WORDS),
    comment=WORDS,
    actor=st.one_of(WORDS, st.just("slack:U1")),
    actor_name=WORDS,
    channel=WORDS,
    at=WORDS,
)


def judged(signal: DecisionSignal, asked: DecisionRequest | None = None, *, proven: bool = True) -> Judgement:
    return judge_decision(signal, INCIDENT, asked or request(plan()), plan(), proven=proven, now=after(10))


def test_the_right_person_in_time_for_an_option_that_exists_is_accepted() -> None:
    judgement = judged(decision(plan_digest=plan().plan_digest))
    assert (judgement.accepted, judgement.reason, judgement.option) == (True, "accepted", 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"choice": "explode"}, "unknown_choice"),
        ({"incident_id": "another"}, "wrong_incident"),
        ({"plan_digest": "stale"}, "stale_plan"),
        ({"actor": "slack:U9"}, "not_allowed"),
        ({"option": 3}, "unknown_option"),
        ({"option": None}, "unknown_option"),
        ({"option": "one"}, "unknown_option"),
    ],
)
def test_each_refusal_has_its_reason_and_says_what_to_do(changes: dict[str, object], reason: str) -> None:
    judgement = judged(decision(**changes))
    assert (judgement.accepted, judgement.reason) == (False, reason)
    assert len(judgement.message) > 20


def test_late_closed_unproven_and_infeasible_are_told_apart() -> None:
    assert judged(decision(), request(plan(), expires_at=after(5))).reason == "expired"
    assert judged(decision(), proven=False).reason == "unproven"
    closed = judge_decision(decision(), INCIDENT, None, None, proven=True, now=T0)
    assert closed.reason == "not_open"
    stuck = plan(option(1, feasible=False, infeasible_reason="no permission"))
    chosen = decision(plan_digest=stuck.plan_digest)
    infeasible = judge_decision(chosen, INCIDENT, request(stuck), stuck, proven=True, now=T0)
    assert infeasible.reason == "infeasible_option"
    assert "no permission" in infeasible.message


def test_a_proven_click_counts_by_its_own_time_and_an_unproven_claim_does_not() -> None:
    def late(clicked: str, *, proven: bool) -> str:
        asked = request(plan(), accept_unproven=True)
        signal = decision(at=clicked)
        return judge_decision(signal, INCIDENT, asked, plan(), proven=proven, now=after(900)).reason

    in_time = after(599).isoformat()
    assert late(in_time, proven=True) == "accepted"
    assert late(in_time, proven=False) == "expired"
    assert late(after(601).isoformat(), proven=True) == "expired"
    assert [late(odd, proven=True) for odd in ("", "yesterday", "2026-03-01T03:16:00")] == ["expired"] * 3
    assert decided_at(decision(at=after(9_000).isoformat()), proven=True, now=after(900)) == after(900)


def test_unproven_decisions_count_only_where_the_playbook_says_so() -> None:
    assert judged(decision(), request(plan(), accept_unproven=True), proven=False).accepted
    assert judged(decision(), request(plan(), approvers=())).accepted


def test_where_it_must_be_known_who_approves_an_unproven_decision_does_not_count() -> None:
    """The first person could be the second one as well, and the author of the change anybody."""
    for needed in (Requirement(option=1, people=2, reason="Two."), Requirement(option=1, authors=("slack:U1",))):
        asked = request(plan(), accept_unproven=True, requirements=(needed,))
        refused = judged(decision(actor="slack:U2"), asked, proven=False)
        assert (refused.reason, refused.counted) == ("unproven", False)
        assert judged(decision(option=2), asked, proven=False).accepted


def test_a_proven_decision_is_no_duplicate_of_an_unproven_one_with_its_id() -> None:
    squatted = judged(decision(), proven=False)
    again = judge_decision(
        decision(), INCIDENT, request(plan()), plan(), proven=True, now=after(10), first_answer=squatted
    )
    assert again.accepted
    answers = [squatted, again]
    assert first_answer(answers, again.decision_id) == again
    assert first_answer(answers[:1], again.decision_id) == squatted
    assert first_answer(answers, "another") is None


def test_a_flood_of_unproven_decisions_pushes_nobody_out() -> None:
    mine = judged(decision())
    flood = [judged(decision(decision_id=f"f{n}"), proven=False) for n in range(9)]
    left = kept([flood[0], mine, *flood[1:]], 4)
    assert left == [mine, *flood[-3:]]
    assert kept([mine, mine, mine, flood[0]], 3)[-1] == flood[0]
    assert kept(left, 4) == left


@given(SIGNALS, st.booleans())
def test_whatever_arrives_gets_an_answer_and_only_whole_decisions_are_accepted(
    signal: DecisionSignal, proven: bool
) -> None:
    judgement = judged(signal, proven=proven)
    assert judgement.message
    assert judgement.decision_id == signal.decision_id
    if judgement.accepted:
        assert proven
        assert signal.actor == "slack:U1"
        assert signal.choice != "option" or signal.option_number in (1, 2)
    else:
        assert judgement.reason != "accepted"


@given(SIGNALS)
def test_only_our_keys_seal(signal: DecisionSignal) -> None:
    stamped = KEYS.sealed(signal)
    assert KEYS.vouches(stamped)
    assert Keyring(b"new", [b"key"]).vouches(stamped)
    assert not Keyring(b"another").vouches(stamped)
    named_otherwise = Keyring(b"another").sealed(signal).seal[:9] + stamped.seal[9:]
    assert not Keyring(b"another").vouches(stamped.model_copy(update={"seal": named_otherwise}))
    assert not KEYS.vouches(signal.model_copy(update={"seal": ""}))


@given(SIGNALS, st.sampled_from(SEALED_FIELDS), WORDS)
def test_a_sealed_decision_cannot_be_changed(signal: DecisionSignal, name: str, other: str) -> None:
    changed = KEYS.sealed(signal).model_copy(update={name: other})
    assert KEYS.vouches(changed) == (str(getattr(signal, name)) == other)


def test_an_empty_key_seals_nothing() -> None:
    with pytest.raises(ValueError, match="AUTOPILOT_SEAL_KEY"):
        Keyring(b"")


def test_policy_decides_only_what_is_granted_and_can_be_undone() -> None:
    playbook = Playbook(mode="autonomous", grants=(Grant(tool="t.act", max_risk="low"),))
    decided = policy_decision(playbook, plan(option(1, risk="high"), option(2)), T0)
    assert decided is not None
    assert (decided.option, decided.channel) == (2, "policy")
    assert policy_decision(playbook, plan(option(1, steps=(prepared(undo=False),))), T0) is None
    assert policy_decision(playbook, plan(option(1, unproven=True)), T0) is None
    assert policy_decision(playbook, plan().model_copy(update={"ask_people": True}), T0) is None
    assert policy_decision(playbook.model_copy(update={"mode": "advise"}), plan(), T0) is None
