"""How well a step fits the case: pure looks into the dossier that several tools share."""

from collections.abc import Iterable

from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding, VersionHealth
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
    usual = next((f.baseline for f in context.dossier.findings if f.metric == symptom), None)
    falls = next((f.direction == "down" for f in context.dossier.findings if f.metric == symptom), False)
    return ExpectedEffect(
        metric=symptom, description=what, direction="up" if falls else "down", to=usual, within=within
    )


def health_of(item: InventoryItem, version: dict[str, object], context: Context) -> VersionHealth | None:
    """How a version of the item behaved while it served; a bad record outweighs a good one."""
    names = {str(version.get("version") or ""), str(version.get("description") or "")} - {""}
    records = [v for v in context.dossier.versions if v.service == item.service and v.version in names]
    return min(records, key=lambda v: (v.healthy, -v.window.end.timestamp()), default=None)
