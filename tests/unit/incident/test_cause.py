"""The taxonomy of causes holds together."""

from typing import get_args

from autopilot.incident.cause import CAUSE_KINDS, CAUSE_MEANING, MECHANISMS, Mechanism


def test_every_kind_and_mechanism_has_a_meaning_of_its_own() -> None:
    assert set(CAUSE_MEANING) == set(CAUSE_KINDS)
    assert set(MECHANISMS) == set(get_args(Mechanism))
    meanings = [*CAUSE_MEANING.values(), *(meaning for _, meaning in MECHANISMS.values())]
    assert len(set(meanings)) == len(meanings)


def test_every_mechanism_belongs_to_a_kind() -> None:
    assert {kind for kind, _ in MECHANISMS.values()} <= set(CAUSE_KINDS) - {"unknown"}
