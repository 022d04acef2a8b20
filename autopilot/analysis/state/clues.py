"""State: rules over what was observed of resources now, and events that were recorded about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import TypeAdapter, ValidationError

from autopilot.analysis.clue import Clue, clock, make_finding
from autopilot.analysis.logs.signatures import signature_of
from autopilot.analysis.metrics.table import SeriesTable
from autopilot.analysis.state.cluster.objects import Cluster
from autopilot.analysis.state.cluster.views import CLUSTER, View, read_views
from autopilot.analysis.state.rules import Hit, judge
from autopilot.analysis.state.starvation import starvation_clues
from autopilot.analysis.windows import Windows, micros
from autopilot.incident.base import clean
from autopilot.incident.finding import Provenance

MOST = 25
"""State findings in a dossier."""
_TOLD = 0.6
"""Score from which on a rule has said what an event about the same only repeats."""
_ITEMS = 500
_LINES, _LINE = 300, 400
"""Distinct log lines of a service that rules may look at, and characters of each."""
_EVENT_KINDS = ("event", "events")
_SETTINGS = TypeAdapter(dict[str, Any])
_VERSIONS = TypeAdapter(list[dict[str, Any]])


@dataclass(frozen=True)
class Item:
    """One resource of the inventory, parsed."""

    resource: str
    kind: str
    name: str
    service: str
    region: str
    settings: dict[str, Any]
    versions: tuple[dict[str, Any], ...]
    source: str

    def number(self, setting: str) -> float | None:
        """A setting as a number, None when it is absent or something else."""
        value = self.settings.get(setting)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def read_inventory(inventory: pl.DataFrame) -> list[Item]:
    """The inventory's resources; rows whose JSON is broken keep their name without settings."""
    rows = inventory.sort(["resource", "kind", "source", "settings", "versions"]).head(_ITEMS).to_dicts()
    return [
        Item(
            row["resource"], row["kind"], row["name"], row["service"] or row["name"], row["region"],
            parsed(row["settings"]), _versions(row["versions"]), row["source"],
        )
        for row in rows
    ]  # fmt: skip


def parsed(text: str) -> dict[str, Any]:
    """A JSON object, empty when the text is not one."""
    try:
        return _SETTINGS.validate_json(text or "{}")
    except ValidationError:
        return {}


def _versions(text: str) -> tuple[dict[str, Any], ...]:
    try:
        return tuple(_VERSIONS.validate_json(text or "[]"))
    except ValidationError:
        return ()


def state_clues(items: list[Item], state: pl.DataFrame, table: SeriesTable, logs: pl.DataFrame) -> list[Clue]:
    """What the rules and the failure signatures find; at most MOST. Rules over a cluster see its logs too."""
    cluster = Cluster.read(state)
    views = read_views(cluster, _said(logs, table.windows)) if cluster.objects else []
    clues = [_of_hit(hit, table.windows) for hit in judge([*map(_view, items), *views])]
    clues += _concurrency(items, table)
    clues += starvation_clues(views, table)
    known = {(c.service, c.finding.cause_kind) for c in clues if c.score >= _TOLD}
    events = _events(state, table.windows, _lasting(cluster, views))
    clues += [c for c in events if (c.service, c.finding.cause_kind) not in known]
    return sorted(clues, key=lambda c: (-c.score, c.service, c.finding.summary))[:MOST]


def _said(logs: pl.DataFrame, windows: Windows) -> dict[str, str]:
    """Service → the distinct lines that it wrote last, newest first, bounded."""
    moment = pl.col("time").dt.timestamp("us")
    lines = logs.filter((pl.col("service") != "") & (moment >= windows.split) & (moment < windows.end)).select(
        "service", "time", message=pl.col("message").str.slice(0, _LINE)
    )
    last = lines.group_by("service", "message").agg(pl.col("time").max())
    ordered = last.sort(["service", "time", "message"], descending=[False, True, False])
    texts = ordered.group_by("service", maintain_order=True).agg(pl.col("message").head(_LINES).str.join("\n"))
    return {str(service): str(text) for service, text in texts.iter_rows()}


def _view(item: Item) -> View:
    """A resource of the inventory as rules see it."""
    fields = {
        "name": item.name, "application": item.service, "resource": item.resource, "settings": item.settings,
        "versions": list(item.versions),
    }  # fmt: skip
    return View(item.kind, item.name, item.service, item.region, fields, resource=item.resource, source=item.source)


def _place(view: View) -> str:
    """Kind and name, as `kubectl` takes them; only views of a cluster have no id of their own."""
    return f"{view.fields['kind'] if view.kind == 'workload' else view.kind}/{view.name}"


def _of_hit(hit: Hit, windows: Windows) -> Clue:
    view, rule = hit.view, hit.rule
    observed = view.source == CLUSTER
    finding = make_finding(
        "state",
        service=hit.service, resource=view.resource or _place(view), region=view.region,
        window=windows.since(None), score=hit.score, summary=hit.sentence, cause_kind=rule.cause,
        mechanism=rule.mechanism,
        provenance=Provenance(source=view.source or "inventory",
                              query=f"{view.kind} {view.resource or view.name}: {rule.name}"),
    )  # fmt: skip
    # What an inventory says is one witness among others; a rule over a whole cluster has joined them already.
    return Clue(finding, "condition" if observed else "state", adverse=rule.adverse, reach=view.reach)


def _concurrency(items: list[Item], table: SeriesTable) -> list[Clue]:
    """Functions whose concurrent executions reached their reservation."""
    clues: list[Clue] = []
    used = table.scored.filter((pl.col("metric") == "ConcurrentExecutions") & (pl.col("version") == ""))
    peaks = {row["service"]: row for row in used.sort("observed", "sid").to_dicts()}
    for item in items:
        limit, row = item.number("reserved_concurrency"), peaks.get(item.service)
        if not limit or row is None or row["observed"] < 0.95 * limit:
            continue
        finding = make_finding(
            "state",
            service=item.service, resource=item.resource, region=item.region,
            window=table.windows.since(row["onset"]), onset=row["onset"], uncertainty=row["uncertainty"],
            direction="up", baseline=row["baseline"], observed=row["observed"], unit="executions", score=0.9,
            summary=(
                f"{item.name} runs {row['observed']:.0f} executions at once of {limit:.0f} reserved "
                f"since {clock(row['onset'])}"
            ),
            cause_kind="capacity",
            provenance=Provenance(source=row["source"], query=f"ConcurrentExecutions {row['dimensions']}"[:1_000]),
        )  # fmt: skip
        clues.append(Clue(finding, "utilisation", row["onset"], row["uncertainty"], adverse=True))
    return clues


def _lasting(cluster: Cluster, views: Sequence[View]) -> dict[tuple[str, str], str] | None:
    """Object and message of the cluster's warnings that still hold, with the application that they are about.

    None when no objects tell which do.
    """
    if not cluster.objects:
        return None
    workloads = [view for view in views if view.kind == "workload"]
    return {
        (str(c["object"]), str(c["message"])): view.application
        for view in workloads for c in view.fields["complaints"]
    }  # fmt: skip


def _events(state: pl.DataFrame, windows: Windows, lasting: dict[tuple[str, str], str] | None) -> list[Clue]:
    """Recorded events that name a known failure, once per service and kind of failure.

    Clusters warn about much that heals by itself, so of their events only those count that still hold.
    """
    events = state.filter(pl.col("kind").str.to_lowercase().is_in(_EVENT_KINDS) & pl.col("time").is_not_null())
    distinct = events.group_by("service", "name", "region", "body").agg(pl.col("time").min(), times=pl.len())
    found: dict[tuple[str, str], Clue] = {}
    for row in distinct.sort("time", "service", "name", "body", "region").head(_ITEMS).to_dicts():
        known, at = signature_of(row["body"]), micros(row["time"])
        owner = _owner(row, lasting)
        if known is None or not windows.split <= at < windows.end or not owner:
            continue
        finding = make_finding(
            "state",
            service=owner, resource=row["name"], region=row["region"],
            window=windows.since(at), onset=at, direction="new", size=float(row["times"]), score=0.8,
            summary=f"Event on {row['name']} at {clock(at)} [{known.name}]: {clean(row['body'], 200)}",
            cause_kind=known.cause, provenance=Provenance(source="state", query=f"events of {row['name']}"),
        )  # fmt: skip
        found.setdefault((finding.service, known.name), Clue(finding, "state", at, 1, True, mentions=row["body"]))
    return list(found.values())


def _owner(row: Mapping[str, Any], lasting: Mapping[tuple[str, str], str] | None) -> str:
    """The service that an event is about; "" for one of a cluster that does not hold any more."""
    told = parsed(row["body"])
    if lasting is None or "object" not in told:
        return row["service"] or row["name"]
    return lasting.get((str(told["object"]), str(told.get("message", ""))), "")
