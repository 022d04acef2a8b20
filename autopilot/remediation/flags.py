"""Feature flags of any kind: when a flag is to blame, and how far it is narrowed. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.remediation.base import Context, InventoryItem
from autopilot.remediation.evidence import blamed

FLAG_CAUSES: frozenset[CauseKind] = frozenset({"config_change", "bad_deploy"})
SMALL_PERCENT = 10
"""Share of requests that a flag is narrowed to: enough to see whether it is the cause."""
RECENT = timedelta(days=1)
"""How long before the incident a flag may have changed to be offered a way back without further proof."""


@dataclass(frozen=True)
class Blame:
    """Why a flag is looked at: the change of it that a finding or suspect names, or that it changed lately."""

    finding_ids: tuple[str, ...]
    proven: bool
    """A suspect rests on this very change: what was there before it was there while all was well."""

    def clause(self, flag: str) -> str:
        """One clause with its evidence."""
        cited = f" ({', '.join(self.finding_ids[:2])})" if self.finding_ids else ""
        return f"flag {flag} was changed{cited}" + ("" if self.proven else ", not known to be the cause")


def blame(item: InventoryItem, context: Context, change: str, changed_at: Scalar) -> Blame | None:
    """What speaks against the flag's present value; None when nothing does."""
    for suspect in context.dossier.suspects:
        if suspect.change_id == change:
            return Blame(suspect.finding_ids, True)
    named = tuple(f.id for f in context.dossier.findings if f.change_id == change)
    if not blamed(item, context, FLAG_CAUSES):
        return None
    return Blame(named, False) if named or _lately(changed_at, context) else None


def _lately(changed_at: Scalar, context: Context) -> bool:
    try:
        at = datetime.fromisoformat(str(changed_at))
    except ValueError:
        return False
    window = context.dossier.scope_incident
    return at.tzinfo is not None and window.start - RECENT <= at <= window.end
