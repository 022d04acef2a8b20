"""A release that reads more per request, and the inventory around it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from autopilot.channels.base import Attachment
from autopilot.clients.aws import AwsClients
from autopilot.incident.base import Scalar, TimeWindow
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Dossier, Finding, Provenance, Suspect, VersionHealth
from autopilot.incident.metric import MetricRef
from autopilot.incident.ports import Question, Ticket
from autopilot.incident.related import Related
from autopilot.remediation.base import Candidate, Context, InventoryItem
from autopilot.remediation.catalogue import Catalogue, build_catalogue
from autopilot.settings import Aws, Settings

ARN = "arn:aws:{}:us-east-1:000000000000:{}"
ALIAS = ARN.format("lambda", "function:checkout:live")
TABLE = ARN.format("dynamodb", "table/orders")
SERVICE = ARN.format("ecs", "service/shop/inventory")
DATABASE = ARN.format("rds", "db:catalog-db")
WINDOW = TimeWindow(start=datetime(2026, 11, 18, 2, 45, tzinfo=UTC), end=datetime(2026, 11, 18, 3, 16, tzinfo=UTC))
LATENCY = MetricRef(source="cloudwatch", name="Latency", dimensions={"ApiName": "checkout-api"}, service="checkout")


def revision(number: int) -> str:
    """The ARN of a task definition revision."""
    return ARN.format("ecs", f"task-definition/inventory:{number}")


def measured(
    number: int, resource: str, name: str, observed: float, statistic: str = "Sum", **dimensions: str
) -> Finding:
    """A series that rose."""
    metric = MetricRef(source="cloudwatch", name=name, statistic=statistic, dimensions=dimensions)
    return Finding(
        id=f"F{number}", kind="metric", service="orders", resource=resource, window=WINDOW, direction="up",
        score=0.9, baseline=observed / 3, observed=observed, summary=f"{name} rose", metric=metric,
        provenance=Provenance(source="cloudwatch"),
    )  # fmt: skip


def served(version: str, healthy: bool, finding: str) -> VersionHealth:
    """How a version did."""
    return VersionHealth(
        service="checkout", resource="checkout:live", version=version, window=WINDOW, healthy=healthy,
        finding_id=finding, evidence=f"{version} served {'well' if healthy else 'badly'}",
    )  # fmt: skip


def suspect(service: str, kind: CauseKind, resource: str = "", score: float = 0.8) -> Suspect:
    """Somebody to blame."""
    return Suspect(
        service=service, resource=resource, cause_kind=kind, score=score, finding_ids=("F90",), reason="evidence"
    )


def alias(**settings: Scalar) -> InventoryItem:
    """The checkout function's live alias, on v2.4.1."""
    return InventoryItem(
        resource=ALIAS, kind="lambda_alias", name="checkout:live", service="checkout", region="us-east-1",
        settings={"function": "checkout", "alias": "live", "version": "41", "reserved_concurrency": None}
        | settings,
        versions=(
            {"version": "41", "description": "v2.4.1", "active": True},
            {"version": "40", "description": "v2.4.0", "active": False},
            {"version": "39", "description": "v2.3.9", "active": False},
        ),
        health="",
    )  # fmt: skip


def table(**settings: Scalar) -> InventoryItem:
    """The orders table, 400 reads per second."""
    return InventoryItem(
        resource=TABLE, kind="dynamodb_table", name="orders", service="orders", region="us-east-1",
        settings={
            "billing_mode": "PROVISIONED", "read_capacity": 400, "write_capacity": 60, "read_autoscaling": False,
            "read_min": None, "read_max": None, "status": "ACTIVE",
        } | settings,
        versions=(), health="",
    )  # fmt: skip


def service(**settings: Scalar) -> InventoryItem:
    """The inventory service on its third revision."""
    return InventoryItem(
        resource=SERVICE, kind="ecs_service", name="inventory", service="inventory", region="us-east-1",
        settings={"cluster": "shop", "desired_count": 4, "task_definition": revision(3)} | settings,
        versions=tuple({"version": revision(n), "description": f"inventory:{n}.0"} for n in (3, 2, 1)), health="",
    )  # fmt: skip


def database(instance_class: str = "db.r6g.large") -> InventoryItem:
    """The catalogue's database."""
    return InventoryItem(
        resource=DATABASE, kind="rds_instance", name="catalog-db", service="catalog", region="us-east-1",
        settings={"instance_class": instance_class, "engine": "postgres", "multi_az": False}, versions=(),
        health="",
    )  # fmt: skip


def context(
    *items: InventoryItem,
    findings: tuple[Finding, ...] = (),
    versions: tuple[VersionHealth, ...] = (),
    suspects: tuple[Suspect, ...] = (),
) -> Context:
    """What the tools see."""
    dossier = Dossier(
        incident_id="i", revision=1, scope_incident=WINDOW, findings=findings, versions=versions, suspects=suspects
    )
    return Context(dossier=dossier, inventory=items, symptom=LATENCY)


def catalogue() -> Catalogue:
    """All AWS tools; nothing is contacted by offering candidates."""
    return build_catalogue(Settings(aws=Aws()), AwsClients(Aws()))


def offered(where: Context) -> dict[str, Candidate]:
    """The candidates by tool."""
    return {c.step.tool: c for c in catalogue().candidates(where)}


class Desk:
    """A ticket system that keeps what it was told."""

    name = "jira"

    def __init__(self) -> None:
        self.tickets: dict[str, Ticket] = {}
        self.related: dict[str, tuple[Related, ...]] = {}
        self.files: dict[str, Attachment] = {}
        self.writes = 0

    def find(self, key: str) -> str:
        """The number of a ticket."""
        return f"OPS-{[*self.tickets].index(key) + 1}" if key in self.tickets else ""

    def upsert(self, ticket: Ticket) -> str:
        """Write it down."""
        self.writes += 1
        self.tickets[ticket.key] = ticket
        return self.find(ticket.key)

    def relate(self, key: str, related: Sequence[Related]) -> None:
        """Remember what belongs together."""
        self.related[key] = tuple(related)

    def attach(self, key: str, file: Attachment) -> None:
        """Keep the file."""
        self.files[key] = file


class Bell:
    """A pager that rings once per key."""

    name = "pagerduty"

    def __init__(self) -> None:
        self.rang: dict[str, Question] = {}

    def page(self, question: Question) -> str:
        """Ring."""
        self.rang.setdefault(question.key, question)
        return question.key
