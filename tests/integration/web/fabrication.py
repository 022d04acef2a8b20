"""Whole incidents with a model over HTTP, from the case to every text that leaves the product."""

import html
import json
from dataclasses import dataclass
from urllib.parse import unquote

from autopilot.analysis.dossier import analyze
from autopilot.analysis.engine import brief
from autopilot.case.case import Case
from autopilot.case.schema import frame
from autopilot.case.store import FolderCaseStore
from autopilot.channels.mrkdwn import chunks
from autopilot.channels.slack_blocks import fallback_text, message_blocks
from autopilot.incident.course import result_of
from autopilot.incident.evidence import TABLES, CaseManifest
from autopilot.incident.investigation import Limits
from autopilot.incident.plan import Offer, Plan
from autopilot.incident.ports import Attempt, ChooseRequest, Failure, PlanRequest, SummaryRequest
from autopilot.incident.state import IncidentState, Summary
from autopilot.incident.thread import diagnosis_note, plan_note
from autopilot.incident.view import incident_view, ticket_text
from autopilot.reasoning.analyst import ConfiguredAnalyst
from autopilot.reasoning.offline import investigate
from autopilot.reasoning.planning.planner import ConfiguredPlanner
from autopilot.reasoning.probing import ConfiguredProber
from autopilot.reasoning.summary import ConfiguredSummariser
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.review.writer import ReviewWriter
from autopilot.settings import Model
from benchmarks.poisoned_account import Account, catalogue
from demo.saas.model import Model as ModelServer
from tests.integration.web.conftest import Running
from tests.integration.web.example import GROUP, INCIDENT, alert
from workflows.console import details

KEY = "stand-in-key"


def sealed(store: FolderCaseStore, case: Case) -> CaseManifest:
    """A case of memory in a store, as collectors leave it."""
    parts = tuple(
        store.put_part(case.scope.incident_id, 1, "world", table, frame(table, case.table(table).to_dicts()))
        for table in TABLES
        if case.table(table).height
    )
    return store.seal(CaseManifest(revision=1, scope=case.scope, parts=parts))


def _stored(store: FolderCaseStore, case: Case) -> IncidentState:
    manifest, dossier = sealed(store, case), analyze(case)
    content = dossier.model_dump_json().encode()
    uri = store.put(case.scope.incident_id, "dossier-1.json", content, "application/json").uri
    return IncidentState(
        incident_id=case.scope.incident_id, group=GROUP, phase="analyze", opened_at=case.scope.alerted_at,
        service="checkout", services=["checkout"],
        alerts=[alert(service="checkout", started_at=case.scope.alerted_at)], alert_count=1,
        manifest=manifest, dossier=brief(dossier, uri, 1, 0.1),
    )  # fmt: skip


@dataclass(frozen=True)
class Product:
    """Everything that reasons, against one model server."""

    server: ModelServer
    store: FolderCaseStore

    def incident(self, case: Case) -> IncidentState:
        """Analysis, plan and summary of a case, as the workflow makes them."""
        settings = Model.model_validate({"kind": "openai", "base_url": self.server.base_url, "api_key": KEY})
        state = _stored(self.store, case)
        assert state.manifest is not None
        assert state.dossier is not None
        conclusion, investigation = investigate(
            ConfiguredAnalyst(settings, self.store), ConfiguredProber(self.store), state.manifest, state.dossier,
            limits=Limits(rounds=2), pause=lambda _: None,
        )  # fmt: skip
        state.diagnosis, state.dossier, state.investigation = (
            conclusion.diagnosis,
            conclusion.dossier,
            investigation,
        )
        state.plan, state.phase = self._plan(settings, state), "decide"
        state.summary = self._summary(settings, state)
        return state

    def _plan(self, settings: Model, state: IncidentState) -> Plan:
        tools = catalogue(Account())
        planner, toolbox = ConfiguredPlanner(settings, self.store, tools.tools), CatalogueToolbox(tools)
        assert state.manifest is not None
        assert state.dossier is not None
        assert state.diagnosis is not None
        request = PlanRequest(
            incident_id=state.incident_id, manifest=state.manifest, dossier=state.dossier, diagnosis=state.diagnosis
        )
        listed = planner.shortlist(request)
        offers = [
            Offer(id=o.id, draft=o.draft, score=o.score, prepared=toolbox.prepare(0, o.draft))
            for o in listed.offers
        ]
        possible = tuple(o for o in offers if o.prepared is not None and o.prepared.feasible)
        choice = ChooseRequest(plan=request, offers=possible)
        try:
            draft = planner.choose(choice, Attempt())
        except Failure as failure:
            draft = planner.choose(choice.model_copy(update={"without_model": str(failure)}), Attempt())
        return Plan(
            incident_id=state.incident_id, revision=1, recommendations=listed.recommendations,
            options=tuple(toolbox.prepare(n, option) for n, option in enumerate(draft.options, start=1)),
            analyst=draft.analyst, refused=draft.refused, notes=draft.notes,
        )  # fmt: skip

    def _summary(self, settings: Model, state: IncidentState) -> Summary:
        summariser = ConfiguredSummariser(settings, self.store)
        try:
            return summariser.summarise(SummaryRequest(state=state), Attempt())
        except Failure as failure:
            return Summary(analyst=f"no summary: {failure}")


def outbound(gateway: Running, store: FolderCaseStore, state: IncidentState) -> dict[str, str]:
    """Every text that leaves the product about an incident, by where it goes."""
    assert state.diagnosis is not None
    assert state.plan is not None
    writer = ReviewWriter(store)
    state.report = writer.report(state)
    report = store.get(state.report.uri).decode()
    notes = {"thread diagnosis": diagnosis_note(state.diagnosis, state.investigation),
             "thread plan": plan_note(state.plan)}  # fmt: skip
    texts = {"report.html": report, **_messages(state), **_page(gateway, store, state), **notes}
    texts |= {f"Slack {name}": json.dumps(chunks(text, 2_900, 5)) for name, text in notes.items()}
    state.phase, state.outcome = "review", "handed_over"
    review = writer.write(state)
    texts["review.html"] = store.get(review.uri).decode()
    texts["review.md"] = store.get(review.uri.replace("review.html", "review.md")).decode()
    texts["result"] = result_of(state).model_dump_json()
    texts |= {f"{name} at the end": text for name, text in _messages(state).items()}
    return {where: unquote(html.unescape(text)).replace("\\", "") for where, text in texts.items()}


def _messages(state: IncidentState) -> dict[str, str]:
    view = incident_view(state)
    return {
        "Slack message": json.dumps(message_blocks(view), ensure_ascii=False),
        "Slack notification": fallback_text(view),
        "ticket": ticket_text(state),
        "pager": f"{view.title}: {view.cause}",
        "Temporal UI": details(view),
        "view": view.model_dump_json(),
    }


def _page(gateway: Running, store: FolderCaseStore, state: IncidentState) -> dict[str, str]:
    """The incident page, read through the gateway from a store of its own."""
    assert state.dossier is not None
    document = gateway.store.put(
        INCIDENT, "dossier-fabricated.json", store.get(state.dossier.uri), "application/json"
    )
    shown = state.model_copy(update={"dossier": state.dossier.model_copy(update={"uri": document.uri})})
    gateway.incidents.states[INCIDENT] = shown
    answer = gateway.http.get(f"/incidents/{INCIDENT}")
    assert answer.status_code == 200, answer.text
    assert "could not be read" not in answer.text
    return {"incident page": answer.text}
