"""What every probe is: typed arguments that know how to answer themselves from a case. Pure and bounded."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import polars as pl
from pydantic import BaseModel, ConfigDict

from autopilot.analysis.clue import make_finding
from autopilot.analysis.windows import Windows
from autopilot.case.case import Case
from autopilot.incident.base import Line, Name
from autopilot.incident.evidence import Table
from autopilot.incident.finding import Finding, FindingKind, Provenance
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


@dataclass(frozen=True)
class Observed:
    """What a probe may look at."""

    case: Case
    """With at least the tables that the probe's `ProbeKind` names."""
    onset: datetime | None = None
    """When the first symptom began, as far as that is known."""

    def table(self, name: Table) -> pl.DataFrame:
        """The rows of a table."""
        return self.case.table(name)

    @cached_property
    def windows(self) -> Windows:
        """Baseline and incident."""
        return Windows.of(self.case.scope)

    def absent(self, kind: FindingKind, service: str, text: str, *, source: str, query: str) -> Answer:
        """The answer when the data was there and showed nothing, with a finding that says so."""
        finding = make_finding(
            kind,
            service=service, window=self.windows.since(None), score=0.0, summary=text,
            provenance=Provenance(source=source, query=query[:1_000], window=self.windows.whole),
        )  # fmt: skip
        return Answer("absent", finding.summary, (finding,))


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
    def answer(self, seen: Observed) -> Answer:
        """Answer from what was observed. Never raises for what the arguments or the rows hold."""


@dataclass(frozen=True)
class ProbeKind:
    """One entry of the catalogue."""

    description: str
    """What it asks, and what its outcomes mean; shown to models."""
    arguments: type[ProbeArguments]
    tables: tuple[Table, ...]
    """What it reads."""
    outcomes: tuple[ProbeOutcome, ...]
    """What it may answer."""
