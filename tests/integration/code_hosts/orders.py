"""Steps as the road carries them out: prepared, ordered, undone."""

from datetime import UTC, datetime

from autopilot.incident.base import TimeWindow
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Dossier, Finding, Provenance, Suspect
from autopilot.incident.ids import idempotency_key
from autopilot.incident.plan import DraftOption, ExecuteStep, PreparedStep, Step
from autopilot.remediation.base import Context, InventoryItem
from autopilot.remediation.toolbox import CatalogueToolbox

INCIDENT = "incident-checkout-1234567890.abcdef012345"
KEY = idempotency_key(INCIDENT, 1, 1, 1)
UNDO_KEY = KEY.removesuffix("/do") + "/undo"
WINDOW = TimeWindow(start=datetime(2026, 11, 21, 2, 45, tzinfo=UTC), end=datetime(2026, 11, 21, 3, 15, tzinfo=UTC))


def prepared(toolbox: CatalogueToolbox, step: Step) -> PreparedStep:
    """A step, inspected and dry-run."""
    return toolbox.prepare(1, DraftOption(title="try it", why="because", steps=(step,))).steps[0]


def do(one: PreparedStep, key: str = KEY) -> ExecuteStep:
    """The order to carry it out."""
    return ExecuteStep(
        incident_id=INCIDENT, key=key, step=one.step, expects=one.expects, expected=one.before, actor="kim"
    )


def undo(one: PreparedStep, key: str = UNDO_KEY) -> ExecuteStep:
    """The order to take it back."""
    assert one.undo is not None
    return ExecuteStep(
        incident_id=INCIDENT, key=key, step=one.undo, expects=one.leaves, expected=one.after, actor="kim",
        mode="undo",
    )  # fmt: skip


def context(*items: InventoryItem, commit: str, resource: str = "", kind: CauseKind = "bad_deploy") -> Context:
    """A dossier that suspects a commit, on the evidence F1 and F2."""
    findings = tuple(
        Finding(
            id=f"F{n}", kind="metric", service="checkout", window=WINDOW, score=0.9, summary="it rose",
            provenance=Provenance(source="test"),
        )
        for n in (1, 2)
    )  # fmt: skip
    suspect = Suspect(
        service="checkout", resource=resource, cause_kind=kind, score=0.8, finding_ids=("F1", "F2"),
        commit=commit, reason="it began with it",
    )  # fmt: skip
    dossier = Dossier(
        incident_id=INCIDENT, revision=1, scope_incident=WINDOW, findings=findings, suspects=(suspect,)
    )
    return Context(dossier=dossier, inventory=items, symptom=None)
