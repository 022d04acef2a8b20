"""The Temporal Web UI as operator console: search attributes and live details."""

from datetime import UTC, datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from activities import search_attributes as keys
from autopilot.incident.plan import RISKS
from autopilot.incident.state import IncidentState
from autopilot.incident.view import IncidentView, incident_view
from autopilot.incident.wording import OUTCOMES, PHASES

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _approval(state: IncidentState) -> str:
    if state.request is not None and state.decision is None:
        return "waiting"
    return state.decision.choice if state.decision else "none"


def attributes(state: IncidentState) -> list[SearchAttributeUpdate[Any]]:
    """The search attributes that tell this state."""
    risks = [RISKS.index(o.risk) for o in (state.plan.options if state.plan else ())]
    return [
        keys.STATE.value_set(state.phase),
        keys.SEVERITY.value_set(state.severity),
        keys.SERVICE.value_set(state.service),
        keys.ENVIRONMENT.value_set(state.environment),
        keys.APPROVAL.value_set(_approval(state)),
        keys.RISK.value_set(RISKS[max(risks)] if risks else "none"),
        keys.OUTCOME.value_set(state.outcome or "open"),
        keys.SERVICES.value_set(list(state.services)),
        keys.DEADLINE.value_set(state.request.expires_at if state.request else _NEVER),
    ]


def _bullets(title: str, lines: list[str]) -> str:
    return f"**{title}**\n" + "\n".join(f"- {line}" for line in lines) + "\n" if lines else ""


def details(view: IncidentView) -> str:
    """The incident as markdown, for a reader who sees nothing else."""
    options = [
        f"{o.id}. {o.title} (risk {o.risk}, {o.reversibility}){'' if o.feasible else ' NOT FEASIBLE: ' + o.note}"
        for o in view.options
    ]
    ended = f"**Outcome:** {OUTCOMES.get(view.outcome, view.outcome)}" if view.outcome else ""
    alerts = f"{view.alerts} alert{'' if view.alerts == 1 else 's'}"
    parts = [
        f"### {view.title}",
        f"{view.severity} · {view.environment} · {', '.join(view.services)} · {alerts}"
        f" · {PHASES.get(view.phase, view.phase)}",
        ended + (f" · **Verdict:** {view.verdict.replace('_', ' ')}" if view.verdict and ended else ""),
        _bullets("Did it help", list(view.effects)),
        f"**What happened:** {view.whats_going_on}" if ended else f"**What is going on:** {view.whats_going_on}",
        f"**Cause:** {view.cause} ({view.confidence}; {view.analyst})" if view.cause else "",
        _bullets("What was done", list(view.actions)),
        f"**Next:** {view.next_step}" if view.next_step and not view.outcome else "",
        _bullets("Options", options) if view.decidable or not view.decision else "",
        _bullets("Not known", list(view.gaps)),
        " · ".join(f"[{link.title}]({link.url})" for link in view.links),
    ]
    return "\n\n".join(part for part in parts if part)[:18_000]


class Console:
    """Writes to history only when something that is searched for has changed."""

    def __init__(self, state: IncidentState) -> None:
        self._state = state
        self._shown: dict[str, object] = {}

    def show(self) -> None:
        """Bring search attributes and current details up to date."""
        changed = [u for u in attributes(self._state) if self._shown.get(u.key.name) != u.value]
        if changed:
            workflow.upsert_search_attributes(changed)  # pyright: ignore[reportUnknownMemberType] - open in the SDK
            self._shown.update({u.key.name: u.value for u in changed})
        workflow.set_current_details(details(incident_view(self._state)))
