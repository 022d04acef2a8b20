"""What a track record says of a tool: a bound that promises little after little, and trust that a failure takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot.incident.track_record import (
    LATEST,
    REGAIN,
    Experience,
    Move,
    Share,
    demotion,
    moves,
    proposal,
    track_record,
    wilson,
)
from autopilot.incident.verification import Verdict
from tests.unit.incident.worlds import after, option, plan, prepared

MOVE = Move(service="shop", tool="t.act")


def experience(number: int = 1, **changes: object) -> Experience:
    """What people chose and what was fixed, unless said otherwise."""
    values: dict[str, object] = {
        "incident_id": f"i{number}", "plan": 1, "at": after(3_600 * number), "service": "shop", "tool": "t.act",
        "proposed": True, "decided_by": "people", "agreed": True, "approved": True, "verdict": "fixed",
    }  # fmt: skip
    return Experience.model_validate(values | changes)


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, int]:
    of = draw(st.integers(1, 10_000))
    return draw(st.integers(0, of)), of


@given(shares())
def test_a_bound_lies_below_the_share_and_never_outside(share: tuple[int, int]) -> None:
    good, of = share
    assert 0 <= wilson(good, of) <= good / of
    assert (wilson(good, of) == 0) == (good == 0)


@given(shares())
def test_one_more_success_raises_the_bound_and_one_more_failure_lowers_it(share: tuple[int, int]) -> None:
    good, of = share
    assert wilson(good + 1, of + 1) > wilson(good, of)
    assert good == 0 or wilson(good, of + 1) < wilson(good, of)


@given(shares(), st.integers(2, 50))
def test_the_same_share_of_more_cases_is_more_certain(share: tuple[int, int], times: int) -> None:
    good, of = share
    assert good == 0 or wilson(good * times, of * times) > wilson(good, of)


@pytest.mark.parametrize(
    ("good", "of", "bound"),
    # Worked out by hand: the smaller root of (s - p)² = z² s (1 - s) / n for z = 1.6449.
    [(0, 0, 0.0), (1, 1, 0.2699), (5, 5, 0.6489), (9, 10, 0.6523), (50, 100, 0.4188)],
)
def test_bounds_are_those_of_wilson(good: int, of: int, bound: float) -> None:
    assert wilson(good, of) == pytest.approx(bound, abs=1e-4)


@given(shares())
def test_the_bound_solves_the_equation_that_defines_it(share: tuple[int, int]) -> None:
    good, of = share
    low, p = wilson(good, of), good / of
    assert (p - low) ** 2 == pytest.approx(1.6449**2 * low * (1 - low) / of, abs=1e-9)


@pytest.mark.parametrize(("good", "of"), [(2, 1), (-1, 3)])
def test_what_is_no_share_has_no_bound(good: int, of: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(good, of)


def test_a_share_is_told_with_its_number_and_its_bound() -> None:
    assert Share(good=9, of=10).words == "9 of 10 (at least 65 %)"
    assert Share().words == "not known yet"


def test_only_what_is_known_counts() -> None:
    record = track_record(
        MOVE,
        [
            experience(1),
            experience(2, verdict="worse"),
            experience(3, verdict=None, agreed=None, decided_by="", approved=False),
            experience(4, verdict="no_data"),
            experience(5, verdict="self_healed"),
            experience(6, proposed=False, agreed=None, verdict="still_broken"),
            experience(7, agreed=False, approved=False, verdict=None),
            experience(8, agreed=True, decided_by="by_hand", approved=False, verdict=None),
            experience(9, agreed=None, decided_by="policy", approved=False),
        ],
    )
    assert record.worked == Share(good=2, of=4)
    assert record.agreed == Share(good=4, of=5)
    assert record.by_hand == Share(good=1, of=1)
    assert (record.proposed, record.decided, record.unasked) == (8, 6, 1)
    assert record.bound == record.worked.bound < record.agreed.bound


def test_people_who_disagree_hold_trust_back_however_well_it_works() -> None:
    agreed = track_record(MOVE, [experience(n) for n in range(20)])
    declined = [experience(n, agreed=False, approved=False, verdict=None) for n in range(20, 40)]
    assert track_record(MOVE, [*(experience(n) for n in range(20)), *declined]).bound < agreed.bound


@pytest.mark.parametrize("verdict", ["still_broken", "worse"])
@pytest.mark.parametrize("decided_by", ["people", "policy"])
def test_a_failure_demotes_whoever_decided(verdict: Verdict, decided_by: str) -> None:
    known = [experience(n) for n in range(50)]
    known.append(experience(60, verdict=verdict, decided_by=decided_by))
    demoted = track_record(MOVE, known).demoted
    assert demoted is not None
    assert (demoted.incident_id, demoted.verdict, demoted.regained) == ("i60", verdict, 0)
    assert "i60" in demoted.words
    assert ("worse" in demoted.words) == (verdict == "worse")


def test_trust_comes_back_only_with_fixes_that_people_approved() -> None:
    known = [experience(1, verdict="worse")]
    known += [experience(n, decided_by="policy", approved=False) for n in range(2, 12)]
    known += [experience(n, verdict=None) for n in range(12, 22)]
    known += [experience(n, approved=False) for n in range(22, 32)]
    assert demotion(known) is not None
    for regained in range(1, REGAIN):
        known.append(experience(40 + regained))
        demoted = demotion(known)
        assert demoted is not None
        assert f"after {REGAIN - regained} more" in demoted.words
    assert demotion([*known, experience(50)]) is None
    assert demotion([*known, experience(50, verdict="still_broken"), experience(51)]) is not None


@given(st.lists(st.sampled_from(["fixed", "worse", "still_broken", "no_data", None]), max_size=30))
def test_the_last_failure_is_never_forgotten_before_it_is_made_good(verdicts: list[Verdict | None]) -> None:
    known = [experience(n, verdict=verdict) for n, verdict in enumerate(verdicts)]
    failures = [n for n, one in enumerate(known) if one.failed]
    since = known[failures[-1] + 1 :] if failures else []
    trusted = not failures or sum(one.verdict == "fixed" for one in since) >= REGAIN
    assert (demotion(known) is None) == trusted


@given(st.permutations(range(6)))
def test_the_order_in_which_incidents_are_told_does_not_matter(order: list[int]) -> None:
    known = [experience(n, verdict="worse" if n == 2 else "fixed") for n in range(6)]
    assert track_record(MOVE, [known[n] for n in order]) == track_record(MOVE, known)


def test_what_was_long_ago_is_forgotten() -> None:
    old = [experience(0, verdict="worse")]
    assert track_record(MOVE, [*old, *(experience(n) for n in range(1, LATEST + 1))]).worked.of == LATEST


def test_a_plan_in_short_names_each_tool_of_an_option_once() -> None:
    twice = option(1, steps=(prepared("a.b"), prepared("a.b"), prepared("c.d", service="")))
    assert moves(twice, "api") == (Move(service="shop", tool="a.b"), Move(service="api", tool="c.d"))
    shown = proposal(plan(twice, option(2)), "api")
    assert shown.plan == 2
    assert shown.moves(2) == (MOVE,)
    assert shown.moves(3) == shown.moves(None) == ()
