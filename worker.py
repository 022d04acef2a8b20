"""Composition root: settings → adapters → activities → worker. Run it with `python worker.py`."""

import asyncio
import functools
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from typing import Any, Protocol

import structlog
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker

from activities import search_attributes
from activities.analyze import Analyzing
from activities.collect import Collecting
from activities.decide import Deciding
from activities.execute import Executing
from activities.freeze import FreezeSwitch, SwitchReader
from activities.notify import Notifying
from activities.open import Neighbourhood, Opening
from activities.owner import Owning
from activities.plan import Planning
from activities.review import Reviewing
from activities.unasked import Unasked
from activities.verify import Verifying
from autopilot.analysis.engine import Engine
from autopilot.audit.recording import RecordedCollector, RecordedProber
from autopilot.audit.sqlite import SqliteAudit
from autopilot.channels.notifier import build_notifier, ticket_systems
from autopilot.channels.pagerduty import PagerDuty
from autopilot.clients.aws import AwsClients
from autopilot.incident.audit import AuditLog
from autopilot.incident.base import Link
from autopilot.incident.freeze import FreezeReader
from autopilot.incident.ownership import OwnerSource
from autopilot.incident.ports import (
    Analyst,
    Analyzer,
    CaseStore,
    Collector,
    Failure,
    Knowledge,
    Notifier,
    Planner,
    PlaybookSource,
    Prober,
    Reviewer,
    Summariser,
    Toolbox,
)
from autopilot.knowledge.by_hand import ByHandReader
from autopilot.knowledge.remembering import Remembering
from autopilot.knowledge.source import KnowledgeSource
from autopilot.knowledge.sqlite import KnowledgeBase
from autopilot.knowledge.vouching import Vouching
from autopilot.observability import configure
from autopilot.playbooks.directories import build_directories
from autopilot.playbooks.folder import PlaybookFolder
from autopilot.reasoning.analyst import ConfiguredAnalyst
from autopilot.reasoning.asking.models import Models
from autopilot.reasoning.planning.planner import ConfiguredPlanner
from autopilot.reasoning.probing import ConfiguredProber
from autopilot.reasoning.summary import ConfiguredSummariser
from autopilot.remediation.catalogue import build_catalogue
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.review.writer import ReviewWriter
from autopilot.settings import FolderStore, Settings, SettingsError, SourceBudget, load
from autopilot.sources.aws_sources import build_aws_sources
from autopilot.sources.collector import SourceCollector
from autopilot.sources.notes import NotesSource
from autopilot.sources.saas import build_saas_sources
from autopilot.stores import open_case_store
from starter import connect
from workflows.cache import IncidentWorker
from workflows.freeze import FreezeWorkflow
from workflows.incident import IncidentWorkflow
from workflows.target import TargetWorkflow

THREADS = 32
"""Blocking calls at once: sources, channels, tools."""
GRACE = timedelta(seconds=20)
"""How long a stopping worker lets its activities finish."""

log = structlog.get_logger()


class RulesSource(PlaybookSource, OwnerSource, Protocol):
    """What the rules of a team answer."""


@dataclass(frozen=True)
class Ports:
    """Everything the activities need from outside."""

    playbooks: RulesSource
    collector: Collector
    store: CaseStore
    analyzer: Analyzer
    analyst: Analyst
    prober: Prober
    planner: Planner
    toolbox: Toolbox
    notifier: Notifier
    reviewer: Reviewer
    summariser: Summariser
    knowledge: Knowledge
    audit: AuditLog


def build_ports(settings: Settings) -> Ports:
    """The adapters that settings configure; nothing watched is contacted yet."""
    store = open_case_store(settings)
    knowledge = KnowledgeBase(settings.knowledge)
    clients = AwsClients(settings.aws) if settings.aws else None
    if clients:
        # The first message waits five seconds at most, and a first client costs some tenths each.
        Thread(target=clients.prepare, name="prepare clients", daemon=True).start()
    sources = [
        *(build_aws_sources(settings.aws, clients) if settings.aws and clients else []),
        *build_saas_sources(settings),
        *([NotesSource(settings.notes)] if settings.notes else []),
        KnowledgeSource(knowledge, settings.environment),
    ]
    systems = ticket_systems(settings)
    pager = PagerDuty(settings.pager) if settings.pager else None
    catalogue = build_catalogue(settings, clients, systems, pager, store)
    audit = SqliteAudit(settings.audit)
    models = Models(settings.model, audit=audit)
    asked = SourceCollector(sources, store, _budgets(settings, [s.name for s in sources]))
    collector = RecordedCollector(asked, audit)
    toolbox = CatalogueToolbox(catalogue)
    aims = {tool.name: tool.addresses for tool in catalogue.tools}
    by_hand = ByHandReader(toolbox.inspect, asked.recent_changes)
    return Ports(
        playbooks=PlaybookFolder(settings.playbooks, settings.mode, build_directories(settings)),
        collector=collector,
        store=store,
        analyzer=Engine(functools.partial(open_case_store, settings)),
        analyst=ConfiguredAnalyst(settings.model, store, models=models, calibrate=knowledge.calibrated),
        prober=RecordedProber(ConfiguredProber(store, asked), audit),
        planner=ConfiguredPlanner(
            settings.model, store, catalogue.tools, models=models, track_record=knowledge.track_record
        ),
        toolbox=toolbox,
        notifier=build_notifier(settings, store),
        reviewer=ReviewWriter(store),
        summariser=ConfiguredSummariser(settings.model, store, models=models),
        knowledge=Remembering(knowledge, store, aims, by_hand, Vouching(audit)),
        audit=audit,
    )


def _budgets(settings: Settings, sources: Sequence[str]) -> dict[str, SourceBudget]:
    """Each SaaS source has its own budget; every AWS source has that of the account."""
    own = {"github": settings.github, "servicenow": settings.servicenow, "jira": settings.jira}
    budgets = {name: section.budget for name, section in own.items() if section}
    aws = settings.aws.budget if settings.aws else SourceBudget()
    return {name: budgets.get(name, aws) for name in sources}


def incident_links(settings: Settings, incident: str, group: str) -> list[Link]:
    """Where a person can look at an incident."""
    page = f"{settings.web.public_url.rstrip('/')}/incidents/{incident}"
    temporal = settings.temporal
    history = f"{temporal.ui_url.rstrip('/')}/namespaces/{temporal.namespace}/workflows/{group}"
    return [
        Link(title="Incident page", url=page),
        Link(title="Report", url=f"{page}/report"),
        Link(title="Temporal history", url=history),
    ]


def build_activities(ports: Ports, client: Client, settings: Settings, switch: FreezeReader) -> list[Any]:
    """Every activity, wired to its ports."""
    keyring = settings.keyring()
    opening = Opening(ports.playbooks, ports.collector, functools.partial(incident_links, settings))
    neighbourhood = Neighbourhood(client, ports.collector)
    owning = Owning(ports.playbooks)
    collecting = Collecting(ports.collector, ports.store)
    analyzing = Analyzing(ports.analyzer, ports.analyst, ports.prober, ports.store)
    planning = Planning(ports.planner, ports.toolbox)
    unasked = Unasked(ports.knowledge, ports.audit)
    deciding = Deciding(ports.toolbox, ports.notifier, keyring, switch, ports.audit, unasked)
    notifying = Notifying(ports.notifier)
    executing = Executing(ports.toolbox, ports.playbooks, keyring, switch, ports.audit, unasked)
    verifying = Verifying(ports.collector)
    reviewing = Reviewing(ports.reviewer, ports.summariser, ports.knowledge)
    return [
        opening.open_incident, opening.recent_changes,
        neighbourhood.look_around, neighbourhood.hand_over_alerts, neighbourhood.who_holds, neighbourhood.is_open,
        owning.find_owner,
        collecting.collect_source, collecting.seal_case,
        analyzing.analyze_case, analyzing.propose, analyzing.probe, analyzing.conclude,
        planning.shortlist, planning.prepare_option, planning.choose_options,
        deciding.judge_decision, deciding.decide_by_policy, deciding.answer_decision,
        notifying.publish, notifying.add_note, notifying.page, notifying.write_ticket,
        executing.execute_step, verifying.read_symptom,
        reviewing.write_report, reviewing.summarise, reviewing.write_review, reviewing.remember,
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
    workflows = [IncidentWorkflow, FreezeWorkflow, TargetWorkflow]
    return IncidentWorker(
        client, task_queue=task_queue, workflows=workflows, activities=activities, **(defaults | options)
    )


async def _checked(client: Client, settings: Settings) -> None:
    """Refuse to start where incidents would get stuck later."""
    absent = await search_attributes.missing(client)
    if absent:
        raise Failure(
            f"Temporal namespace {client.namespace!r} lacks the search attributes {', '.join(absent)}; "
            "run `python starter.py register` once.",
            who="operator",
        )
    folder = settings.store
    machines = settings.temporal.several_machines
    if isinstance(folder, FolderStore) and machines and not folder.shared:
        raise Failure(
            f"store.path {str(folder.path)!r} is a private folder but temporal.several_machines is set; use "
            "store.kind: s3, or mount one volume everywhere and set store.shared: true.",
            who="operator",
        )


async def serve(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then let running activities finish. Raises Failure."""
    if settings.metrics_address:
        prometheus = PrometheusConfig(bind_address=settings.metrics_address)
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(metrics=prometheus)))
    client = await connect(settings)
    await _checked(client, settings)
    ports = build_ports(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    switch = FreezeSwitch(client, settings.temporal.task_queue)
    await switch.ensure()
    activities = build_activities(ports, client, settings, SwitchReader(switch, loop))
    async with build_worker(client, activities, settings.temporal.task_queue):
        log.info("worker started", task_queue=settings.temporal.task_queue, sources=list(ports.collector.names))
        await stop.wait()
    log.info("worker stopped")


def main() -> None:
    """Run until stopped; exit code 2 for configuration that cannot be used."""
    configure()
    code = 0
    try:
        asyncio.run(serve(load()))
    except (SettingsError, Failure) as error:
        print(error, file=sys.stderr)
        code = 2
    sys.stderr.flush()
    os._exit(code)  # the SDK's threads can abort an ending interpreter (sdk-python #300)


if __name__ == "__main__":
    main()
