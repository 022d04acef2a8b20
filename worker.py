"""Composition root: settings → adapters → activities → worker. Run it with `python worker.py`."""

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from activities.analyze import Analyzing
from activities.collect import Collecting
from activities.decide import Deciding
from activities.execute import Executing
from activities.notify import Notifying
from activities.open import Neighbourhood, Opening
from activities.plan import Planning
from activities.review import Reviewing
from activities.verify import Verifying
from autopilot.incident.base import Link
from autopilot.incident.ports import (
    Analyst,
    Analyzer,
    CaseStore,
    Collector,
    Knowledge,
    Notifier,
    Planner,
    PlaybookSource,
    Reviewer,
    Toolbox,
)
from autopilot.settings import Settings
from workflows.incident import IncidentWorkflow

THREADS = 32
"""Blocking calls at once: sources, channels, tools."""
GRACE = timedelta(seconds=20)
"""How long a stopping worker lets its activities finish."""


@dataclass(frozen=True)
class Ports:
    """Everything the activities need from outside."""

    playbooks: PlaybookSource
    collector: Collector
    store: CaseStore
    analyzer: Analyzer
    analyst: Analyst
    planner: Planner
    toolbox: Toolbox
    notifier: Notifier
    reviewer: Reviewer
    knowledge: Knowledge


def incident_links(settings: Settings, incident: str, group: str) -> list[Link]:
    """Where a person can look at an incident."""
    page = f"{settings.web.public_url.rstrip('/')}/incidents/{group}"
    temporal = settings.temporal
    history = f"{temporal.ui_url.rstrip('/')}/namespaces/{temporal.namespace}/workflows/{group}"
    return [
        Link(title="Incident page", url=page),
        Link(title="Report", url=f"{page}/report?incident={incident}"),
        Link(title="Temporal history", url=history),
    ]


def build_activities(ports: Ports, client: Client, settings: Settings) -> list[Any]:
    """Every activity, wired to its ports."""
    seal_key = settings.seal_key.get_secret_value().encode() if settings.seal_key else None
    opening = Opening(ports.playbooks, ports.collector, functools.partial(incident_links, settings))
    neighbourhood = Neighbourhood(client, ports.collector)
    collecting = Collecting(ports.collector, ports.store)
    analyzing = Analyzing(ports.analyzer, ports.analyst, ports.store)
    planning = Planning(ports.planner, ports.toolbox)
    deciding = Deciding(ports.toolbox, ports.notifier, seal_key)
    notifying = Notifying(ports.notifier)
    executing = Executing(ports.toolbox)
    verifying = Verifying(ports.collector)
    reviewing = Reviewing(ports.reviewer, ports.knowledge)
    return [
        opening.open_incident, opening.recent_changes,
        neighbourhood.look_around, neighbourhood.hand_over_alerts,
        collecting.collect_source, collecting.seal_case,
        analyzing.analyze_case, analyzing.diagnose,
        planning.draft_plan, planning.prepare_option,
        deciding.judge_decision, deciding.answer_decision,
        notifying.publish, notifying.add_note, notifying.page, notifying.write_ticket,
        executing.execute_step, verifying.read_symptom,
        reviewing.write_report, reviewing.write_review, reviewing.remember,
    ]  # fmt: skip


def build_worker(client: Client, activities: Sequence[Any], task_queue: str, **options: Any) -> Worker:
    """A worker for incidents; `options` override the SDK's."""
    defaults: dict[str, Any] = {
        "activity_executor": ThreadPoolExecutor(THREADS, thread_name_prefix="activity"),
        "max_concurrent_activities": THREADS,
        "graceful_shutdown_timeout": GRACE,
        "max_heartbeat_throttle_interval": timedelta(seconds=4),
        "sticky_queue_schedule_to_start_timeout": timedelta(seconds=5),
    }
    return Worker(
        client, task_queue=task_queue, workflows=[IncidentWorkflow], activities=activities, **(defaults | options)
    )
