"""Changes: what several sources say about one change becomes one; each is placed against the onset."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from pydantic import TypeAdapter, ValidationError

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.onset import Onset
from autopilot.analysis.state import Item
from autopilot.analysis.topology import Graph
from autopilot.analysis.windows import MICROS, Windows, micros, moment
from autopilot.incident.base import TimeWindow
from autopilot.incident.finding import Provenance

MOST = 15
"""Change findings in a dossier."""
_ROWS = 2_000
_SAME_VERSION = 30 * 60 * MICROS
_SAME_TIME = 5 * 60 * MICROS
_SKEW = 60 * MICROS
_HALVING = 30 * 60
"""Seconds before the onset at which a change has half the weight of one right before it."""
_FILES = TypeAdapter(list[str])


@dataclass(frozen=True)
class Change:
    """One change of the world, from one or several records of it. Times in microseconds."""

    id: str
    kind: str
    service: str
    resource: str
    region: str
    version: str
    author: str
    summary: str
    link: str
    first: int
    last: int
    text: str
    """Everything written about it: summaries, files, diffs, reviews."""
    records: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Placed:
    """A change against the onset, with its clue."""

    change: Change
    clue: Clue
    after_onset: bool
    closeness: float
    """1 right before the onset, falling with the time between; 0 after it."""
    relation: float
    """1 for services in scope, less for those around them."""


def read_changes(changes: pl.DataFrame, items: Sequence[Item], windows: Windows) -> list[Change]:
    """The changes of the case, joined; commits go into the deploy that carried them."""
    recent = changes.filter(pl.col("time").is_not_null() & (pl.col("time").cast(pl.Int64) < windows.end))
    names = {
        (item.service, str(v.get("version"))): str(v.get("description"))
        for item in items for v in item.versions if v.get("description")
    }  # fmt: skip
    keys = ["time", "id", "kind", "summary", "service", "resource", "version", "author", "files", "diff", "review"]
    rows = recent.unique().sort(keys, descending=[True, *(False for _ in keys[1:])])
    all_changes = [_read(row, names) for row in reversed(rows.head(_ROWS).to_dicts())]
    deploys = _join([c for c in all_changes if c.kind == "deploy"])
    commits = [c for c in all_changes if c.kind == "commit"]
    others = [c for c in all_changes if c.kind not in ("deploy", "commit")]
    carried, alone = _carry(deploys, commits)
    return sorted([*carried, *alone, *others], key=lambda c: (c.first, c.id))


def _read(row: dict[str, Any], names: dict[tuple[str, str], str]) -> Change:
    at = micros(row["time"])
    service = row["service"] or row["resource"]
    files = _listed(row["files"])
    version = names.get((service, str(row["version"])), str(row["version"]))
    text = "\n".join([row["summary"], *files, row["diff"], row["review"], row["resource"]])
    return Change(
        row["id"], row["kind"], service, row["resource"], row["region"], version, row["author"], row["summary"],
        row["link"], at, at, text[:6_000], (row["id"],), (), files[:20],
    )  # fmt: skip


def _listed(text: str) -> tuple[str, ...]:
    try:
        return tuple(_FILES.validate_json(text or "[]"))
    except ValidationError:
        return ()


def _number(version: str) -> bool:
    return version.isdigit() or version in ("", "$LATEST")


def _same(a: Change, b: Change) -> bool:
    """Whether two deploy records speak of one deploy. A bare number (a function's version) says little."""
    apart = b.first - a.last
    if a.service != b.service or (a.region and b.region and a.region != b.region):
        return False
    if not _number(a.version) and not _number(b.version):
        return a.version == b.version and apart <= _SAME_VERSION
    return apart <= _SAME_TIME


def _join(deploys: list[Change]) -> list[Change]:
    joined: list[Change] = []
    for deploy in deploys:
        at = next((i for i in range(len(joined) - 1, -1, -1) if _same(joined[i], deploy)), None)
        if at is None:
            joined.append(deploy)
        else:
            joined[at] = _merge(joined[at], deploy)
    return joined


def _telling(change: Change) -> tuple[bool, bool, int, str]:
    return (_number(change.version), not change.files, -len(change.summary), change.id)


def _merge(a: Change, b: Change) -> Change:
    best, other = sorted((a, b), key=_telling)
    return replace(
        best,
        first=min(a.first, b.first), last=max(a.last, b.last), resource=best.resource or other.resource,
        author=best.author or other.author, link=best.link or other.link, region=best.region or other.region,
        text=f"{best.text}\n{other.text}"[:6_000], files=(best.files + other.files)[:20],
        records=tuple(sorted({*a.records, *b.records})),
    )  # fmt: skip


def _carry(deploys: list[Change], commits: list[Change]) -> tuple[list[Change], list[Change]]:
    """Deploys with the commits they brought, and the commits of services whose deploys nobody records."""
    deployed = {d.service for d in deploys}
    carried = list(deploys)
    alone: list[Change] = []
    for commit in commits:
        if commit.service not in deployed:
            alone.append(commit)
            continue
        at = next(
            (i for i, d in enumerate(carried) if d.service == commit.service and d.last >= commit.first - _SKEW),
            None,
        )
        if at is not None:
            host = carried[at]
            carried[at] = replace(
                host,
                text=f"{host.text}\n{commit.text}"[:12_000], files=(host.files + commit.files)[:20],
                commits=(*host.commits, commit.summary)[:10],
            )  # fmt: skip
    return carried, alone


def place_changes(
    changes: Sequence[Change], onset: Onset, scope: frozenset[str], graph: Graph, windows: Windows
) -> list[Placed]:
    """The changes nearest to the incident in time and relation, best first; at most MOST."""
    reach = scope.union(*(graph.callees(s) for s in scope))
    around = reach.union(*(graph.callers(s) for s in scope))
    placed = [
        _place(change, onset, 1.0 if change.service in scope else 0.8 if change.service in reach
               else 0.5 if change.service in around else 0.15, windows)
        for change in changes
    ]  # fmt: skip
    return sorted(placed, key=lambda p: (p.after_onset, -p.clue.score, -p.change.first, p.change.id))[:MOST]


def _place(change: Change, onset: Onset, relation: float, windows: Windows) -> Placed:
    late = onset.is_after(change.first)
    before = max(onset.at - change.last, 0) / MICROS
    closeness = 0.0 if late else 1 / (1 + before / _HALVING)
    when = (
        f"{amount((change.first - onset.at) / MICROS / 60)} min after the onset" if late
        else f"{amount(max(onset.at - change.first, 0) / MICROS / 60)} min before the onset"
    )  # fmt: skip
    version = f" {change.version}" if change.version else ""
    author = f" by {change.author}" if change.author else ""
    brought = f"; {len(change.commits)} commits" if change.commits else ""
    touched = f"; touches {', '.join(change.files[:3])}" if change.files else ""
    summary = (
        f"{change.kind.capitalize()}{version} of {change.service}{author} at {clock(change.first)}, {when}: "
        f"{change.summary[:160]}{brought}{touched}"
    )
    source = change.id.split(":", 1)[0] or "changes"
    finding = make_finding(
        "change",
        service=change.service, resource=change.resource, region=change.region,
        window=TimeWindow(start=moment(change.first), end=moment(max(change.last, change.first + 1))),
        onset=change.first, uncertainty=(change.last - change.first) // 2, direction="new",
        score=closeness * relation, summary=summary, change_id=change.id,
        provenance=Provenance(
            source=source, query=f"changes of {change.service}: {', '.join(change.records)}"[:1_000],
            window=windows.whole, link=change.link,
        ),
    )  # fmt: skip
    return Placed(change, Clue(finding, "change", change.first, mentions=change.text), late, closeness, relation)
