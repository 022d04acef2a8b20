"""How well a step fits the case: pure looks into the dossier that several tools share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Dossier, Finding, VersionHealth
from autopilot.incident.plan import ExpectedEffect
from autopilot.remediation.base import Context, InventoryItem

MAX_EVIDENCE = 6
"""Finding ids that a candidate cites at most."""


def findings_on(item: InventoryItem, context: Context) -> tuple[Finding, ...]:
    """The findings about this very resource, strongest first."""
    names = {item.resource, item.name}
    own = [
        f
        for f in context.dossier.findings
        if f.resource in names or (f.metric is not None and item.name in f.metric.dimensions.values())
    ]
    return tuple(sorted(own, key=lambda f: -f.score))


def fit(item: InventoryItem, context: Context, addresses: frozenset[CauseKind]) -> float:
    """0 to 1: whether the suspects that the step would help against are about this resource or its service."""
    names = {item.resource, item.name}
    best = 0.1
    for suspect in context.dossier.suspects:
        if suspect.cause_kind not in addresses:
            continue
        if suspect.resource in names:
            best = max(best, 0.5 + 0.5 * suspect.score)
        elif suspect.service == item.service:
            best = max(best, 0.4 + 0.4 * suspect.score)
    return round(best, 3) if best > 0.1 or not findings_on(item, context) else 0.3


def blamed(item: InventoryItem, context: Context, addresses: frozenset[CauseKind]) -> bool:
    """Whether a suspect that the step would help against is about this resource or its service."""
    return any(
        suspect.cause_kind in addresses
        and (suspect.service == item.service or suspect.resource in (item.resource, item.name))
        for suspect in context.dossier.suspects
    )


def evidence(
    item: InventoryItem, context: Context, addresses: frozenset[CauseKind], first: Iterable[str] = ()
) -> tuple[str, ...]:
    """Ids of the findings that speak for a step on this item; `first` come first."""
    ids = list(first)
    for suspect in context.dossier.suspects:
        if suspect.cause_kind in addresses and (
            suspect.service == item.service or suspect.resource in (item.resource, item.name)
        ):
            ids += suspect.finding_ids
    ids += [f.id for f in findings_on(item, context)]
    return tuple(dict.fromkeys(ids))[:MAX_EVIDENCE]


def expected(context: Context, what: str, within: float) -> ExpectedEffect:
    """The symptom returns to its usual level within some seconds."""
    symptom = context.symptom
    if symptom is None:
        return ExpectedEffect(description=what, within=within)
    shown = next((f for f in context.dossier.findings if f.metric == symptom), None)
    return ExpectedEffect(
        metric=symptom,
        description=what,
        direction="up" if shown is not None and shown.direction == "down" else "down",
        was=shown.observed if shown else None,
        to=shown.baseline if shown else None,
        within=within,
    )


@dataclass(frozen=True)
class WayBack:
    """The version of an item to go back to."""

    index: int
    """In `InventoryItem.versions`."""
    version: str
    label: str
    """Its description, else its version."""
    record: VersionHealth | None
    """Telemetry that shows it was healthy; None when nothing shows anything about it."""

    @property
    def vouched(self) -> tuple[str, ...]:
        """The finding that shows it was healthy, if there is one."""
        return (self.record.finding_id,) if self.record else ()

    @property
    def source(self) -> str:
        """Where the version was read, and what vouches for it."""
        vouched = f"healthy by {self.record.finding_id}" if self.record else "not known to have been healthy"
        return f"versions[{self.index}]; {vouched}"

    @property
    def why(self) -> str:
        """One clause with its evidence."""
        if self.record is None:
            return f"no version is known to have been healthy; {self.label} ran before"
        return f"{self.record.evidence} ({self.record.finding_id})"

    @property
    def mark(self) -> str:
        """What is added to a title that names the version."""
        return "" if self.record else ", not known to have been healthy"


UNPROVEN_FIT = 0.3
"""Share of its fit that a way back keeps when nothing vouches for it."""


def way_back(item: InventoryItem, active: str, context: Context) -> WayBack | None:
    """The version that was healthy last in telemetry; without one the newest earlier one nothing speaks against.

    None when there is neither, and when telemetry shows the active version healthy and no other.
    """
    ways: list[WayBack] = []
    judged = [health_of(item, version, context) for version in item.versions]
    for index, version in enumerate(item.versions):
        number, record = str(version.get("version") or ""), judged[index]
        if number not in ("", "$LATEST", active) and (record is None or record.healthy):
            ways.append(WayBack(index, number, str(version.get("description") or number), record))
    healthy = [(way.record.window.end, -way.index, way) for way in ways if way.record is not None]
    if healthy:
        return max(healthy, key=lambda one: one[:2])[2]
    numbers = [str(version.get("version") or "") for version in item.versions]
    present = numbers.index(active) if active in numbers else len(numbers)
    serves = judged[present] if present < len(numbers) else None
    if serves is not None and serves.healthy:
        return None
    return next((way for way in ways if way.index > present), None)


def health_of(item: InventoryItem, version: Mapping[str, Scalar], context: Context) -> VersionHealth | None:
    """How a version of the item behaved while it served; a bad record outweighs a good one."""
    records = records_of(item, version, context.dossier)
    return min(records, key=lambda v: (v.healthy, -v.window.end.timestamp()), default=None)


def records_of(item: InventoryItem, version: Mapping[str, Scalar], dossier: Dossier) -> list[VersionHealth]:
    """What telemetry tells of a version of the item, by its number or by what it is called."""
    names = {str(version.get("version") or ""), str(version.get("description") or "")} - {""}
    return [v for v in dossier.versions if v.service == item.service and v.version in names]
