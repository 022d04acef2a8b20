"""What became of each tool on each service: proposed, chosen by people, verified. Pure."""

import math
from collections.abc import Sequence
from typing import Literal, Protocol

from pydantic import Field

from autopilot.incident.base import Model, Name, Time
from autopilot.incident.plan import Option, Plan
from autopilot.incident.playbook import Mode
from autopilot.incident.verification import Verdict

SURE = 0.95
"""How sure a lower bound is."""
_Z = 1.6449
"""Standard normal quantile of `SURE`, one side: a bound below says nothing of how much better it may be."""
REGAIN = 3
"""Fixes that people approved after which a tool is trusted again with a service where it failed."""
LATEST = 200
"""Experiences of one tool on one service that count: what was long ago tells little of today."""

Decider = Literal["", "people", "policy", "by_hand"]
"""Who decided: nobody, people about the offered options, the playbook, people who acted by themselves."""


class Move(Model):
    """A tool on a service: what trust is about, whatever the target and the arguments."""

    service: Name
    tool: Name


class Offered(Model):
    """An option in short."""

    option: int
    moves: tuple[Move, ...]


class Proposal(Model):
    """A plan in short, kept when a later plan replaces it."""

    plan: int
    options: tuple[Offered, ...] = Field(default=(), max_length=3)

    def moves(self, option: int | None) -> tuple[Move, ...]:
        """What an option would do; empty when there is no such option."""
        return next((offered.moves for offered in self.options if offered.option == option), ())


class Experience(Model):
    """What became of one tool on one service in one plan of an incident."""

    incident_id: str
    plan: int
    at: Time
    """When it was acted on, else when the plan was made."""
    environment: Name = "production"
    service: Name
    tool: Name
    mode: Mode = "advise"
    proposed: bool = False
    """Whether it was part of the first option, which is what we would have done."""
    decided_by: Decider = ""
    agreed: bool | None = None
    """Of what was proposed: whether people chose it or did the same by hand; None where nobody knows."""
    approved: bool = False
    """Whether people whose identity was proven chose it."""
    verdict: Verdict | None = None
    """Of the verification after it was carried out. What healed by itself, or what people fixed, is none of its."""
    options_after: float | None = None
    """Seconds from the alert to our options."""
    acted_after: float | None = None
    """Seconds from the alert until people acted by hand, as far as that is known."""

    @property
    def failed(self) -> bool:
        """Whether it is known not to have helped."""
        return self.verdict in ("still_broken", "worse")


class Experiences(Protocol):
    """Where experiences are kept."""

    def experiences(self, environment: str, move: Move) -> tuple[Experience, ...]:
        """The latest ones of a tool on a service, oldest first. Raises Failure."""
        ...


class Share(Model):
    """So many of so many."""

    good: int = 0
    of: int = 0

    @property
    def bound(self) -> float:
        """The share that is at least so large, with the certainty of `SURE`; 0 when nothing is known."""
        return wilson(self.good, self.of)

    @property
    def words(self) -> str:
        """Such as `9 of 10 (at least 65 %)`."""
        return (
            f"{self.good} of {self.of} (at least {math.floor(100 * self.bound)} %)" if self.of else "not known yet"
        )


def wilson(good: int, of: int) -> float:
    """Lower bound of a share from `good` of `of` cases, 0 to 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927: unlike the share
    plus or minus its standard error it stays sensible for few cases and for shares near 1, which is where trust is
    decided. Raises ValueError when there are more good cases than cases.
    """
    if not 0 <= good <= of:
        raise ValueError(f"{good} of {of} is no share")
    if good == 0:
        return 0.0
    share, z2 = good / of, _Z * _Z
    middle = share + z2 / (2 * of)
    reach = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, (middle - reach) / (1 + z2 / of))


class Demotion(Model):
    """Why a tool is not run unasked on a service any more."""

    incident_id: str
    at: Time
    verdict: Verdict
    regained: int = 0
    """Fixes since then that people approved."""

    @property
    def words(self) -> str:
        """The reason, and what would lift it."""
        left = REGAIN - self.regained
        became = "became worse" if self.verdict == "worse" else "was still broken"
        return (
            f"demoted after incident {self.incident_id} {became} on {self.at:%Y-%m-%d}; "
            f"trusted again after {left} more approved fix{'' if left == 1 else 'es'}"
        )


class TrackRecord(Model):
    """How often people agreed and how often it helped: one tool on one service."""

    move: Move
    proposed: int = 0
    decided: int = 0
    """Of what was proposed: how often people decided or acted."""
    agreed: Share = Share()
    """Of what people decided about our options."""
    by_hand: Share = Share()
    """Of what people did by hand where we only watched: how often it was the same."""
    worked: Share = Share()
    unasked: int = 0
    """How often the playbook decided."""
    demoted: Demotion | None = None
    incidents: frozenset[str] = frozenset()
    """Those whose end is known."""

    @property
    def bound(self) -> float:
        """The lesser of both lower bounds: people would have done it, and it helps."""
        return min(self.agreed.bound, self.worked.bound)


def track_record(move: Move, experiences: Sequence[Experience]) -> TrackRecord:
    """Sum up the experiences of one tool on one service, in any order."""
    known = sorted(experiences, key=lambda one: (one.at, one.plan))[-LATEST:]
    proposed = [one for one in known if one.proposed]
    told = [one for one in proposed if one.agreed is not None]
    verified = [one for one in known if one.verdict == "fixed" or one.failed]
    return TrackRecord(
        move=move,
        proposed=len(proposed),
        decided=sum(one.decided_by in ("people", "by_hand") for one in proposed),
        agreed=_share([bool(one.agreed) for one in told if one.decided_by == "people"]),
        by_hand=_share([bool(one.agreed) for one in told if one.decided_by == "by_hand"]),
        worked=_share([one.verdict == "fixed" for one in verified]),
        unasked=sum(one.decided_by == "policy" for one in known),
        demoted=demotion(known),
        incidents=frozenset(one.incident_id for one in known),
    )


def demotion(known: Sequence[Experience]) -> Demotion | None:
    """The demotion in force after experiences in their order; None while it is trusted.

    It follows from the record alone: a failure demotes whoever decided, and only fixes that people approved with a
    proven identity lift it, so that nothing unasked can restore its own trust.
    """
    now: Demotion | None = None
    for one in known:
        if one.failed and one.verdict is not None:
            now = Demotion(incident_id=one.incident_id, at=one.at, verdict=one.verdict)
        elif now is not None and one.approved and one.verdict == "fixed":
            now = now.model_copy(update={"regained": now.regained + 1}) if now.regained + 1 < REGAIN else None
    return now


def _share(good: Sequence[bool]) -> Share:
    return Share(good=sum(good), of=len(good))


def moves(option: Option, service: str) -> tuple[Move, ...]:
    """What an option does where; a step that names no service is about the incident's `service`."""
    found = (Move(service=p.step.service or service, tool=p.step.tool) for p in option.steps)
    return tuple(dict.fromkeys(found))


def proposal(plan: Plan, service: str) -> Proposal:
    """A plan in short."""
    options = tuple(Offered(option=o.id, moves=moves(o, service)) for o in plan.options)
    return Proposal(plan=plan.revision, options=options)
