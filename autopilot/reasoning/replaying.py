"""A stored case analysed, investigated and planned for anew, held against what was concluded then.

Nothing is asked of a watched system and nothing is written: the store is read, the rest stays in memory.
"""

from collections.abc import Callable, Sequence

from autopilot.analysis.dossier import analyze
from autopilot.analysis.engine import brief
from autopilot.case.aside import aside
from autopilot.case.of_record import diagnosis_of_record, dossier_of_record, plan_of_record
from autopilot.case.reading import load_case
from autopilot.case.store import document_uri
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import Dossier, DossierBrief
from autopilot.incident.investigation import Limits
from autopilot.incident.plan import Plan, PlanDraft
from autopilot.incident.ports import Attempt, CaseStore, ChooseRequest, Failure, PlanRequest
from autopilot.reasoning.analyst import ConfiguredAnalyst
from autopilot.reasoning.casefile import load_dossier
from autopilot.reasoning.comparing import Difference, compare, tools_of
from autopilot.reasoning.offline import investigate
from autopilot.reasoning.planning.planner import ConfiguredPlanner
from autopilot.reasoning.probing import ConfiguredProber
from autopilot.remediation.base import Tool
from autopilot.settings import Model
from autopilot.settings_model import StepModel

Progress = Callable[[str], None]
_SHARED = {"breaker", "mask_ips", "max_prompt_tokens", "max_tokens_per_incident", "max_usd_per_incident"}
"""Settings that hold for whatever model is asked."""


class NoRecord(Failure):
    """Nothing is stored that the case could be held against."""


def asked_model(configured: Model, name: str, base_url: str | None) -> Model:
    """The settings of exactly the named model: no other one steps in for it.

    A key is sent only to the server that it was configured for.
    """
    if name == "none":
        return Model()
    wanted = {"name": name, "base_url": base_url or configured.base_url}
    changes = {field: value for field, value in wanted.items() if value != getattr(configured, field)}
    # As a step that names this model would: what belongs to another server or model is left behind.
    asked = configured.model_copy(update={"analysis": StepModel.model_validate(changes)}).order("analysis")[0]
    shared = configured.model_dump(include=_SHARED)
    return Model.model_validate({"kind": "openai"} | shared | asked.model_dump())


def replay(
    store: CaseStore,
    manifest: CaseManifest,
    model: Model,
    tools: Sequence[Tool],
    *,
    limits: Limits,
    progress: Progress = lambda _: None,
) -> Difference:
    """Conclude about a case again and compare.

    Args:
        store: Where the case is; it is only read.
        manifest: The revision to replay.
        model: Which model is asked; answers and spending of the incident itself are not looked at.
        tools: The catalogue, for the options; empty when none is configured.
        limits: How far the investigation may go.
        progress: Told what is done next.

    Raises:
        NoRecord: the store keeps no diagnosis of this revision.
        Failure: the case cannot be read.
    """
    incident, revision = manifest.scope.incident_id, manifest.revision
    before = diagnosis_of_record(store, incident, revision)
    if before is None:
        raise NoRecord(
            f"The store keeps no diagnosis of revision {revision} of {incident!r}, so there is nothing to compare "
            "with; `python starter.py analyze` shows what analysis finds in it."
        )
    found, plan = dossier_of_record(store, incident, revision), plan_of_record(store, incident)
    answers = document_uri(incident, "answers")
    scratch = aside(store, lambda key: key.startswith(f"{answers}/"))
    progress("analysing the case")
    told = _analysed(scratch, manifest, found)
    progress("investigating")
    analyst, prober = ConfiguredAnalyst(model, scratch), ConfiguredProber(scratch)
    hint = (manifest.scope.hint,) if manifest.scope.hint else ()
    after = investigate(analyst, prober, manifest, told, limits=limits, feedback=hint)[0].diagnosis
    planned = _planned(scratch, manifest, told, after, plan, tools) if plan and tools else None
    return compare(
        incident,
        (before, after),
        (found, load_dossier(scratch, told)),
        (tools_of(plan.options) if plan else None, tools_of(planned.options) if planned else None),
    )


def _analysed(store: CaseStore, manifest: CaseManifest, found: Dossier | None) -> DossierBrief:
    """The dossier of today; its findings count from the same number as those of record."""
    first = min((int(f.id[1:]) for f in found.findings if f.id[1:].isdecimal()), default=1) if found else 1
    dossier = analyze(load_case(store, manifest), first)
    content = dossier.model_dump_json().encode()
    name = f"dossier-{manifest.revision}.json"
    uri = store.put(manifest.scope.incident_id, name, content, "application/json").uri
    return brief(dossier, uri, first, 0.0)


def _planned(
    store: CaseStore,
    manifest: CaseManifest,
    dossier: DossierBrief,
    diagnosis: Diagnosis,
    plan: Plan,
    tools: Sequence[Tool],
) -> PlanDraft:
    """What code would offer; nothing is inspected, so what could not be done then is left out again."""
    planner = ConfiguredPlanner(Model(), store, tools)
    request = PlanRequest(
        incident_id=manifest.scope.incident_id, manifest=manifest, dossier=dossier, diagnosis=diagnosis
    )
    could_not = {(s.step.tool, s.step.target) for option in plan.infeasible for s in option.steps}
    offers = tuple(
        offer
        for offer in planner.shortlist(request).offers
        if not any((step.tool, step.target) in could_not for step in offer.draft.steps)
    )
    return planner.choose(ChooseRequest(plan=request, offers=offers), Attempt())
