"""A case in a real folder store, as the planner and the analyst read it."""

from pathlib import Path

from autopilot.case.schema import frame
from autopilot.case.store import FolderCaseStore
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, Scope
from autopilot.incident.finding import Dossier, DossierBrief
from tests.unit.reasoning import story

INVENTORY = [
    {"resource": story.ALIAS, "kind": "lambda_alias", "name": "checkout:live", "service": "checkout",
     "region": "us-east-1", "settings": '{"function": "checkout", "alias": "live", "version": "2", "weights": ""}',
     "versions": '[{"version": "2", "description": "v2.4.1", "active": true},'
                 ' {"version": "1", "description": "v2.4.0", "active": false}]', "health": ""},
    {"resource": story.TABLE, "kind": "dynamodb_table", "name": "orders", "service": "orders",
     "region": "us-east-1",
     "settings": '{"billing_mode": "PROVISIONED", "read_capacity": 100, "write_capacity": 50,'
                 ' "read_autoscaling": false, "nested": {"is": "dropped"}}', "versions": "[]", "health": "ACTIVE"},
]  # fmt: skip
TOPOLOGY = [
    {"caller": "checkout-api", "callee": "checkout", "weight": 1.0, "source": "configuration"},
    {"caller": "checkout", "callee": "orders", "weight": 1.0, "source": "configuration"},
]


class StoredCase:
    """A folder store with one sealed revision and its dossier."""

    def __init__(self, path: Path, dossier: Dossier | None = None) -> None:
        """Writes inventory, topology, manifest and dossier."""
        self.dossier = dossier or story.dossier()
        self.incident_id = self.dossier.incident_id
        self.store = FolderCaseStore(path)
        parts = (
            self.store.put_part(self.incident_id, 1, "aws", "inventory", frame("inventory", INVENTORY)),
            self.store.put_part(self.incident_id, 1, "aws", "topology", frame("topology", TOPOLOGY)),
        )
        scope = Scope(
            incident_id=self.incident_id,
            services=("checkout-api",),
            baseline=TimeWindow(start=story.ALARM.replace(hour=0), end=story.WINDOW.start),
            incident=story.WINDOW,
            alerted_at=story.ALARM,
        )
        self.manifest = self.store.seal(CaseManifest(revision=1, scope=scope, parts=parts))
        content = self.dossier.model_dump_json().encode()
        uri = self.store.put(self.incident_id, "dossier-1.json", content, "application/json").uri
        self.brief = DossierBrief(uri=uri, revision=1)
