"""Ports in memory for workflow tests: a small world that can be sick, healed, made worse or silent."""

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from autopilot.incident.alert import Alert
from autopilot.incident.audit import Entry, steps_that_changed
from autopilot.incident.decision import Judgement
from autopilot.incident.diagnosis import Diagnosis, Hypothesis
from autopilot.incident.evidence import CaseManifest, Document, Gap, QueryRecord, Scope, SourceReport
from autopilot.incident.finding import Dossier, DossierBrief, Suspect, TimelineEntry
from autopilot.incident.freeze import Freeze
from autopilot.incident.investigation import Probe, ProbeResult, Proposed, Turn
from autopilot.incident.metric import MetricRef, Signal
from autopilot.incident.ownership import Owner
from autopilot.incident.plan import (
    DraftOption,
    DryRun,
    ExecuteStep,
    Offer,
    Option,
    PlanDraft,
    PreparedStep,
    Shortlist,
    Step,
    StepResult,
    TargetState,
)
from autopilot.incident.playbook import Ladder, OnCall, Person, Playbook, Snapshot, VerificationRules
from autopilot.incident.ports import (
    Attempt,
    ChooseRequest,
    Conclusion,
    Failure,
    InvestigateRequest,
    PlanRequest,
    ProbeOrder,
    Question,
    SummaryRequest,
    Ticket,
)
from autopilot.incident.state import IncidentState, Summary
from autopilot.incident.track_record import Experience, Move
from autopilot.incident.verification import Reading
from autopilot.incident.view import IncidentView

LATENCY = MetricRef(source="fake", namespace="N", name="Latency", dimensions={"Api": "shop"}, region="r1")
KIM = Person(name="kim", slack="U1", pager="kim-pager")
LEE = Person(name="lee", slack="U2", pager="lee-pager")
SEAL_KEY = b"test-seal-key"


def alert(service: str = "shop", external_id: str = "a1", **changes: object) -> Alert:
    """An alert about the latency of a service."""
    now = datetime.now(UTC)
    values: dict[str, object] = {
        "source": "test", "external_id": external_id, "title": f"{service} latency high", "service": service,
        "region": "r1", "started_at": now, "received_at": now, "signal": Signal(metric=LATENCY, threshold=100.0),
    }  # fmt: skip
    return Alert.model_validate(values | changes)


def quick_playbook(**changes: object) -> Playbook:
    """A playbook whose durations let a test run in seconds."""
    values: dict[str, object] = {
        "name": "test",
        "ladder": Ladder(remind=30, page_secondary=60, hand_over=90),
        "verification": VerificationRules(
            interval=0.2, window=1, stabilisation=0.3, deadline=3, settle=0, manual_watch=2
        ),
    }
    return Playbook.model_validate(values | changes)


class FakeSwitch:
    """The freeze switch of a test."""

    def __init__(self) -> None:
        self.now = Freeze()

    def read(self) -> Freeze:
        return self.now


@dataclass
class FakeWorld:
    """The watched system and everything that was said and done."""

    shop: str = field(default_factory=lambda: f"shop-{uuid.uuid4().hex[:8]}")
    table: str = field(default_factory=lambda: f"table-{uuid.uuid4().hex[:8]}")
    """Targets of its own: only one incident at a time may hold one."""
    latency: float | None = 900.0
    version: str = "v2"
    capacity: int = 5
    effects: dict[str, "Effect"] = field(default_factory=dict[str, "Effect"])
    """Tool → what it does to the world; nothing by default beyond its own setting."""
    playbook: Playbook = field(default_factory=quick_playbook)
    edges: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    sources: tuple[str, ...] = ("metrics", "logs")
    dead_sources: set[str] = field(default_factory=set[str])
    fail: dict[str, Failure] = field(default_factory=dict[str, Failure])
    """Tool → failure raised by execute."""
    executed: list[ExecuteStep] = field(default_factory=list[ExecuteStep])
    writes: list[str] = field(default_factory=list[str])
    views: list[IncidentView] = field(default_factory=list[IncidentView])
    notes: list[str] = field(default_factory=list[str])
    answers: list[Judgement] = field(default_factory=list[Judgement])
    pages: list[Question] = field(default_factory=list[Question])
    tickets: list[Ticket] = field(default_factory=list[Ticket])
    remembered: list[IncidentState] = field(default_factory=list[IncidentState])
    known: list[Experience] = field(default_factory=list[Experience])
    """What is known of tools on services."""
    reviews: list[IncidentState] = field(default_factory=list[IncidentState])
    scopes: list[Scope] = field(default_factory=list[Scope])
    gate: threading.Event | None = None
    """Set: execute waits for it after its write."""
    model_fails: bool = False
    probe_fails: bool = False
    infeasible: dict[str, str] = field(default_factory=dict[str, str])
    """Tool → why it cannot work now."""
    together: bool = False
    """Whether both steps are one option."""
    probes_per_turn: int = 0
    turns: list[InvestigateRequest] = field(default_factory=list[InvestigateRequest])
    probed: list[ProbeOrder] = field(default_factory=list[ProbeOrder])
    audit: list[Entry] = field(default_factory=list[Entry])
    documents: dict[str, bytes] = field(default_factory=dict[str, bytes])

    # --- audit

    def append(self, entries: Sequence[Entry]) -> None:
        self.audit.extend(entries)

    def outcomes(self, prefix: str) -> tuple[str, ...]:
        return tuple(entry.outcome for entry in self.audit if entry.key.startswith(prefix))

    def changed(self, since: datetime) -> tuple[Entry, ...]:
        return steps_that_changed(e for e in list(self.audit) if e.kind == "action" and e.at >= since)

    # --- playbooks

    def snapshot(self, alert: Alert, now: datetime) -> Snapshot:
        return Snapshot(playbook=self.playbook, on_call=OnCall(primary=KIM, secondary=LEE), digest="d")

    def owner(self, component: str, files: Sequence[str], authors: Sequence[str], now: datetime) -> Owner | None:
        return Owner(person=LEE, found=f"on call for {component}")

    # --- collector

    @property
    def names(self) -> Sequence[str]:
        return self.sources

    def collect(self, source: str, revision: int, scope: Scope) -> SourceReport:
        self.scopes.append(scope)
        if source in self.dead_sources:
            raise Failure(f"{source} is unreachable", who="operator")
        return SourceReport(source=source, status="ok")

    def recent_changes(self, scope: Scope, limit: int) -> tuple[TimelineEntry, ...]:
        return (TimelineEntry(at=scope.alerted_at, kind="change", text="deploy v2"),)

    def edges_of(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.edges)

    def read(
        self, signals: Sequence[Signal], seconds: float, incident_id: str = "", /
    ) -> tuple[Reading, tuple[QueryRecord, ...]]:
        return Reading(at=datetime.now(UTC), values=tuple(self.latency for _ in signals)), ()

    # --- store

    def seal(self, manifest: CaseManifest) -> CaseManifest:
        return manifest.model_copy(update={"uri": f"case-{manifest.revision}"})

    def put(self, incident_id: str, name: str, content: bytes, media_type: str) -> Document:
        self.documents[f"{incident_id}/{name}"] = content
        return Document(uri=f"{incident_id}/{name}", sha256="", size=len(content), media_type=media_type)

    def create(self, incident_id: str, name: str, content: bytes, media_type: str) -> bool:
        return self.documents.setdefault(f"{incident_id}/{name}", content) is content

    def get(self, uri: str) -> bytes:
        return self.documents[uri]

    # --- analysis

    def analyze(self, manifest: CaseManifest, first_finding: int) -> DossierBrief:
        suspect = Suspect(
            service="shop", cause_kind="bad_deploy", score=0.8, finding_ids=("F1",), reason="deployed before onset"
        )
        dossier = Dossier(
            incident_id=manifest.scope.incident_id,
            revision=manifest.revision,
            scope_incident=manifest.scope.incident,
            suspects=(suspect,),
        )
        uri = self.put(
            dossier.incident_id, f"dossier-{manifest.revision}", dossier.model_dump_json().encode(), ""
        ).uri
        return DossierBrief(
            uri=uri, revision=manifest.revision, findings=1, next_finding=first_finding + 1, suspects=(suspect,)
        )

    def propose(self, request: InvestigateRequest, attempt: Attempt) -> Turn:
        self.turns.append(request)
        if self.model_fails and not request.without_model:
            raise Failure("the model is down", who="operator")
        number = len(request.investigation.turns) + 1
        idea = Proposed(statement="v2 is slow", cause_kind="bad_deploy", service="shop")
        probes = tuple(Probe(id=f"P{number}-{i}", name="metric", why="is it?") for i in range(self.probes_per_turn))
        analyst = "built-in analyst (model unavailable)" if request.without_model else "fake model"
        return Turn(number=number, proposed=(idea,), probes=probes, analyst=analyst)

    def probe(self, order: ProbeOrder) -> ProbeResult:
        self.probed.append(order)
        if self.probe_fails:
            raise Failure("no such table", who="developer")
        return ProbeResult(probe=order.probe, outcome="rose", summary="it rose")

    def conclude(self, request: InvestigateRequest) -> Conclusion:
        best = Hypothesis(
            statement="v2 is slow", cause_kind="bad_deploy", service="shop", standing="likely", confidence=0.7
        )
        gaps = tuple(Gap(source=s, kind="failed", what="dead") for s in sorted(self.dead_sources))
        analyst = request.investigation.turns[-1].analyst
        diagnosis = Diagnosis(
            revision=request.dossier.revision,
            hypotheses=(best,),
            gaps=gaps,
            analyst=analyst,
            stopped=request.stopped,
        )
        return Conclusion(diagnosis=diagnosis, dossier=request.dossier)

    # --- planner and toolbox

    def shortlist(self, request: PlanRequest) -> Shortlist:
        steps = [
            Step(tool="version.rollback", target=self.shop, service="shop", arguments={"version": "v1"}),
            Step(tool="capacity.set", target=self.table, service="shop", arguments={"capacity": 10}),
        ]
        if self.together:
            both = DraftOption(title="both", why="because", steps=tuple(steps), risk="low")
            return Shortlist(offers=(Offer(id="both", draft=both, score=1.0),))
        offers = [
            Offer(id=s.tool, draft=DraftOption(title=s.tool, why="because", steps=(s,), risk="low"), score=1.0)
            for s in steps
            if f"{s.tool} {s.target}" not in request.avoid
        ]
        return Shortlist(offers=tuple(offers), recommendations=("review the query",))

    def choose(self, request: ChooseRequest, attempt: Attempt) -> PlanDraft:
        return PlanDraft(options=tuple(offer.draft for offer in request.offers))

    def inspect(self, step: Step) -> TargetState:
        settings = {"version": self.version} if step.target == self.shop else {"capacity": self.capacity}
        return TargetState(target=step.target, settings=dict(settings), observed_at=datetime.now(UTC))

    def prepare(self, number: int, draft: DraftOption) -> Option:
        prepared: list[PreparedStep] = []
        for step in draft.steps:
            before = self.inspect(step)
            after = before.model_copy(update={"settings": dict(step.arguments)})
            prepared.append(
                PreparedStep(
                    step=step,
                    before=before,
                    expects=before.target_state_digest,
                    leaves=after.target_state_digest,
                    undo=step.model_copy(update={"arguments": dict(before.settings)}),
                    dry_run=DryRun(feasible=step.tool not in self.infeasible),
                )
            )
        reasons = [self.infeasible[step.tool] for step in draft.steps if step.tool in self.infeasible]
        return Option(
            id=number, title=draft.title, why=draft.why, steps=tuple(prepared), risk=draft.risk,
            reversibility="reversible", feasible=not reasons, infeasible_reason="; ".join(reasons),
        )  # fmt: skip

    def execute(self, order: ExecuteStep, attempt: int) -> StepResult:
        self.executed.append(order)
        step, state = order.step, self.inspect(order.step)
        if order.step.tool in self.fail and order.mode == "do":
            raise self.fail[order.step.tool]
        if state.settings == step.arguments:
            return self._result(order, "already", attempt)
        if state.target_state_digest != order.expects:
            return self._result(order, "changed_world", attempt)
        self.writes.append(order.key)
        if step.target == self.shop:
            self.version = str(step.arguments["version"])
        else:
            self.capacity = int(step.arguments["capacity"] or 0)
        self.effects.get(f"{step.tool} {order.mode}", lambda _: None)(self)
        if self.gate is not None:
            self.gate.wait(30)
        return self._result(order, "done", attempt)

    def _result(self, order: ExecuteStep, status: str, attempt: int) -> StepResult:
        return StepResult.model_validate(
            {
                "key": order.key,
                "tool": order.step.tool,
                "target": order.step.target,
                "status": status,
                "attempt": attempt,
                "at": datetime.now(UTC),
            }
        )

    # --- people

    def publish(self, view: IncidentView) -> dict[str, str]:
        self.views.append(view)
        return {"slack": "C1/1.0"}

    def note(self, view: IncidentView, text: str, key: str) -> None:
        self.notes.append(text)

    def answer(self, view: IncidentView, judgement: Judgement, reply_to: str) -> None:
        self.answers.append(judgement)

    def page(self, question: Question) -> str:
        self.pages.append(question)
        return question.key

    def ticket(self, ticket: Ticket) -> str:
        self.tickets.append(ticket)
        return "INC1"

    # --- review

    def report(self, state: IncidentState) -> Document:
        return self.put(state.incident_id, "report.html", b"report", "text/html")

    def summarise(self, request: SummaryRequest, attempt: Attempt) -> Summary:
        return Summary(text="v2 was slow.", analyst="fake model")

    def write(self, state: IncidentState) -> Document:
        self.reviews.append(state)
        return self.put(state.incident_id, "review.html", b"review", "text/html")

    def remember(self, state: IncidentState) -> None:
        self.remembered.append(state)

    def experiences(self, environment: str, move: Move) -> tuple[Experience, ...]:
        return tuple(e for e in self.known if (e.service, e.tool) == (move.service, move.tool))


Effect = Callable[[FakeWorld], None]


@dataclass
class FakeCollector:
    """The world's collecting side; `edges` is a method there and data in the world."""

    world: FakeWorld

    @property
    def names(self) -> Sequence[str]:
        return self.world.names

    def collect(self, source: str, revision: int, scope: Scope) -> SourceReport:
        return self.world.collect(source, revision, scope)

    def recent_changes(self, scope: Scope, limit: int) -> tuple[TimelineEntry, ...]:
        return self.world.recent_changes(scope, limit)

    def edges(self, services: Sequence[str], environment: str) -> tuple[tuple[str, str], ...]:
        return self.world.edges_of()

    def read(
        self, signals: Sequence[Signal], seconds: float, incident_id: str = "", /
    ) -> tuple[Reading, tuple[QueryRecord, ...]]:
        return self.world.read(signals, seconds, incident_id)
