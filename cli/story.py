"""What a demo run tells: as it happens for people, at the end as one JSON object for programs."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autopilot.incident.ids import digest
from autopilot.incident.plan import Option, StepResult
from autopilot.incident.state import IncidentState
from autopilot.incident.view import incident_view
from autopilot.incident.wording import OUTCOMES, shortened
from demo.play import Play

COLOURS = {"change": "yellow", "alarm": "red", "decision": "cyan", "action": "magenta", "verification": "green"}


def tell(console: Console, state: IncidentState, told: set[str]) -> None:
    """Print the moments that were not told yet, and each plan once when people are asked about it."""
    for entry in state.timeline:
        if (moment := f"{entry.at} {entry.text}") in told:
            continue
        told.add(moment)
        colour = COLOURS.get(entry.kind, "white")
        console.print(f"{entry.at:%H:%M:%S} [{colour}]{entry.kind:<12}[/{colour}] ", end="", highlight=False)
        console.print(shortened(entry.text), markup=False, highlight=False, soft_wrap=True)
    if state.request is not None and (plan := f"plan {state.plan_revision}") not in told:
        told.add(plan)
        _tell_plan(console, state)


def _tell_plan(console: Console, state: IncidentState) -> None:
    view = incident_view(state)
    lines = [f"Cause: {view.cause or 'not known'} ({view.confidence or 'no diagnosis'})"]
    for option in view.options:
        possible = "" if option.feasible else f"; NOT POSSIBLE: {option.note}"
        lines.append(f"  {option.id}. {option.title} (risk {option.risk}, {option.reversibility}{possible})")
    console.print()
    for line in lines:
        console.print(line, markup=False, highlight=False)


def ending(console: Console, state: IncidentState, play: Play) -> None:
    """The end of the story and where to read on. Addresses and paths are never broken into lines."""
    view = incident_view(state)
    seconds = [f"{name[3:].replace('_', ' ')} {value:.0f} s" for name, value in state.seconds().items() if value]
    outcome = OUTCOMES.get(view.outcome, view.outcome) or "still open"
    verdict = view.verdict.replace("_", " ") or "none"
    sure = f"{view.confidence or 'no diagnosis'}; {view.analyst or 'no analyst'}"
    rows = [
        ("Broken", view.whats_going_on),
        (
            "Cause",
            f"{view.cause or 'not known'} ({sure})",
        ),
        *(("Done" if n == 0 else "", action) for n, action in enumerate(view.actions or ("Nothing was changed.",))),
        *(("Measured" if n == 0 else "", moved) for n, moved in enumerate(view.effects)),
        ("Outcome", f"{outcome}, verdict: {verdict}"),
        ("After alert", ", ".join(seconds)),
        *(("Page", link.url) for link in view.links if link.title == "Incident page"),
        ("Review", report_path(state, play)),
        ("Temporal", history_url(play, state)),
    ]
    console.print()
    console.print(view.title, style="bold", markup=False, highlight=False)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    whole = ("Page", "Review", "Temporal")
    for name, text in rows:
        if name not in whole:
            table.add_row(name, Text(text))
    console.print(table, highlight=False)
    for name, text in rows:
        if name in whole:
            console.print(f"{name:<11}  {text}", markup=False, highlight=False, soft_wrap=True)


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


def repeated(questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How often each question reached the model."""
    counts = Counter(digest(question) for question in questions)
    return [{"question": question, "count": count} for question, count in counts.items()]


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
        "model_calls": repeated(play.company.model.calls),
        "usage": state.usage.model_dump(),
        "deaths": play.deaths,
        "incident_seconds": {
            name: seconds[name] for name in ("to_first_message", "to_diagnosis", "to_options", "to_recovery")
        },
        "report": report_path(state, play),
        "temporal_ui": history_url(play, state),
        **base,
    }  # fmt: skip
