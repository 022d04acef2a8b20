"""What we believe the cause is, with the evidence for and against, and how sure code lets us be."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from autopilot.incident.base import Line, Model, Name, Time
from autopilot.incident.cause import CauseKind
from autopilot.incident.evidence import Gap
from autopilot.incident.finding import Impact

Standing = Literal["confirmed", "likely", "inconclusive", "refuted"]


class Trial(Model):
    """A test of a hypothesis: what was asked of the evidence, and what came out."""

    text: Line
    outcome: Literal["held", "refuted", "silent"]
    """`silent`: the evidence needed for the test is not there."""
    finding_ids: tuple[str, ...] = ()
    decisive: bool = False
    """Whether the other outcome would have refuted the hypothesis by itself."""
    probe: str = ""
    """The follow-up query that made it; empty when the first dossier answered already."""


class Hypothesis(Model):
    """One possible explanation. Standing and confidence are computed by code, never taken from a model."""

    statement: Line
    cause_kind: CauseKind
    service: Name
    resource: Name = ""
    region: Name = ""
    change_id: str = ""
    change_authors: tuple[Name, ...] = ()
    """Who made the blamed change, as the systems that recorded it call them."""
    supporting: tuple[str, ...] = ()
    contradicting: tuple[str, ...] = ()
    tests: tuple[Trial, ...] = ()
    asked_by: Line = ""
    """The person whose idea it was; empty when analysis or a model proposed it."""
    standing: Standing = "inconclusive"
    confidence: float = Field(default=0.0, ge=0, le=1)
    """What the rules of evidence give: an order, not a frequency."""
    likelihood: float | None = Field(default=None, ge=0, le=1)
    """How often such a confidence was right here; None below the outcomes that calibration needs."""
    outcomes: int = 0
    """Known outcomes of this kind of cause, from which `likelihood` is fitted."""

    @property
    def stands(self) -> bool:
        """Whether the evidence decides for it."""
        return self.standing in ("confirmed", "likely")


def best_of(hypotheses: Sequence[Hypothesis]) -> Hypothesis | None:
    """The first that is not refuted."""
    return next((h for h in hypotheses if h.standing != "refuted"), None)


class Doubted(Model):
    """A leading hypothesis that a person did not accept."""

    hypothesis: Hypothesis
    said: Line
    """What the person said when asking for another analysis."""
    by: Name
    at: Time


class DroppedClaim(Model):
    """A statement that code removed, and why."""

    claim: Line
    reason: Line


class Usage(Model):
    """What a model call cost."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    """None when the model's price is unknown."""

    def plus(self, other: "Usage") -> "Usage":
        """The sum; a cost that is unknown on one side stays what the other side knows."""
        costs = [c for c in (self.cost_usd, other.cost_usd) if c is not None]
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=round(sum(costs), 6) if costs else None,
        )


class PlantedOrder(Model):
    """Collected text that tries to give orders. It is data, was not obeyed, and is shown to people."""

    where: Line
    """The source, the service and the finding, so that somebody can look who wrote it."""
    excerpt: Line
    why: Line
    """What gives it away."""


class Diagnosis(Model):
    """The conclusion of one analysis round."""

    revision: int
    hypotheses: tuple[Hypothesis, ...] = Field(default=(), max_length=4)
    """Best first."""
    causal_chain: tuple[Line, ...] = Field(default=(), max_length=8)
    impact: Impact = Impact()
    gaps: tuple[Gap, ...] = ()
    claims: int = 0
    """Sentences and citations that were checked."""
    dropped: int = 0
    """How many of them nothing supports."""
    dropped_claims: tuple[DroppedClaim, ...] = Field(default=(), max_length=30)
    """The first of those, with the reason."""
    planted: tuple[PlantedOrder, ...] = Field(default=(), max_length=10)
    stopped: Line = ""
    """Why no further test was made."""
    analyst: Line = "built-in analyst"
    """Which analyst made it; says so when a model was meant to and failed."""
    usage: Usage = Usage()
    next_steps: tuple[Line, ...] = ()
    """What a person should look at when the standing is inconclusive."""

    @property
    def best(self) -> Hypothesis | None:
        """The leading hypothesis that is not refuted."""
        return best_of(self.hypotheses)
