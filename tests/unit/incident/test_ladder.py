"""The decision ladder."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from autopilot.incident.ladder import next_rung
from autopilot.incident.playbook import Ladder, Playbook
from tests.unit.incident.worlds import T0, after

PLAYBOOK = Playbook(ladder=Ladder(remind=60, page_secondary=120, hand_over=300))
SNOOZES = st.one_of(st.none(), st.integers(-600, 86_400).map(after))
CLIMBED = st.integers(0, 9)


def test_it_reminds_then_pages_then_hands_over() -> None:
    rungs = [next_rung(PLAYBOOK, T0, climbed, snoozed_until=None, claimed=False) for climbed in range(4)]
    assert [(r.rung, (r.at - T0).total_seconds()) for r in rungs] == [
        ("remind", 60), ("page_secondary", 120), ("hand_over", 300), ("hand_over", 300),
    ]  # fmt: skip


@given(CLIMBED, SNOOZES, st.booleans())
def test_a_snooze_only_delays_and_every_wait_ends(climbed: int, snoozed: datetime | None, claimed: bool) -> None:
    plain = next_rung(PLAYBOOK, T0, climbed, snoozed_until=None, claimed=claimed)
    delayed = next_rung(PLAYBOOK, T0, climbed, snoozed_until=snoozed, claimed=claimed)
    assert delayed.rung == plain.rung
    assert delayed.at == (max(plain.at, snoozed) if snoozed else plain.at)
    assert delayed.at <= T0 + timedelta(days=2)


@given(CLIMBED)
def test_who_claims_is_neither_reminded_nor_paged_but_not_forgotten(climbed: int) -> None:
    rung = next_rung(PLAYBOOK, T0, climbed, snoozed_until=None, claimed=True)
    assert rung.rung == "hand_over"
    assert rung.at >= after(PLAYBOOK.ladder.hand_over)


@given(CLIMBED, st.booleans())
def test_climbing_never_goes_back(climbed: int, claimed: bool) -> None:
    now = next_rung(PLAYBOOK, T0, climbed, snoozed_until=None, claimed=claimed)
    later = next_rung(PLAYBOOK, T0, climbed + 1, snoozed_until=None, claimed=claimed)
    assert later.at >= now.at
