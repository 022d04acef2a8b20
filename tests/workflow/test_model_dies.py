"""The model dies in each phase: the incident goes on by code, in time, with the real analyst, planner and wire."""

import asyncio
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.responses import Response
from temporalio.client import Client

from autopilot.clients.aws import AwsClients
from autopilot.incident.evidence import CaseManifest, Document
from autopilot.incident.finding import DossierBrief
from autopilot.incident.investigation import Limits
from autopilot.incident.state import IncidentState
from autopilot.reasoning.analyst import ConfiguredAnalyst
from autopilot.reasoning.asking.models import Models
from autopilot.reasoning.planning.planner import ConfiguredPlanner
from autopilot.reasoning.probing import ConfiguredProber
from autopilot.reasoning.summary import ConfiguredSummariser
from autopilot.remediation.catalogue import build_catalogue
from autopilot.settings import Aws, Model, Settings
from demo.saas.model import Behaviour
from demo.saas.model import Model as StandIn
from starter import Incidents
from tests.unit.reasoning.store import StoredCase
from tests.workflow.conftest import Bench, make_worker
from tests.workflow.fakes import FakeWorld, alert, quick_playbook

SECONDS = 9.0
"""Time limit for the model in each phase."""


class Dying(StandIn):
    """Answers soundly `calls_answered` times, and then no more."""

    def __init__(self, calls_answered: int, how: Behaviour) -> None:
        super().__init__()
        self._last: int = calls_answered
        self._how: Behaviour = how

    async def _failure(self) -> Response | None:
        if len(self.calls) > self._last:
            self.behaviour = self._how
        return await super()._failure()


@dataclass
class StoryWorld(FakeWorld):
    """The small world whose case and dossier are those of the stored story."""

    case: StoredCase | None = None

    @property
    def stored(self) -> StoredCase:
        assert self.case is not None
        return self.case

    def seal(self, manifest: CaseManifest) -> CaseManifest:
        return self.stored.manifest

    def analyze(self, manifest: CaseManifest, first_finding: int) -> DossierBrief:
        return self.stored.brief.model_copy(update={"next_finding": 20})

    def put(self, incident_id: str, name: str, content: bytes, media_type: str) -> Document:
        return self.stored.store.put(incident_id, name, content, media_type)

    def get(self, uri: str) -> bytes:
        return self.stored.store.get(uri)


@dataclass
class Told:
    """What became of one incident."""

    closed: IncidentState
    model: Dying
    to_options: float
    """Seconds from the dossier to the options, by the clock of the test."""


async def _incident(client: Client, path: Path, calls_answered: int, how: Behaviour) -> Told:
    """One incident whose model dies after so many answers; handled by hand once the options are there."""
    case = StoredCase(path)
    playbook = quick_playbook(investigation=Limits(seconds=SECONDS))
    world, queue = StoryWorld(case=case, playbook=playbook), f"dying-{uuid.uuid4().hex[:8]}"
    tools = build_catalogue(Settings(aws=Aws()), AwsClients(Aws())).tools
    with Dying(calls_answered, how) as model:
        settings = Model(kind="openai", base_url=model.base_url, api_key=SecretStr("test-key"), timeout=30)
        models = Models(settings)
        analyst = ConfiguredAnalyst(settings, case.store, models=models)
        planner = ConfiguredPlanner(settings, case.store, tools, models=models)
        summariser = ConfiguredSummariser(settings, case.store, models=models)
        worker = make_worker(
            client, world, queue,
            analyst=analyst, prober=ConfiguredProber(case.store), planner=planner, summariser=summariser,
        )  # fmt: skip
        async with worker:
            bench = Bench(client, world, queue, Incidents(client, queue))
            handle = await bench.start(alert(service=f"checkout-{queue}"))
            await bench.until(handle, lambda s: s.dossier is not None)
            started = time.monotonic()
            await bench.until(handle, lambda s: s.request is not None, seconds=60)
            to_options = time.monotonic() - started
            await bench.decide(handle, choice="manual", option=None)
            world.latency = 20.0
            await handle.result()
            return Told(world.reviews[0], model, to_options)


@pytest.mark.timeout(120)
async def test_the_incident_is_finished_by_code_whenever_the_model_dies(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    deaths: list[tuple[int, Behaviour]] = [(99, "down"), (0, "down"), (1, "server-error"), (2, "down"), (3, "down")]
    never, first, second, planning, summary = await asyncio.gather(
        *(_incident(client, tmp_path / str(n), calls, how) for n, (calls, how) in enumerate(deaths))
    )
    for told in (never, first, second, planning, summary):
        state = told.closed
        assert state.diagnosis is not None
        assert state.diagnosis.best is not None
        assert state.diagnosis.best.service == "checkout"
        assert state.plan is not None
        assert state.plan.options[0].steps[0].step.tool == "lambda.rollback_alias"
        assert (state.outcome, state.verdict) == ("handed_over", "fixed")
    by = [(t.closed.diagnosis.analyst if t.closed.diagnosis else "") for t in (never, first, second)]
    assert by[0] == "gpt-4o"
    assert by[1].startswith("built-in analyst (model unavailable: ")
    assert by[2].startswith("gpt-4o (")
    assert "turn 2" in by[2]
    plans = [(t.closed.plan.analyst if t.closed.plan else "") for t in (never, planning)]
    assert plans[0] == "gpt-4o"
    assert plans[1].startswith("built-in planner (model unavailable: ")
    assert never.closed.summary is not None
    assert never.closed.summary.text
    assert summary.closed.summary is None or not summary.closed.summary.text
    # Calls that failed on the way may have been billed, and count.
    assert (never.closed.usage.calls, planning.closed.usage.calls) == (4, 2 + 3)


@pytest.mark.timeout(120)
async def test_a_model_that_hangs_costs_no_more_than_the_time_limit(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    told = await _incident(client, tmp_path, 0, "timeout")
    assert told.closed.diagnosis is not None
    assert told.closed.diagnosis.analyst.startswith("built-in analyst (model unavailable: ")
    assert told.to_options < 2 * SECONDS + 5
    assert told.closed.outcome == "handed_over"
