"""Probe `metric`: did a metric of a service move against its baseline?"""

from collections.abc import Sequence

import polars as pl

from autopilot.analysis.metrics.kinds import kind_of, words
from autopilot.analysis.probes.moves import Moved, moves
from autopilot.analysis.probes.places import Place, find_place, in_windows, listed, match, names_in
from autopilot.analysis.probes.probe import Answer, Observed, ProbeArguments, ProbeKind
from autopilot.incident.base import Name, clean
from autopilot.incident.investigation import FINDINGS_PER_PROBE

_SYNONYMS = {
    "error": "errors", "failures": "errors", "duration": "latency", "requests": "traffic",
    "throttles": "throttling", "throttled": "throttling",
}  # fmt: skip
"""Other words for what kinds of metrics are about."""


class MetricProbe(ProbeArguments):
    """A metric of a service."""

    metric: Name
    """Name of the metric, or a part of it such as `latency` or `connections`; empty for whichever moved most."""
    region: Name
    """Region to look at; empty for all."""

    def answer(self, seen: Observed) -> Answer:
        """`rose`, `fell` or `unchanged` by the series that fits best; `unknown` without samples to compare."""
        windows = seen.windows
        place = find_place(seen.table("metrics"), self.service)
        rows = in_windows(place.rows, windows)
        if rows.is_empty():
            return place.nothing("metrics", "metrics")
        if self.region:
            regions = names_in(rows["region"])
            rows = rows.filter(pl.col("region").cast(pl.String).is_in(match(self.region, regions)))
            if rows.is_empty():
                exists = (
                    f"; they are of {listed(regions, self.region)}" if regions else "; no region is told of them"
                )
                asked = f"The case has no metrics of {place.name} in region {clean(self.region, 60)!r}"
                return Answer("unknown", f"{asked}{exists}", missing=("metrics",))
        units = {(str(m), str(u)) for m, u in rows.select("metric", "unit").unique().iter_rows()}
        names = _meant(self.metric, sorted(units))
        if not names:
            exists = listed({name for name, _ in units}, self.metric)
            return Answer(
                "unknown", f"{place.name} has no metric like {clean(self.metric, 60)!r}; it has {exists}"
            )  # fmt: skip
        found = moves(rows.filter(pl.col("metric").cast(pl.String).is_in(names)), windows)
        return _told(found, place, self.metric or "any metric")


def _meant(asked: str, known: Sequence[tuple[str, str]]) -> list[str]:
    """The metrics that a name means, by the strictest reading under which there are any."""
    if not asked:
        return sorted({name for name, _ in known})
    wanted = words(asked)
    if not wanted:
        return []
    parts = wanted.split("_")
    kind = _SYNONYMS.get(wanted, wanted)
    readings = (
        [name for name, _ in known if words(name) == wanted],
        [name for name, _ in known if wanted in words(name)],
        [name for name, _ in known if all(part in words(name) for part in parts)],
        [name for name, unit in known if kind in (kind_of(name, unit).signal, kind_of(name, unit).cause)],
    )
    return sorted(set(next(filter(None, readings), ())))


def _told(found: Sequence[Moved], place: Place, asked: str) -> Answer:
    if not found:
        return Answer(
            "unknown",
            f"{place.name} has no samples of {clean(asked, 60)!r} during the incident",
            missing=("metrics",),
        )
    sure = [m for m in found if m.sure]
    best = (sure or found)[0]
    if best.move == "unchanged" and 2 * len(sure) < len(found):
        unclear = next(m for m in found if not m.sure).finding()
        return Answer("unknown", unclear.summary, (unclear,), () if best.compared else ("metrics",))
    moved = [m for m in found if m.move != "unchanged"]
    shown = [best, *(m for m in moved if m is not best)][:FINDINGS_PER_PROBE]
    findings = tuple(m.finding() for m in shown)
    others = [m.label for m in found if m is not best]
    rest = f"; {len(moved)} of {len(found)} series moved; others: {listed(others)}" if others else ""
    return Answer(best.move, clean(f"{findings[0].summary}{rest}", 400), findings)


PROBE = ProbeKind(
    "Did a metric of a service rise, fall or stay unchanged during the incident against its baseline?",
    MetricProbe,
    ("metrics",),
    ("rose", "fell", "unchanged", "unknown"),
)
