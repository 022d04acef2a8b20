"""Probe `deploy_diff`: what did a change of a service edit, and what was said about it in review?"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from pydantic import TypeAdapter, ValidationError

from autopilot.analysis.changes.change import Change, Commit, read_changes
from autopilot.analysis.changes.diffs import HARM, NATURE_TOLD, Edit, nature_of
from autopilot.analysis.changes.edits import risk
from autopilot.analysis.changes.hazards import ALL_TOPICS, Hazard
from autopilot.analysis.changes.relation import read_edits
from autopilot.analysis.clue import amount, clock, make_finding
from autopilot.analysis.probes.places import listed, match, unknown_name
from autopilot.analysis.probes.probe import Answer, Observed, ProbeArguments, ProbeKind
from autopilot.analysis.state.clues import read_inventory
from autopilot.analysis.windows import MICROS, Windows, micros, moment
from autopilot.incident.base import Name, TimeWindow, clean
from autopilot.incident.finding import Finding, Provenance

_SHOWN = 3
"""Files, commits, comments and lines told of a change."""
_REVIEW = TypeAdapter(list[str])
_TOLERANCE = 60 * MICROS
"""Clocks of systems that record changes differ."""


class DeployDiffProbe(ProbeArguments):
    """A change of a service."""

    change: Name
    """Id of the change (deploy, commit, flag, configuration); empty for the last one before the first symptom."""

    def answer(self, seen: Observed) -> Answer:
        """`present` with what the change edited; `absent` when no change of the service came before the symptom."""
        windows = seen.windows
        table = seen.table("changes")
        changes = read_changes(table, read_inventory(seen.table("inventory")), windows)
        if not changes:
            return unknown_name("changes", self.service, (), "changes")
        begun = micros(seen.onset) if seen.onset else windows.alerted
        if self.change:
            chosen = _by_id(changes, self.change)
            if chosen is None:
                ids = listed((record for c in changes for record in c.records), self.change)
                return Answer("unknown", f'The case has no change "{clean(self.change, 60)}"; there are {ids}')
            if chosen.first > begun + _TOLERANCE:
                return _late(chosen, begun, seen)
            told = _told(chosen, begun, table, windows)
            if match(self.service, [chosen.service, chosen.resource]):
                return told
            # What somebody else's change did proves nothing of this service.
            text = f"{_name(chosen)} is a change of {chosen.service}, not of {clean(self.service, 60)}"
            return Answer("unknown", f"{text}: {told.summary}"[:400], told.findings)
        return self._last(changes, begun, seen)

    def _last(self, changes: Sequence[Change], begun: int, seen: Observed) -> Answer:
        """About the last change of the service before the first symptom."""
        table, windows = seen.table("changes"), seen.windows
        services = {c.service for c in changes} | {c.resource for c in changes}
        found = match(self.service, sorted(services))
        own = [c for c in changes if c.service in found or (c.resource and c.resource in found)]
        earlier = [c for c in own if c.first <= begun + _TOLERANCE]
        if earlier:
            return _told(earlier[-1], begun, table, windows)
        if own:
            return _late(own[0], begun, seen)
        asked = clean(self.service, 60)
        others = {c.service for c in changes}
        text = (
            f"{len(changes)} changes are recorded between {clock(changes[0].first)} and {clock(changes[-1].last)}, "
            f"none of them of {asked}; they are of {listed(others, self.service)}"
        )
        # Records of the services in scope alone say nothing about another service.
        scope = frozenset(seen.case.scope.services)
        if not match(self.service, scope) and others <= scope:
            return Answer("unknown", text, missing=("changes",))
        return seen.absent("change", asked, text, source="changes", query=f"changes of {asked}")


def _by_id(changes: Sequence[Change], asked: str) -> Change | None:
    """The change with this id, or the one that carried the record (a commit, another system's deploy)."""
    for change in changes:
        ids = [*change.records, *(commit.id for commit in change.commits)]
        tails = [identity.rsplit(":", 1)[-1] for identity in ids]
        if match(asked, ids) or match(asked, tails) or (asked and asked == change.version):
            return change
    return None


def _late(change: Change, begun: int, seen: Observed) -> Answer:
    minutes = (change.first - begun) / MICROS / 60
    text = (
        f"{_name(change)} of {change.service} came at {clock(change.first)}, {amount(minutes)} min after the first "
        "symptom"
    )
    return seen.absent("change", change.service, text, source="changes", query=f"changes of {change.service}")


def _name(change: Change) -> str:
    return f"{change.kind.capitalize()}{f' {change.version}' if change.version else ''}"


@dataclass(frozen=True)
class _Read:
    """A change with what its records say."""

    change: Change
    begun: int
    windows: Windows
    reviews: tuple[str, ...]
    edits: tuple[tuple[Commit, tuple[Edit, ...]], ...]

    def finding(self, summary: str, *, score: float, hazard: Hazard | None = None) -> Finding:
        """One finding about the change."""
        change = self.change
        return make_finding(
            "change",
            service=change.service, resource=change.resource, region=change.region,
            window=TimeWindow(start=moment(change.first), end=moment(max(change.last, change.first + 1))),
            onset=change.first, uncertainty=(change.last - change.first) // 2, direction="new", score=score,
            summary=summary, change_id=change.id, mechanism=hazard.mechanism if hazard else None,
            provenance=Provenance(
                source=change.id.split(":", 1)[0] or "changes",
                query=f"diff and review of {change.service}: {', '.join(self._records())}"[:1_000],
                window=self.windows.whole, link=change.link,
            ),
        )  # fmt: skip

    def _records(self) -> list[str]:
        return [*self.change.records, *(commit.id for commit in self.change.commits)]


def _told(change: Change, begun: int, table: pl.DataFrame, windows: Windows) -> Answer:
    """The change, the hazard in its lines, its reviews, and its other telling lines."""
    whole = Commit(change.id, change.summary, change.files, change.diff)
    parts = [c for c in change.commits if c.files or c.diff] or [whole]
    edits = tuple((part, read_edits(part.diff, part.files)) for part in parts)
    read = _Read(change, begun, windows, _reviews(change, table), edits)
    hazards = _hazards(read)
    findings = [_overview(read), *hazards, *_reviewed(read)]
    if not hazards:
        findings += _lines(read)
    summary = findings[0].summary + "".join(f"; {f.summary}" for f in findings[1:])
    return Answer("present", clean(summary, 400), tuple(findings[:4]))


def _overview(read: _Read) -> Finding:
    change = read.change
    minutes = (read.begun - change.first) / MICROS / 60
    author = f" by {change.author}" if change.author else ""
    messages = "; ".join(f'"{clean(c.summary, 70)}"' for c in change.commits[:_SHOWN])
    commits = f"; commits: {messages}" if messages else ""
    files = f"; edits {', '.join(clean(f, 80) for f in change.files[:_SHOWN])}" if change.files else ""
    every = [edit for _, edits in read.edits for edit in edits]
    nature = nature_of(every)
    told = f"; it {NATURE_TOLD[nature]}" if nature in NATURE_TOLD else ""
    unread = "" if any(edit.lines for edit in every) else "; its lines are not recorded"
    return read.finding(
        f"{_name(change)} of {change.service}{author} at {clock(change.first)}, {amount(max(minutes, 0.0))} min "
        f"before the first symptom: {clean(change.summary, 80)}{commits}{files}{told}{unread}",
        score=0.5 * HARM[nature],
    )


def _hazards(read: _Read) -> list[Finding]:
    """The worst known hazard of each commit, whatever the symptoms are; the worst of all first."""
    weights = dict.fromkeys(ALL_TOPICS, 1.0)
    found: list[tuple[float, str, Finding]] = []
    for commit, edits in read.edits:
        hazard, file, line, worth = risk(edits, weights)
        if hazard is None:
            continue
        name = clean(commit.id.rsplit(":", 1)[-1], 12)
        text = f'{name} in {clean(file, 80)} {hazard.does}: "{clean(line.strip(), 140)}"'
        found.append((-worth, commit.id, read.finding(text, score=worth, hazard=hazard)))
    return [finding for _, _, finding in sorted(found, key=lambda item: item[:2])[:2]]


def _lines(read: _Read) -> list[Finding]:
    """The lines really edited, where no rule knows them."""
    shown = [
        f'{word} "{clean(text.strip(), 90)}"'
        for _, edits in read.edits
        for edit in sorted(edits, key=lambda e: -HARM[e.nature])
        for word, lines in (("added", edit.net("+")), ("removed", edit.net("-")))
        for text in lines
        if text.strip()
    ]
    if not shown:
        return []
    rest = f" and {len(shown) - _SHOWN} more lines" if len(shown) > _SHOWN else ""
    text = (
        f"{_name(read.change)} of {read.change.service}: {'; '.join(shown[:_SHOWN])}{rest}; no known hazard in them"
    )
    return [read.finding(text, score=0.2)]


def _reviews(change: Change, table: pl.DataFrame) -> tuple[str, ...]:
    """The review comments of every record of a change, in order."""
    ids = [*change.records, *(commit.id for commit in change.commits)]
    rows = table.filter(pl.col("id").is_in(ids) & (pl.col("review") != "")).sort("time", "id", "review")
    said: list[str] = []
    for text in rows["review"].to_list():
        try:
            said += _REVIEW.validate_json(text)
        except ValidationError:
            said.append(text)
    return tuple(dict.fromkeys(comment for comment in (clean(c, 160) for c in said) if comment))


def _reviewed(read: _Read) -> list[Finding]:
    if not read.reviews:
        return []
    quoted = "; ".join(f'"{comment}"' for comment in read.reviews[:2])
    rest = f" ({len(read.reviews) - 2} more)" if len(read.reviews) > 2 else ""
    return [read.finding(f"Review of {_name(read.change).lower()} said: {quoted}{rest}", score=0.4)]


PROBE = ProbeKind(
    "What did a change of a service edit: files, telling lines, commit messages, review comments, author? "
    "`absent` means that no change of the service came before the first symptom.",
    DeployDiffProbe,
    ("changes", "inventory"),
    ("present", "absent", "unknown"),
)
