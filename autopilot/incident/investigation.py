"""How hypotheses are tested: turns of an analyst, read-only probes between them, and the limits of both."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from autopilot.incident.base import Line, Model, Name, Scalar, Time
from autopilot.incident.cause import CauseKind
from autopilot.incident.diagnosis import DroppedClaim, Usage
from autopilot.incident.evidence import CasePart, Gap, QueryRecord
from autopilot.incident.finding import Finding

ProbeName = Literal[
    "metric", "logs", "trace", "deploy_diff", "database", "network", "settings", "similar_incidents", "neighbours"
]
ProbeOutcome = Literal["rose", "fell", "unchanged", "present", "absent", "unknown"]
"""`absent` and `unchanged` say that the data was there and showed nothing; `unknown`, that there was no data."""


FINDINGS_PER_PROBE = 4
"""Finding ids set aside for each probe, so that those that run side by side never share one."""


class Limits(Model):
    """How far one investigation may go; whichever limit is reached first ends it."""

    rounds: PositiveInt = 2
    """Turns of the analyst: the first proposes and asks for tests, the last judges."""
    probes: PositiveInt = 8
    calls: PositiveInt = 6
    """Model calls of the whole incident."""
    seconds: PositiveFloat = 75.0
    """From the dossier to the diagnosis."""
    tokens: PositiveInt | None = None
    """Of the whole incident; None: the limit of the model settings alone counts."""
    usd: PositiveFloat | None = None


class Probe(Model):
    """One read-only question that a hypothesis should survive. Arguments are those of its catalogue entry."""

    id: str
    name: ProbeName
    arguments: dict[str, Scalar] = {}
    hypothesis: int = 0
    """Which of the proposed hypotheses it tests, from 1; 0 when it concerns all of them."""
    why: Line = ""


class ProbeResult(Model):
    """What came of a probe. Its findings are numbered on from the dossier's."""

    probe: Probe
    outcome: ProbeOutcome
    summary: Line
    findings: tuple[Finding, ...] = Field(default=(), max_length=FINDINGS_PER_PROBE)
    parts: tuple[CasePart, ...] = ()
    """What was collected anew for it."""
    queries: tuple[QueryRecord, ...] = Field(default=(), max_length=20)
    gaps: tuple[Gap, ...] = Field(default=(), max_length=10)


class Proposed(Model):
    """A hypothesis as an analyst writes it, before anything of it was checked."""

    statement: Line
    cause_kind: CauseKind
    service: Name
    resource: Name = ""
    change_id: str = ""
    supporting: tuple[str, ...] = ()
    contradicting: tuple[str, ...] = ()


class ProposedLink(Model):
    """One step of the causal chain as an analyst writes it."""

    sentence: Line
    findings: tuple[str, ...] = ()


class Turn(Model):
    """What an analyst said in one round. Nothing of it is believed before `conclude` has checked it."""

    number: int
    proposed: tuple[Proposed, ...] = Field(default=(), max_length=4)
    chain: tuple[ProposedLink, ...] = Field(default=(), max_length=8)
    probes: tuple[Probe, ...] = Field(default=(), max_length=8)
    refused: tuple[DroppedClaim, ...] = Field(default=(), max_length=30)
    """What it asked for that no catalogue or inventory has."""
    analyst: Line
    by_model: bool = True
    """Whether a model wrote it, so that every sentence is checked; code quotes its own from findings."""
    usage: Usage = Usage()
    """What models have used for the whole incident so far."""
    stopped: Line = ""
    """Why it will not come back after its probes; empty when it waits for their results."""


class Investigation(Model):
    """One investigation as the workflow carries it."""

    started: Time
    turns: tuple[Turn, ...] = ()
    results: tuple[ProbeResult, ...] = ()
    next_finding: int = 1


def stopped_because(investigation: Investigation, limits: Limits, now: Time) -> str:
    """Why no further turn follows, as a reader is told; empty while another one may. Pure."""
    last = investigation.turns[-1]
    used = last.usage
    elapsed = (now - investigation.started).total_seconds()
    reasons = (
        (bool(last.stopped), last.stopped),
        (not last.probes, "the analyst asked for no further test"),
        (len(investigation.turns) >= limits.rounds, f"the limit of {limits.rounds} rounds is reached"),
        (used.calls >= limits.calls, f"the limit of {limits.calls} model calls is reached"),
        (
            limits.tokens is not None and used.input_tokens + used.output_tokens >= limits.tokens,
            f"the limit of {limits.tokens} tokens is reached",
        ),
        (
            limits.usd is not None and (used.cost_usd or 0.0) >= limits.usd,
            f"the limit of ${limits.usd or 0:.2f} is reached",
        ),
        (elapsed >= limits.seconds, f"the time limit of {limits.seconds:.0f} s is reached"),
    )
    return next((text for true, text in reasons if true), "")


def probes_left(investigation: Investigation, limits: Limits) -> tuple[Probe, ...]:
    """The probes of the last turn that the limit still allows."""
    room = max(0, limits.probes - len(investigation.results))
    return investigation.turns[-1].probes[:room]
