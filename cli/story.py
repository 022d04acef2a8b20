"""What a demo run tells: as it happens for people, at the end as one JSON object for programs."""

import time
from typing import Any

from rich.console import Console

from autopilot.incident.plan import Option, StepResult
from autopilot.incident.state import IncidentState
from autopilot.incident.view import incident_view
from demo.play import Play

COLOURS = {"change": "yellow", "alarm": "red", "decision": "cyan", "action": "magenta", "verification": "green"}


def tell(console: Console, state: IncidentState, told: int) -> int:
    """Print the moments that were not told yet, and the plan when it is there; returns how many are told."""
    for entry in state.timeline[told:]:
        colour = COLOURS.get(entry.kind, "white")
        console.print(f"{entry.at:%H:%M:%S} [{colour}]{entry.kind:<12}[/{colour}] ", end="", highlight=False)
        console.print(entry.text, markup=False, highlight=False)
    return len(state.timeline)


def links(state: IncidentState, play: Play) -> str:
    """The end of the story and where to read on."""
    view = incident_view(state)
    seconds = state.seconds()
    lines = [
        "",
        f"[bold]{view.title}[/bold]",
        f"Cause     {view.cause or 'not known'} ({view.confidence or 'no diagnosis'})",
        f"Analyst   {view.analyst}",
        f"Decision  {view.decision or 'none'}",
        *(f"Action    {action}" for action in view.actions),
        f"Verdict   {view.verdict or 'none'}    Outcome  {view.outcome or 'open'}",
        "Seconds   " + ", ".join(f"{name[3:]} {value}" for name, value in seconds.items() if value is not None),
        f"Review    {report_path(state, play)}",
        f"Temporal  {history_url(play, state)}",
    ]
    return "\n".join(lines)


def report_path(state: IncidentState, play: Play) -> str:
    """The stored review as a file."""
    return str(play.folder / "cases" / state.report.uri) if state.report else ""


def history_url(play: Play, state: IncidentState) -> str:
    """The run in the Temporal UI."""
    return f"{play.stage.ui_url}/namespaces/default/workflows/{state.group}"


def _option(option: Option) -> dict[str, Any]:
    steps = [{"tool": p.step.tool, "target": p.step.target, "arguments": p.step.arguments} for p in option.steps]
    return {"id": option.id, "title": option.title, "risk": option.risk, "steps": steps}


def _step(step: StepResult) -> dict[str, Any]:
    return {
        "key": step.key, "tool": step.tool, "target": step.target, "attempt": step.attempt, "result": step.status,
    }  # fmt: skip


def result(state: IncidentState | None, play: Play, joined: list[str]) -> dict[str, Any]:
    """The run as one JSON object; see docs/contract.md."""
    base = {"cloud_writes": play.company.cloud.cloud_writes(), "seconds": round(time.monotonic() - play.started, 1)}
    if state is None:
        return {"incident_id": None, "outcome": None, "verdict": None, **base}
    suspects = state.dossier.suspects if state.dossier else ()
    refused = [j for j in state.judgements if not j.accepted]
    seconds = state.seconds()
    return {
        "incident_id": state.incident_id,
        "outcome": state.outcome,
        "verdict": state.verdict,
        "suspects": [
            {
                "service": s.service, "kind": s.cause_kind, "change": s.change_id or None,
                "resource": s.resource or None, "score": round(s.score, 3),
            }
            for s in suspects
        ],
        "options": [_option(o) for o in state.plan.options] if state.plan else [],
        "chosen": [
            str(j.option) if j.choice == "option" else j.choice for j in state.judgements if j.accepted
        ],
        "executed": [_step(s) for s in state.executed],
        "undone": [_step(s) for s in state.undone],
        "refused_decisions": [{"reason": j.reason, "actor": j.actor} for j in refused],
        "joined": joined,
        "gaps": [f"{g.source}: {g.what} ({g.kind})" for g in (state.manifest.gaps if state.manifest else ())],
        "analyst": state.diagnosis.analyst if state.diagnosis else "",
        "incident_seconds": {
            name: seconds[name] for name in ("to_first_message", "to_diagnosis", "to_options", "to_recovery")
        },
        "report": report_path(state, play),
        "temporal_ui": history_url(play, state),
        **base,
    }  # fmt: skip
