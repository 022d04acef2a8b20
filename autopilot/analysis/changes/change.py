"""Changes: what several sources say about one change becomes one; a deploy is told with the commits it carried."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from pydantic import TypeAdapter, ValidationError

from autopilot.analysis.state.clues import Item
from autopilot.analysis.windows import MICROS, Windows, micros

_ROWS = 2_000
_SAME_VERSION = 30 * 60 * MICROS
_SAME_TIME = 5 * 60 * MICROS
_SKEW = 60 * MICROS
_MOST_COMMITS = 20
"""Commits that are kept of one deploy."""
_DIFF = 30_000
_NAME = 6
"""Letters that the name of a flag needs to be looked for."""
_FILES = TypeAdapter(list[str])
_GENERIC = frozenset({"service", "services", "svc", "server", "app", "api", "srv", "the", "prod"})


@dataclass(frozen=True)
class Commit:
    """What one commit brought."""

    id: str
    summary: str
    files: tuple[str, ...]
    diff: str
    author: str = ""


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
    commits: tuple[Commit, ...] = ()
    files: tuple[str, ...] = ()
    diff: str = ""

    @property
    def authors(self) -> tuple[str, ...]:
        """Everybody who is named as having made it."""
        return tuple(dict.fromkeys(name for name in (self.author, *(c.author for c in self.commits)) if name))


def read_changes(changes: pl.DataFrame, items: Sequence[Item], windows: Windows) -> list[Change]:
    """The changes of the case, joined; commits go into the deploy that carried them.

    A flag is told with the commits that name it. A commit without a service belongs to the deployed service that
    its paths name. Where deploys are recorded, a commit that no deploy carried has reached nobody and is left out.
    """
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
    others = [_switching(c, commits) for c in all_changes if c.kind not in ("deploy", "commit")]
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
        row["link"], at, at, text[:6_000], (row["id"],), (), files[:50], row["diff"][:_DIFF],
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
        text=f"{best.text}\n{other.text}"[:6_000], files=tuple(dict.fromkeys(best.files + other.files))[:50],
        diff=best.diff or other.diff, records=tuple(sorted({*a.records, *b.records})),
    )  # fmt: skip


def _carry(deploys: list[Change], commits: list[Change]) -> tuple[list[Change], list[Change]]:
    """Deploys with the commits they brought, and the commits of services whose deploys nobody records."""
    deployed = sorted({d.service for d in deploys})
    carried = list(deploys)
    alone: list[Change] = []
    for commit in commits:
        service = commit.service or owner(commit.files, deployed)
        if service not in deployed:
            if service or not deploys:
                alone.append(commit)
            continue
        at = _carrier(commit, service, carried)
        if at is not None:
            carried[at] = _with(carried[at], commit)
    return carried, alone


def _switching(change: Change, commits: Sequence[Change]) -> Change:
    """A flag or setting with the commits that speak of it by name: it switches their code, however old that is."""
    name = change.resource or change.summary.split(" ", 1)[0]
    if change.kind not in ("flag", "config") or len(name) < _NAME:
        return change
    rule = re.compile(rf"(?<![a-z0-9]){re.escape(name[:200].lower())}(?![a-z0-9])")
    speaking = [c for c in commits if c.first <= change.first + _SKEW and rule.search(c.text.lower())]
    told = tuple(Commit(c.id, c.summary, c.files, c.diff, c.author) for c in speaking[-_MOST_COMMITS:])
    return replace(change, commits=told)


def _carrier(commit: Change, service: str, deploys: Sequence[Change]) -> int | None:
    """The deploy that brought a commit: the one of its version, else the next one of its service."""
    own = [(i, d) for i, d in enumerate(deploys) if d.service == service]
    named = (i for i, d in own if commit.version and d.version == commit.version)
    later = (i for i, d in own if d.last >= commit.first - _SKEW)
    return next(named, next(later, None))


def _with(deploy: Change, commit: Change) -> Change:
    told = Commit(commit.id, commit.summary, commit.files, commit.diff, commit.author)
    return replace(
        deploy,
        text=f"{deploy.text}\n{commit.text}"[:12_000],
        files=tuple(dict.fromkeys(deploy.files + commit.files))[:50],
        commits=(*deploy.commits, told)[-_MOST_COMMITS:],
    )


def owner(files: Sequence[str], services: Sequence[str]) -> str:
    """The service that the paths of a change name (`services/search/query.go` names searchservice), "" for none."""
    parts = [frozenset(_stem(part) for part in file.split("/")[:-1]) for file in files[:50]]
    named = [s for s in services if (stem := _stem(s)) and any(stem in path for path in parts)]
    return max(named, key=lambda s: (len(s), s), default="")


def _stem(name: str) -> str:
    """A name without what every service's name has: `search-svc`, `searchservice` and `search` are one."""
    words = [w for w in re.split(r"[^a-z0-9]+", name.lower()) if w and w not in _GENERIC]
    joined = "".join(words)
    return next((joined.removesuffix(tail) for tail in ("service", "svc") if joined.endswith(tail)), joined)
