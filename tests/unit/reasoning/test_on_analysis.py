"""From a case to options: what analysis finds is understood by the analyst, and by the real catalogue's tools."""

import pytest

from autopilot.analysis.dossier import analyze
from autopilot.case.schema import frame
from autopilot.case.store import FolderCaseStore
from autopilot.clients.aws import AwsClients
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import DossierBrief
from autopilot.incident.plan import PlanDraft
from autopilot.incident.ports import Attempt, ChooseRequest, PlanRequest
from autopilot.reasoning import builtin
from autopilot.reasoning.judging.citations import enforce
from autopilot.reasoning.planning.planner import ConfiguredPlanner
from autopilot.remediation.catalogue import build_catalogue
from autopilot.settings import Aws, Model, Settings
from tests.unit.analysis.story import healthy, throttled_checkout


def _planned(store: FolderCaseStore, seed: int, avoid: tuple[str, ...] = ()) -> PlanDraft:
    case = throttled_checkout(seed)
    incident_id = case.scope.incident_id
    dossier = analyze(case)
    parts = tuple(
        store.put_part(incident_id, 1, "aws", table, frame(table, case.table(table).to_dicts()))
        for table in ("inventory", "topology")
    )
    content = dossier.model_dump_json().encode()
    brief = DossierBrief(uri=store.put(incident_id, "d.json", content, "application/json").uri, revision=1)
    manifest = CaseManifest(revision=1, scope=case.scope, parts=parts)
    aws = Aws()
    tools = build_catalogue(Settings(aws=aws), AwsClients(aws)).tools
    request = PlanRequest(
        incident_id=incident_id, manifest=manifest, dossier=brief, diagnosis=builtin.diagnose(dossier), avoid=avoid
    )
    planner = ConfiguredPlanner(Model(), store, tools)
    return planner.choose(ChooseRequest(plan=request, offers=planner.shortlist(request).offers), Attempt())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_release_is_blamed_and_every_sentence_survives_enforcement(seed: int) -> None:
    dossier = analyze(throttled_checkout(seed))
    diagnosis = builtin.diagnose(dossier)
    best = diagnosis.best
    assert best is not None
    assert (best.cause_kind, best.service, best.standing) == ("bad_deploy", "checkout", "confirmed")
    for hypothesis in diagnosis.hypotheses:
        cited = (*hypothesis.supporting, *hypothesis.contradicting)
        if cited:
            assert enforce(hypothesis.statement, cited, dossier, hypothesis.service).dropped == ()


def test_options_are_rollback_capacity_and_both(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = FolderCaseStore(tmp_path_factory.mktemp("cases"))
    plan = _planned(store, 1)
    tools = [[s.tool for s in o.steps] for o in plan.options]
    assert tools == [
        ["lambda.rollback_alias"],
        ["dynamodb.set_capacity"],
        ["lambda.rollback_alias", "dynamodb.set_capacity"],
    ]
    tried = tuple(f"{s.tool} {s.target}" for o in plan.options[:2] for s in o.steps)
    again = _planned(store, 1, avoid=tried)
    assert [[s.tool for s in o.steps] for o in again.options] == [["dynamodb.enable_autoscaling"]]


def test_healthy_company_is_not_diagnosed() -> None:
    diagnosis = builtin.diagnose(analyze(healthy(1)))
    assert diagnosis.best is not None
    assert diagnosis.best.standing == "inconclusive"
    assert diagnosis.next_steps
