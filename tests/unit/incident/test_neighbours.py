"""Which running incidents are one."""

from hypothesis import given
from hypothesis import strategies as st

from autopilot.incident.neighbours import Neighbour, choose_neighbour, within_reach
from tests.unit.incident.worlds import after

SERVICES = st.sampled_from(["web", "api", "table", "queue", "batch"])
EDGES = st.lists(st.tuples(SERVICES, SERVICES), max_size=6)


@st.composite
def running(draw: st.DrawFn) -> list[Neighbour]:
    groups = draw(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1))
    return [
        Neighbour(
            group=group,
            services=tuple(draw(st.lists(SERVICES, min_size=1, max_size=2))),
            started_at=after(draw(st.integers(0, 3))),
        )
        for group in groups
    ]


def joins(one: Neighbour, all_of_them: list[Neighbour], edges: list[tuple[str, str]]) -> Neighbour | None:
    others = [other for other in all_of_them if other.group != one.group]
    return choose_neighbour(one.group, one.services, one.started_at, others, edges)


@given(running(), EDGES)
def test_no_two_incidents_join_each_other_and_one_is_left(
    incidents: list[Neighbour], edges: list[tuple[str, str]]
) -> None:
    chosen = {one.group: joins(one, incidents, edges) for one in incidents}
    assert None in chosen.values()
    for one in incidents:
        seen = {one.group}
        other = chosen[one.group]
        while other is not None:
            assert other.group not in seen
            seen.add(other.group)
            other = chosen[other.group]


@given(running(), EDGES)
def test_who_is_joined_is_older_and_within_two_calls(
    incidents: list[Neighbour], edges: list[tuple[str, str]]
) -> None:
    one = incidents[0]
    other = joins(one, incidents, edges)
    if other is not None:
        assert (other.started_at, other.group) < (one.started_at, one.group)
        assert within_reach(one.services, edges) & set(other.services)


def test_two_calls_are_near_and_three_are_far() -> None:
    edges = [("web", "api"), ("api", "table"), ("table", "queue")]
    assert within_reach(["web"], edges) == {"web", "api", "table"}
    assert within_reach(["table"], edges) == {"table", "api", "queue", "web"}
    assert within_reach(["alone"], edges) == {"alone"}
