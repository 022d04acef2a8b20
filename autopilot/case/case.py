"""A case in memory: the manifest and its tables, read lazily and concatenated across parts."""

from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from autopilot.case.schema import frame
from autopilot.incident.evidence import TABLES, CaseManifest, Gap, Scope, Table


@dataclass(frozen=True)
class Case:
    """One case revision. Tables that were not collected are empty frames with the right columns."""

    manifest: CaseManifest
    tables: dict[Table, pl.DataFrame] = field(default_factory=dict["Table", pl.DataFrame])

    @property
    def scope(self) -> Scope:
        """What the case is about."""
        return self.manifest.scope

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What could not be learned."""
        return self.manifest.gaps

    def table(self, name: Table) -> pl.DataFrame:
        """The rows of one table."""
        return self.tables.get(name, self._empty[name])

    @cached_property
    def _empty(self) -> dict[Table, pl.DataFrame]:
        return {name: frame(name) for name in TABLES}
