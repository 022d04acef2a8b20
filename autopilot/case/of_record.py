"""What was concluded and planned in an incident, kept with its case: what a later version is held against."""

from typing import TypeVar

from pydantic import ValidationError

from autopilot.case.backend import NotStored
from autopilot.case.store import document_uri
from autopilot.incident.base import Model
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.finding import Dossier
from autopilot.incident.plan import Plan
from autopilot.incident.ports import CaseStore, Failure

PLAN = "plan.json"
Kept = TypeVar("Kept", bound=Model)


def keep_diagnosis(store: CaseStore, incident_id: str, diagnosis: Diagnosis) -> None:
    """Store the diagnosis of a case revision; one made again replaces it."""
    _keep(store, incident_id, f"diagnosis-{diagnosis.revision}.json", diagnosis)


def keep_plan(store: CaseStore, plan: Plan) -> None:
    """Store the last plan of an incident."""
    _keep(store, plan.incident_id, PLAN, plan)


def diagnosis_of_record(store: CaseStore, incident_id: str, revision: int) -> Diagnosis | None:
    """The stored diagnosis of a case revision, None when there is none. Raises Failure when it cannot be read."""
    return _kept(store, incident_id, f"diagnosis-{revision}.json", Diagnosis)


def dossier_of_record(store: CaseStore, incident_id: str, revision: int) -> Dossier | None:
    """What analysis found in that revision, without the findings of probes; None and Failure as above."""
    return _kept(store, incident_id, f"dossier-{revision}.json", Dossier)


def plan_of_record(store: CaseStore, incident_id: str) -> Plan | None:
    """The last plan of an incident, None when none was kept. Raises Failure when it cannot be read."""
    return _kept(store, incident_id, PLAN, Plan)


def _keep(store: CaseStore, incident_id: str, name: str, value: Model) -> None:
    store.put(incident_id, name, value.model_dump_json(indent=1).encode(), "application/json")


def _kept(store: CaseStore, incident_id: str, name: str, kind: type[Kept]) -> Kept | None:
    try:
        content = store.get(document_uri(incident_id, name))
    except NotStored:
        return None
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise Failure(
            f"Document {name!r} of incident {incident_id!r} is no {kind.__name__.lower()} "
            f"({error.error_count()} problems); it was written by another version or changed by hand.",
            who="developer",
        ) from error
