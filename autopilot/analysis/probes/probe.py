"""What every probe is: typed arguments that know how to answer themselves from a case. Pure and bounded."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from autopilot.case.case import Case
from autopilot.incident.base import Line, Name
from autopilot.incident.evidence import Table
from autopilot.incident.finding import Finding
from autopilot.incident.investigation import ProbeOutcome


@dataclass(frozen=True)
class Answer:
    """What a case says to a probe. At most `FINDINGS_PER_PROBE` findings, without ids."""

    outcome: ProbeOutcome
    summary: str
    """One sentence with numbers and units."""
    findings: tuple[Finding, ...] = ()
    missing: tuple[Table, ...] = ()
    """Tables that had nothing about what was asked; whoever fills them may be asked anew."""


class ProbeArguments(BaseModel):
    """The arguments of a probe: every field is required and the schema has no defaults, as strict functions want.

    Names are plain text: code checks them against the case and answers an unknown one with what exists.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    hypothesis: int
    """Number of the hypothesis that this tests, from 1; 0 for all of them."""
    why: Line
    """Which answer would refute the hypothesis."""
    service: Name
    """The service (or resource) that is asked about, by its exact name."""

    @abstractmethod
    def answer(self, case: Case, onset: datetime | None = None) -> Answer:
        """Answer from the tables of the case.

        Args:
            case: At least the tables that the probe's `ProbeKind` names.
            onset: When the first symptom began, as far as that is known.
        """


@dataclass(frozen=True)
class ProbeKind:
    """One entry of the catalogue."""

    description: str
    """What it asks, and what its outcomes mean; shown to models."""
    arguments: type[ProbeArguments]
    tables: tuple[Table, ...]
    """What it reads."""
