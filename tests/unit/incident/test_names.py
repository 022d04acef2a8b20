"""Ids, digests, and text from outside."""

import json
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from autopilot.incident.base import clean
from autopilot.incident.ids import digest, group_id, idempotency_key, incident_id
from autopilot.incident.plan import TargetState
from tests.unit.incident.worlds import T0, alert, option, plan

LABELS = st.fixed_dictionaries({"environment": st.text(), "region": st.text(), "service": st.text()})
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=4,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_a_digest_does_not_depend_on_the_order_of_keys(values: dict[str, object]) -> None:
    assert digest(values) == digest(dict(reversed(values.items())))
    assert digest(values) == digest(json.loads(json.dumps(values)))


@given(LABELS)
def test_a_group_is_a_safe_workflow_id_that_names_its_service(labels: dict[str, str]) -> None:
    group = group_id(labels)
    assert re.fullmatch(r"incident-[a-z0-9-]{1,40}-[0-9a-f]{10}", group)
    assert group == group_id(dict(reversed(labels.items())))


@given(LABELS, LABELS)
def test_different_labels_are_different_groups(one: dict[str, str], other: dict[str, str]) -> None:
    assert (group_id(one) == group_id(other)) == (one == other)


@given(st.uuids(), st.uuids())
def test_an_opening_is_named_by_its_first_run(first: object, second: object) -> None:
    one, other = incident_id("incident-shop-1", str(first)), incident_id("incident-shop-1", str(second))
    assert (one == other) == (str(first).replace("-", "")[:12] == str(second).replace("-", "")[:12])
    assert one.startswith("incident-shop-1.")


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 3), st.integers(1, 4)), unique=True, min_size=2))
def test_no_two_steps_share_a_key(steps: list[tuple[int, int, int]]) -> None:
    keys = [idempotency_key("i", *step, kind) for step in steps for kind in ("do", "undo")]
    assert len(set(keys)) == len(keys)


def test_what_a_person_saw_changes_the_plan_digest() -> None:
    shown = plan(option(1), option(2))
    assert shown.plan_digest == plan(option(1), option(2)).plan_digest
    assert shown.plan_digest != plan(option(1, risk="high"), option(2)).plan_digest
    assert shown.plan_digest != shown.model_copy(update={"revision": 3}).plan_digest


@given(st.integers(), st.integers(), st.text())
def test_a_target_digest_sees_settings_and_nothing_else(one: int, other: int, health: str) -> None:
    state = TargetState(target="t", settings={"n": one}, observed_at=T0)
    beside = TargetState(target="t", settings={"n": one}, observed={"n": other}, health=health, observed_at=T0)
    changed = state.model_copy(update={"settings": {"n": other}})
    assert state.target_state_digest == beside.target_state_digest
    assert (state.target_state_digest == changed.target_state_digest) == (one == other)


@given(st.text())
def test_repeated_firings_share_a_fingerprint_and_redeliveries_a_key(other: str) -> None:
    first, again = alert(external_id="a1"), alert(external_id="a2")
    assert first.alert_fingerprint == again.alert_fingerprint
    assert first.delivery_key != again.delivery_key
    assert first.delivery_key == alert(external_id="a1", description=other).delivery_key
    assert first.delivery_key != alert(external_id="a1", status="resolved").delivery_key


@given(st.text(st.characters()), st.integers(2, 60), st.booleans())
def test_clean_text_is_bounded_visible_and_stays_as_it_is(text: str, limit: int, lines: bool) -> None:
    shown = clean(text, limit, lines=lines)
    assert len(shown) <= limit
    allowed = "\n\t" if lines else ""
    assert all(c in allowed or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn") for c in shown)
    assert clean(shown, limit, lines=lines) == shown


@given(st.text(st.characters(categories=["Lu", "Nd", "Zs"])), st.integers(2, 20))
def test_a_cut_is_marked(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert shown.endswith("…") or shown == " ".join(text.split())
