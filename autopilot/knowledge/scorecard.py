"""How far each tool can be trusted on each service, for people to read. Pure."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Literal

from autopilot.incident.autonomy import has_earned, unearned
from autopilot.incident.base import Line, Model, Name
from autopilot.incident.playbook import Grant, Playbook
from autopilot.incident.track_record import Experience, Move, TrackRecord, track_record

GrantState = Literal["asks", "granted", "earned", "not_earned", "demoted"]
"""What autonomous mode makes of a grant: none, it suffices, its demand is met, is not met, or it is suspended."""
FIRST: tuple[GrantState, ...] = ("demoted", "not_earned", "earned", "granted")
"""What a reader has to know before the rest."""


class GrantStanding(Model):
    """How a grant of one playbook stands."""

    playbook: Name
    state: GrantState
    autonomous: bool
    """Whether the playbook is in the mode in which grants count."""
    why: Line = ""


class Saved(Model):
    """How long our options stood before people acted by themselves; medians in seconds after the alert."""

    incidents: int = 0
    """In which both times are known."""
    options_after: float | None = None
    acted_after: float | None = None
    seconds: float | None = None
    """Median of the differences; negative where people were faster."""


class Score(Model):
    """One tool on one service."""

    record: TrackRecord
    grants: tuple[GrantStanding, ...] = ()
    saved: Saved = Saved()

    @property
    def state(self) -> GrantState:
        """The most telling one of its grants."""
        states = {standing.state for standing in self.grants}
        for state in FIRST:
            if state in states:
                return state
        return "asks"


class Scorecard(Model):
    """All tools and services that something is known of, and grants that were never needed."""

    environment: Name
    scores: tuple[Score, ...] = ()
    unused: tuple[Line, ...] = ()


def scorecard(environment: str, experiences: Iterable[Experience], playbooks: Sequence[Playbook]) -> Scorecard:
    """Sum up the experiences of an environment, and hold them against what playbooks grant there.

    Args:
        environment: Grants for others are left out.
        experiences: Of this environment.
        playbooks: In the mode that is in force.
    """
    known: dict[Move, list[Experience]] = {}
    for one in experiences:
        known.setdefault(Move(service=one.service, tool=one.tool), []).append(one)
    granting = [(p, g) for p in playbooks for g in p.grants if not g.environments or environment in g.environments]
    scores = [_score(move, found, granting) for move, found in known.items()]
    scores.sort(key=lambda score: (score.state != "demoted", score.record.move.service, score.record.move.tool))
    return Scorecard(
        environment=environment,
        scores=tuple(scores),
        unused=tuple(
            f"{grant.tool} on {', '.join(grant.services) or 'any service'} (playbook {playbook.name})"
            for playbook, grant in granting
            if not any(grant.covers(move.tool, move.service, "low") for move in known)
        ),
    )


def _score(move: Move, found: Sequence[Experience], granting: Iterable[tuple[Playbook, Grant]]) -> Score:
    record = track_record(move, found)
    return Score(record=record, grants=tuple(_standings(record, granting)), saved=_saved(found))


def _standings(record: TrackRecord, granting: Iterable[tuple[Playbook, Grant]]) -> Iterable[GrantStanding]:
    for playbook, grant in granting:
        if grant.covers(record.move.tool, record.move.service, "low"):
            state, why = _state(grant, record)
            yield GrantStanding(
                playbook=playbook.name, state=state, autonomous=playbook.mode == "autonomous", why=why
            )


def _state(grant: Grant, record: TrackRecord) -> tuple[GrantState, str]:
    if record.demoted is not None:
        return "demoted", record.demoted.words
    if grant.earned is None and not grant.min_outcomes:
        return "granted", ""
    return ("earned", "") if has_earned(grant, record) else ("not_earned", unearned([grant], record))


def _saved(experiences: Iterable[Experience]) -> Saved:
    """Each incident once, by its last plan."""
    times = {
        e.incident_id: (e.options_after, e.acted_after)
        for e in experiences
        if e.proposed and e.options_after is not None and e.acted_after is not None
    }
    if not times:
        return Saved()
    return Saved(
        incidents=len(times),
        options_after=median(options for options, _ in times.values()),
        acted_after=median(acted for _, acted in times.values()),
        seconds=median(acted - options for options, acted in times.values()),
    )
