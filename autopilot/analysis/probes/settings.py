"""Probe `settings`: which settings and limits are in force, and how much room is left below them?"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import polars as pl

from autopilot.analysis.clue import amount, make_finding
from autopilot.analysis.metrics.kinds import words
from autopilot.analysis.metrics.limits import Limit, limits, unit_of
from autopilot.analysis.metrics.table import read_series
from autopilot.analysis.probes.moves import Moved, moves_of
from autopilot.analysis.probes.places import Place, find_place, in_windows, listed, unknown_name
from autopilot.analysis.probes.probe import Answer, Observed, ProbeArguments, ProbeKind
from autopilot.analysis.state.clues import Item, parsed, read_inventory
from autopilot.analysis.state.cluster.objects import is_list, is_object, text
from autopilot.analysis.windows import Windows
from autopilot.incident.base import Name, Scalar, clean
from autopilot.incident.finding import Finding, Provenance
from autopilot.incident.investigation import FINDINGS_PER_PROBE

_SETTINGS = 12
"""Settings told of one resource."""
_FULL = 0.9
"""Share of a limit from which there is no room left."""
_OBJECTS, _LEAVES, _PARTS = 20, 300, 20
"""Objects that are read, values of each, and entries of each list in it."""
_DESCRIPTIONS = ("metadata", "status", "apiVersion")
"""Parts of an observed object that set nothing."""
_TELLING = re.compile(
    r"(?i)limit|request|quota|max|min|capacit|replica|memory|cpu|port|image|timeout|size|concurren|env|version|mode"
)
"""Settings that are told before others."""
_VARIABLES = frozenset({"env", "environment", "variables", "data", "stringdata"})
"""Parts of a resource that hold what programs are given: addresses and switches, but credentials too."""
_PLAIN = re.compile(
    r"(?i)[+-]?\d{1,9}(\.\d{1,9})?\s?(%|[munk]|[kmgtp]i?b?|[munp]?s|sec(onds?)?|min(utes?)?|h(ours?)?|d(ays?)?)?"
    r"|true|false|on|off|yes|no"
)
"""Numbers, sizes, durations and switches: a variable that holds one gives nothing away."""
_CREDENTIAL = re.compile(
    r"(?i)passw|passphrase|passcode|pwd|secret|token|credential|apikey|(^|[._-])(key|pin)([._-]|$)"
)
"""Names of variables that hold a credential, whatever it looks like."""


class SettingsProbe(ProbeArguments):
    """Settings of a resource, or of the resources of a service."""

    setting: Name
    """Name of a setting or a part of it, such as `memory` or `capacity`; empty for all."""

    def answer(self, seen: Observed) -> Answer:
        """`present` with the settings and the room below limits; `absent`: observed, and no such setting."""
        place = find_place(seen.table("inventory"), self.service)
        items = read_inventory(place.rows) or _observed(find_place(seen.table("state"), self.service))
        if not items:
            return unknown_name("settings", self.service, place.known, "inventory")
        headroom = _headroom(items, seen)
        described = [text for item in items if (text := _settings(item, self.setting))]
        if not described and not headroom:
            names = {name for item in items for name in item.settings}
            asked = f'a setting like "{clean(self.setting, 60)}"' if self.setting else "any settings"
            exists = f"; there are {listed(names, self.setting)}" if names else ""
            text = f"{place.name} is observed, and none of its {len(items)} resources tells {asked}{exists}"
            return seen.absent("state", place.name, text, source="inventory", query=f"settings of {place.name}")
        found = [_finding(item, self.setting, seen.windows) for item in items if _settings(item, self.setting)]
        tightest = [_room(used, seen.windows) for used in headroom]
        findings = (*tightest[:2], *found)[:FINDINGS_PER_PROBE]
        summary = "; ".join(f.summary for f in (*tightest[:1], *found[:2]))
        return Answer("present", clean(summary, 400), findings)


def _observed(place: Place) -> list[Item]:
    """Objects that were observed without being in the inventory, the last sight of each."""
    last = place.rows.sort("time", "kind", "name", "body", descending=[True, False, False, False], nulls_last=True)
    rows = last.unique(["kind", "name"], keep="first", maintain_order=True).head(_OBJECTS).to_dicts()
    return [
        Item(row["name"], row["kind"], row["name"], row["service"] or row["name"], row["region"],
             dict(islice(_flat("", parsed(row["body"])), _LEAVES)), (), "state")
        for row in rows if row["kind"].lower() not in ("event", "events")
    ]  # fmt: skip


def _flat(path: str, value: object) -> Iterator[tuple[str, Scalar]]:
    """The leaves of an observed object by their paths, without what only describes it."""
    if is_object(value):
        for name in sorted(value):
            if path or name not in _DESCRIPTIONS:
                yield from _flat(f"{path}.{name}" if path else name, value[name])
    elif is_list(value):
        for place, part in enumerate(value[:_PARTS]):
            name = text(part, "name") if _last(path) in _VARIABLES else ""
            if name and isinstance(part.get("value"), str | int | float | bool):
                yield f"{path}.{name}", part["value"]
            else:
                yield from _flat(f"{path}[{place}]", part)
    elif isinstance(value, str | int | float | bool):
        yield path, value


def _harmless(name: str, value: Scalar) -> bool:
    """Whether the value may be told: variables of programs are given credentials as well."""
    parts = name.split(".")
    given = next((n for n, part in enumerate(parts[:-1], 1) if _last(part) in _VARIABLES), 0)
    if not given:
        return True
    return not _CREDENTIAL.search(".".join(parts[given:])) and bool(_PLAIN.fullmatch(str(value).strip()))


def _last(path: str) -> str:
    """The last key of a path, without a place in a list."""
    return path.rpartition(".")[2].partition("[")[0].lower()


def _settings(item: Item, part: str) -> str:
    """The settings of a resource whose names contain a part, as `name=value`; of what may be secret the name."""
    wanted = words(part) if part else ""
    if part and not wanted:
        return ""
    told = [
        f"{clean(name, 80)}={clean(value, 40)}" if _harmless(name, value) else clean(name, 80)
        for name, value in sorted(item.settings.items(), key=lambda pair: (not _TELLING.search(pair[0]), pair[0]))
        if wanted in words(name) and isinstance(value, str | int | float | bool)
    ]
    rest = f" and {len(told) - _SETTINGS} more" if len(told) > _SETTINGS else ""
    return ", ".join(told[:_SETTINGS]) + rest


def _finding(item: Item, part: str, windows: Windows) -> Finding:
    return make_finding(
        "state",
        service=item.service, resource=item.resource, region=item.region, window=windows.since(None), score=0.1,
        summary=f"{item.kind} {item.name} has {_settings(item, part)}",
        provenance=Provenance(
            source=item.source or "inventory", query=f"settings of {item.resource or item.name}"[:1_000],
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class _Used:
    """How far a series is on its way to its limit."""

    moved: Moved
    limit: Limit

    @property
    def level(self) -> float:
        """How far the series goes during the incident."""
        return float(self.moved.row["peak"])

    @property
    def share(self) -> float:
        """Of the limit that is used; for what is left over, 1 when nothing is left."""
        return self.level / self.limit.value if self.limit.value > 0 else float(self.level <= 0)


def _headroom(items: Sequence[Item], seen: Observed) -> list[_Used]:
    """The series of the resources that have a limit, the tightest first."""
    services = sorted({item.service for item in items})
    rows = in_windows(seen.table("metrics"), seen.windows)
    table = read_series(rows.filter(pl.col("service").cast(pl.String).is_in(services)), seen.windows)
    bounds = limits(table, items, seen.table("alarms"))
    used = [_Used(m, bounds[m.row["sid"]]) for m in moves_of(table) if m.row["sid"] in bounds]
    hard = [u for u in used if u.limit.hard and u.limit.value > 0]
    return sorted(hard, key=lambda u: (-u.share, u.moved.row["sid"]))


def _room(used: _Used, windows: Windows) -> Finding:
    moved, limit, row = used.moved, used.limit, used.moved.row
    unit, share = unit_of(row["metric"], row["unit"]), used.share
    full = share >= _FULL
    usual = row["baseline"] / limit.value
    # Of a percentage the level and the share are one number.
    levels = "" if limit.name == "100%" else f" ({amount(used.level, unit)} of {amount(limit.value, unit)})"
    return make_finding(
        "state",
        service=row["service"], resource=row["resource"], region=row["region"], window=windows.since(None),
        direction="up" if moved.move == "rose" else "none", size=share / usual if usual else 0.0,
        baseline=row["baseline"], observed=used.level, unit=unit, score=0.7 if full else 0.1,
        summary=(
            f"{row['metric']} of {row['service']} goes up to {amount(share, 'share')} of "
            f"{'its maximum' if limit.name == '100%' else limit.name}{levels} during the incident, "
            f"usually {amount(usual, 'share')}"
        ),
        cause_kind="capacity" if full else None,
        provenance=Provenance(
            source=row["source"] or "metrics", query=f"{row['metric']} {row['dimensions']} / {limit.name}"[:1_000],
            window=windows.whole,
        ),
    )  # fmt: skip


PROBE = ProbeKind(
    "Which settings and limits does a resource (or do the resources of a service) have now, and how close is its "
    "use to the limits? `absent` means that it was observed and has no such setting.",
    SettingsProbe,
    ("inventory", "state", "metrics", "alarms"),
    ("present", "absent", "unknown"),
)
