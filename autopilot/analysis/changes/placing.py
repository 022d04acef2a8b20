"""Placing: every change against the onset, by time, by calls between services and by what its content can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autopilot.analysis.changes.change import Change, Commit
from autopilot.analysis.changes.diffs import HARM, Edit, nature_of_path
from autopilot.analysis.changes.relation import NO_RELATION, Reader, Relation, read_edits
from autopilot.analysis.changes.shifts import Moment, shifts
from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.metrics.table import SeriesTable
from autopilot.analysis.onset import Onset
from autopilot.analysis.topology import Graph
from autopilot.analysis.windows import MICROS, Windows, moment
from autopilot.incident.base import TimeWindow, clean
from autopilot.incident.finding import Provenance

MOST = 15
"""Change findings in a dossier."""
_READ = 200
"""Changes whose content is read."""
_CHARACTERS = 300_000
"""Of diffs that are read in all, those of the nearest changes first: some hundred usual commits."""
_NEIGHBOUR = 0.8
"""What a service counts that the scope calls, and a caller whose change does what the scope suffers from."""
_AROUND = 0.5
"""What callers count, and everybody where nobody's calls are known."""
_MEETS = 0.4
"""Relation from which content meets the symptoms well."""
_HALVING = 30 * 60
"""Seconds before the onset at which a change has half the weight of one right before it."""


@dataclass(frozen=True)
class Placed:
    """A change against the onset, with its clue."""

    change: Change
    clue: Clue
    after_onset: bool
    closeness: float
    """1 right before the onset, falling with the time between; 0 after it."""
    near: float
    """1 for services in scope, less for those around them."""
    relation: Relation = NO_RELATION
    """How its content meets the symptoms; of the commit that does so most, when it brought several."""
    commit: str = ""
    """That commit's id."""
    shifts: tuple[Clue, ...] = ()
    """Series of its service that began to suffer right with it."""


def place_changes(
    changes: Sequence[Change], clues: Sequence[Clue], table: SeriesTable, onset: Onset, scope: frozenset[str],
    graph: Graph,
) -> list[Placed]:  # fmt: skip
    """The changes that may matter most by time, relation and content, best first; at most MOST."""
    reach = scope.union(*(graph.callees(s) for s in scope))
    around = reach.union(*(graph.callers(s) for s in scope))
    known = bool(reach - scope) or bool(around - scope)
    placed = [
        _at(change, onset, 1.0 if change.service in scope else _NEIGHBOUR if change.service in reach
            else _AROUND if change.service in around or not known else 0.15)
        for change in changes
    ]  # fmt: skip
    nearest = sorted(placed, key=lambda p: (-p.near, p.after_onset, -p.closeness, p.change.id))[:_READ]
    related = _related(nearest, clues, graph)
    best = sorted(related, key=lambda p: (p.after_onset, -_worth(p), -p.change.first, p.change.id))[:MOST]
    moved = shifts(table, [_moment(p.change, changes, table.windows) for p in best])
    return [
        replace(p, shifts=tuple(found), clue=_clue(p, onset, table.windows))
        for p, found in zip(best, moved, strict=True)
    ]


def _worth(p: Placed) -> float:
    return p.near * max(p.closeness * HARM[p.relation.nature], p.relation.score)


def _at(change: Change, onset: Onset, near: float) -> Placed:
    late = onset.is_after(change.first)
    before = max(onset.at - change.last, 0) / MICROS
    nothing = make_finding(
        "change", service=change.service, score=0.0, summary="", provenance=Provenance(source="changes"),
        window=TimeWindow(start=moment(change.first), end=moment(change.first + 1)),
    )  # fmt: skip
    return Placed(change, Clue(nothing, "change"), late, 0.0 if late else 1 / (1 + before / _HALVING), near)


def _related(placed: Sequence[Placed], clues: Sequence[Clue], graph: Graph) -> list[Placed]:
    """Each with the relation of its content; of several commits the one that meets the symptoms most speaks."""
    left = _CHARACTERS
    parts: list[list[tuple[str, tuple[Edit, ...]]]] = []
    for p in placed:
        parts.append([])
        for part in _parts(p.change):
            parts[-1].append((part.id, read_edits(part.diff[:left], part.files)))
            left -= min(left, len(part.diff))
    reader = Reader(clues, [edits for own in parts for _, edits in own if edits])
    related: list[Placed] = []
    for p, own in zip(placed, parts, strict=True):
        reach = _reach(p.change.service, graph)
        found = [(reader.relate(edits, reach), commit) for commit, edits in own]
        relation, commit = max(found, key=lambda item: (item[0].score, HARM[item[0].nature], item[1]))
        of_commit = any(c.id == commit for c in p.change.commits)
        near = max(p.near, _NEIGHBOUR) if p.near >= _AROUND and relation.score >= _MEETS else p.near
        related.append(replace(p, relation=relation, commit=commit if of_commit else "", near=near))
    return related


def _parts(change: Change) -> list[Commit]:
    """What is judged by itself: the commits, else the change as a whole."""
    whole = Commit(change.id, change.summary, change.files, change.diff)
    told = [c for c in change.commits if c.files or c.diff]
    return told or [whole]


def _reach(service: str, graph: Graph) -> Mapping[str, float]:
    """How much the symptoms of each service count for a change of this one: its own, then those it may cause."""
    reach = dict.fromkeys(sorted(graph.callers(service)), 0.6) | dict.fromkeys(sorted(graph.callees(service)), 0.7)
    return reach | {service: 1.0}


def _moment(change: Change, changes: Sequence[Change], windows: Windows) -> Moment:
    """The change between its neighbours: what happened further away belongs to those."""
    others = [c.first for c in changes if c.service == change.service and c.id != change.id and c.kind != "commit"]
    return Moment(
        change.service, change.first,
        max((at for at in others if at < change.first), default=windows.start),
        min((at for at in others if at > change.last), default=windows.end),
    )  # fmt: skip


def _clue(p: Placed, onset: Onset, windows: Windows) -> Clue:
    change = p.change
    apart = (change.first - onset.at) / MICROS / 60
    when = (
        f"{amount(apart)} min after the onset"
        if p.after_onset
        else f"{amount(max(-apart, 0))} min before the onset"
    )
    version = f" {change.version}" if change.version else ""
    author = f" by {change.author}" if change.author else ""
    files = _telling(change, p.relation)
    touched = f"; touches {', '.join(files[:3])}" if files else ""
    told = f"; it {p.relation.told}" if p.relation.told else ""
    summary = (
        f"{change.kind.capitalize()}{version} of {change.service}{author} at {clock(change.first)}, {when}: "
        f"{clean(change.summary, 110)}{_brought(p)}{told}{touched}"
    )
    finding = make_finding(
        "change",
        service=change.service, resource=change.resource, region=change.region,
        window=TimeWindow(start=moment(change.first), end=moment(max(change.last, change.first + 1))),
        onset=change.first, uncertainty=(change.last - change.first) // 2, direction="new",
        score=_worth(p), summary=summary, change_id=change.id, authors=change.authors[:20],
        provenance=Provenance(
            source=change.id.split(":", 1)[0] or "changes",
            query=f"changes of {change.service}: {', '.join(change.records)}"[:1_000],
            window=windows.whole, link=change.link,
        ),
    )  # fmt: skip
    return Clue(finding, "change", change.first, mentions=change.text)


def _brought(p: Placed) -> str:
    """How many commits came with it, and which of them matters."""
    commits = p.change.commits
    if not commits:
        return ""
    best = next((c for c in commits if c.id == p.commit), None)
    if best is None or clean(best.summary, 60) in p.change.summary:
        return f"; {len(commits)} commits" if len(commits) > 1 else ""
    name = f'{clean(best.id.rsplit(":", 1)[-1], 8).rstrip("…")} "{clean(best.summary, 60)}"'
    return (
        f"; {len(commits)} commits, first of all {name}" if p.change.kind == "deploy" else f"; its code is {name}"
    )


def _telling(change: Change, relation: Relation) -> list[str]:
    """The files of a change, those that may matter first."""

    def order(item: tuple[int, str]) -> tuple[bool, bool, float, int]:
        place, file = item
        words = sum(word in file.lower() for word in relation.shared)
        return (file != relation.frame, file != relation.file, -HARM[nature_of_path(file)] * (1 + words), place)

    return [file for _, file in sorted(enumerate(change.files), key=order)]
