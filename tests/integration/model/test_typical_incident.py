"""What a whole typical incident costs with a model over HTTP: its rounds, the choice of options, the summary."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autopilot.case.case import Case
from autopilot.clients.aws import AwsClients
from autopilot.incident.ports import Attempt, ChooseRequest, PlanRequest, SummaryRequest
from autopilot.incident.state import IncidentState, Summary
from autopilot.reasoning.analyst import ConfiguredAnalyst
from autopilot.reasoning.asking.models import Models
from autopilot.reasoning.asking.tokens import count_tokens
from autopilot.reasoning.offline import investigate
from autopilot.reasoning.planning.planner import ConfiguredPlanner
from autopilot.reasoning.probing import ConfiguredProber
from autopilot.reasoning.summary import ConfiguredSummariser
from autopilot.remediation.catalogue import build_catalogue
from autopilot.settings import Aws, Model, Settings
from demo.saas.model import Model as StandIn
from tests.unit.analysis.story import throttled_checkout
from tests.unit.reasoning import fault_worlds, shop_world
from tests.unit.reasoning.collected import Collected

CALLS, INPUT_TOKENS = 4, 15_000
"""Of a whole incident at most."""
WORLDS: dict[str, Callable[[], Case]] = {
    "a release that reads more": lambda: throttled_checkout(1),
    "the same among noise": lambda: fault_worlds.heavy_release(1, noise=True).case(),
    "two faults at once": lambda: fault_worlds.two_faults(1),
    "a query per item": lambda: shop_world.missing_query_optimisation(1),
}


@pytest.fixture(scope="module")
def running() -> Iterator[StandIn]:
    """A stand-in that answers as a sensible model does."""
    with StandIn() as server:
        yield server


def tokens_of(request: dict[str, Any]) -> int:
    """What a request takes at most: its messages, and its functions or its shape as JSON."""
    said = "".join(message["content"] for message in request["messages"])
    asked = [request[part] for part in ("tools", "response_format") if part in request]
    return count_tokens(said + json.dumps(asked), "gpt-4o")


def incident(case: Collected, settings: Model) -> Summary:
    """From the dossier to the summary, all that may ask a model; says what the ledger counted."""
    models, store, incident_id = Models(settings), case.store, case.manifest.scope.incident_id
    conclusion, _ = investigate(
        ConfiguredAnalyst(settings, store, models=models), ConfiguredProber(store), case.manifest, case.brief
    )
    assert conclusion.diagnosis.analyst == "gpt-4o"
    planned = PlanRequest(
        incident_id=incident_id,
        manifest=case.manifest,
        dossier=conclusion.dossier,
        diagnosis=conclusion.diagnosis,
    )
    aws = Aws()
    tools = build_catalogue(Settings(aws=aws), AwsClients(aws)).tools
    planner = ConfiguredPlanner(settings, store, tools, models=models)
    planner.choose(ChooseRequest(plan=planned, offers=planner.shortlist(planned).offers), Attempt())
    state = IncidentState(
        incident_id=incident_id, group="checkout", opened_at=case.manifest.scope.alerted_at, service="checkout",
        dossier=conclusion.dossier, diagnosis=conclusion.diagnosis, outcome="handed_over",
    )  # fmt: skip
    return ConfiguredSummariser(settings, store, models=models).summarise(SummaryRequest(state=state), Attempt())


@pytest.mark.parametrize("world", WORLDS)
def test_a_typical_incident_costs_few_calls_and_tokens(world: str, running: StandIn, tmp_path: Path) -> None:
    running.calls.clear()
    settings = Model.model_validate({"kind": "openai", "base_url": running.base_url, "api_key": "test-key"})
    told = incident(Collected(tmp_path, WORLDS[world]()), settings)
    assert told.text != ""
    assert 3 <= len(running.calls) <= CALLS  # two rounds and the summary; the choice where there is something
    assert told.usage.calls == len(running.calls)
    assert sum(map(tokens_of, running.calls)) <= INPUT_TOKENS
