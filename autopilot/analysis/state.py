"""State: rules over what was observed of resources now, and events that were recorded about them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import TypeAdapter, ValidationError

from autopilot.analysis.clue import Clue, clock, make_finding
from autopilot.analysis.metrics import SeriesTable
from autopilot.analysis.signatures import signature_of
from autopilot.analysis.windows import Windows, micros
from autopilot.incident.base import clean
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Provenance

MOST = 15
"""State findings in a dossier."""
_ITEMS = 500
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


@dataclass(frozen=True)
class Rule:
    """A condition over one resource, what it means, and how much it says by itself."""

    name: str
    applies: Callable[[Item], bool]
    cause: CauseKind
    score: float
    sentence: Callable[[Item], str]


def _short_of_tasks(item: Item) -> bool:
    wanted, running = item.number("desired_count"), item.number("running_count")
    return wanted is not None and running is not None and running < wanted


RULES: tuple[Rule, ...] = (
    Rule(
        "fewer tasks than wanted", _short_of_tasks, "startup", 0.75,
        lambda i: f"{i.name} runs {i.settings['running_count']} of {i.settings['desired_count']} wanted tasks",
    ),
    Rule(
        "rolling out", lambda i: i.settings.get("rolling_out") is True, "bad_deploy", 0.4,
        lambda i: f"{i.name} is rolling out a new version now",
    ),
    Rule(
        "database not available",
        lambda i: i.kind == "rds_instance" and str(i.settings.get("status", "available")) != "available",
        "dependency", 0.8, lambda i: f"Database {i.name} is {i.settings.get('status')!s:.40}, not available",
    ),
    Rule(
        "table not active",
        lambda i: i.kind == "dynamodb_table" and i.settings.get("status", "ACTIVE") not in ("ACTIVE", "UPDATING"),
        "dependency", 0.8, lambda i: f"Table {i.name} is {i.settings.get('status')!s:.40}, not ACTIVE",
    ),
    Rule(
        "no reserve of concurrency", lambda i: i.number("reserved_concurrency") == 0, "throttled", 0.9,
        lambda i: f"{i.name} has a reserved concurrency of 0: every invocation is refused",
    ),
)  # fmt: skip
_EVENT_KINDS = ("event", "events")


def state_clues(items: list[Item], state: pl.DataFrame, table: SeriesTable) -> list[Clue]:
    """What the rules and the failure signatures find; at most MOST."""
    clues = [_of_rule(rule, item, table.windows) for item in items for rule in RULES if rule.applies(item)]
    clues += _concurrency(items, table)
    clues += _events(state, table.windows)
    return sorted(clues, key=lambda c: (-c.score, c.service, c.finding.summary))[:MOST]


def _of_rule(rule: Rule, item: Item, windows: Windows) -> Clue:
    finding = make_finding(
        "state",
        service=item.service, resource=item.resource, region=item.region, window=windows.since(None),
        score=rule.score, summary=rule.sentence(item), cause_kind=rule.cause,
        provenance=Provenance(source=item.source or "inventory", query=f"{item.kind} {item.resource}: {rule.name}"),
    )  # fmt: skip
    return Clue(finding, "state", adverse=rule.cause != "bad_deploy")


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


def _events(state: pl.DataFrame, windows: Windows) -> list[Clue]:
    """Recorded events that name a known failure, once per service and kind of failure."""
    events = state.filter(pl.col("kind").str.to_lowercase().is_in(_EVENT_KINDS) & pl.col("time").is_not_null())
    distinct = events.group_by("service", "name", "region", "body").agg(pl.col("time").min(), times=pl.len())
    found: dict[tuple[str, str], Clue] = {}
    for row in distinct.sort("time", "service", "name", "body", "region").head(_ITEMS).to_dicts():
        known, at = signature_of(row["body"]), micros(row["time"])
        if known is None or at < windows.split:
            continue
        finding = make_finding(
            "state",
            service=row["service"] or row["name"], resource=row["name"], region=row["region"],
            window=windows.since(at), onset=at, direction="new", size=float(row["times"]), score=0.8,
            summary=f"Event on {row['name']} at {clock(at)} [{known.name}]: {clean(row['body'], 200)}",
            cause_kind=known.cause, provenance=Provenance(source="state", query=f"events of {row['name']}"),
        )  # fmt: skip
        found.setdefault((finding.service, known.name), Clue(finding, "state", at, 1, True, mentions=row["body"]))
    return list(found.values())
