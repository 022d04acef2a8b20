"""What of a closed incident this machine's own record bears out.

A workflow's state is what anybody with access to Temporal can make it say. Trust must not be made up so: an
approval counts only when its judgement was recorded here, and a fix only when the step was.
"""

from autopilot.incident.audit import AuditLog, action_key, decision_key
from autopilot.incident.decision import Judgement
from autopilot.incident.plan import StepResult
from autopilot.incident.state import IncidentState


class Vouching:
    """Looks into the audit record."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def borne_out(self, state: IncidentState) -> IncidentState:
        """The incident with only those decisions called proven that were recorded as such. Raises Failure."""
        known = [
            j if self._recorded(state, j) else j.model_copy(update={"proven": False}) for j in state.judgements
        ]
        return state.model_copy(update={"judgements": known})

    def _recorded(self, state: IncidentState, judgement: Judgement) -> bool:
        key = decision_key(state.incident_id, judgement.decision_id, proven=True)
        return judgement.reason in self._audit.outcomes(key)

    def step(self, result: StepResult) -> bool:
        """Whether the step was carried out here. Raises Failure."""
        return not {"done", "already"}.isdisjoint(self._audit.outcomes(action_key(result.key)))
