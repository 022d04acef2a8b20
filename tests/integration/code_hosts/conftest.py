"""GitHub's stand-in behind something that breaks, and the tools that work on it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from autopilot.incident.plan import Step
from autopilot.remediation.base import Candidate, Context, InventoryItem
from autopilot.remediation.catalogue import Catalogue, build_catalogue
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import GitHub as GitHubSettings
from autopilot.settings import Settings, Web
from autopilot.sources.base import Collected
from autopilot.sources.github import GitHubSource
from demo.saas.git_store import GitStore
from demo.saas.github import GitHub
from demo.saas.records import ChangedFile, Commit, GitHubRecords, Issue, WorkflowRun
from tests.integration.code_hosts.broken import Broken
from tests.integration.code_hosts.orders import context
from tests.integration.saas_sources.situation import budget, rows, scope
from tests.integration.saas_sources.vendor import Vendor

REPOSITORY = "paperplane/checkout"
FIRST, CULPRIT = "1" * 40, "c" * 40
AT = datetime(2026, 11, 21, 2, 50, tzinfo=UTC)
POOL = "@@ -1,4 +1,4 @@\n pool:\n-  max_connections: 40\n+  max_connections: 4\n   name: orders\n   wait_s: 2"
CODE = "@@ -1,2 +1,3 @@\n import db\n-rows = db.query(ids)\n+for i in ids:\n+    db.get(i)"
NEW = "@@ -0,0 +1,2 @@\n+def loop():\n+    pass"
README = ChangedFile("README", "@@ -1 +1 @@\n-a\n+b")
MESSAGE = "Read one by one `@everyone` #1\n\nmore"


def records() -> GitHubRecords:
    """A repository in which the second commit is to blame."""
    files = (
        ChangedFile("config/db.yaml", POOL),
        ChangedFile("src/orders.py", CODE),
        ChangedFile("src/loop.py", NEW, status="added"),
    )
    return GitHubRecords(
        REPOSITORY,
        (
            Commit(FIRST, "Start", "Kim", "kim", AT - timedelta(days=9), (README,)),
            Commit(CULPRIT, MESSAGE, "Noor", "noor", AT, files),
        ),
        issues=(Issue(7, "Pool of orders is too small", "", "sam", AT), Issue(8, "Colours", "", "sam", AT)),
        runs=(WorkflowRun(77, "deploy", CULPRIT, AT),),
    )  # fmt: skip


@dataclass
class Scene:
    """The stand-in behind something that breaks, and the tools that work on it."""

    server: GitHub
    broken: Broken
    settings: Settings
    catalogue: Catalogue
    toolbox: CatalogueToolbox
    inventory: tuple[InventoryItem, ...]
    context: Context

    @property
    def store(self) -> GitStore:
        return self.server.store(REPOSITORY)

    @property
    def drafts(self) -> list[dict[str, object]]:
        return list(self.server.written.drafts[REPOSITORY].values())

    def offer(self, tool: str) -> Candidate:
        return next(c for c in self.catalogue.candidates(self.context) if c.step.tool == tool)

    def step(self, tool: str) -> Step:
        return self.offer(tool).step


def observed(settings: GitHubSettings) -> tuple[InventoryItem, ...]:
    """The inventory as the source collects it."""
    into = Collected("github")
    GitHubSource(settings).collect(scope(), budget(), into)
    return items(into)


def items(into: Collected) -> tuple[InventoryItem, ...]:
    """The inventory that was collected."""
    return tuple(
        InventoryItem(
            resource=str(row["resource"]), kind=str(row["kind"]), name=str(row["name"]),
            service=str(row["service"]), region="", settings=json.loads(str(row["settings"])), versions=(),
            health="",
        )
        for row in rows(into, "inventory")
    )  # fmt: skip


@pytest.fixture(scope="module")
def world() -> Iterator[Scene]:
    with GitHub((records(),), "read", "write") as server:
        broken = Broken(server.url)
        with Vendor(broken.answer) as vendor:
            github = GitHubSettings(
                base_url=vendor.url, repositories={"checkout": REPOSITORY}, token=SecretStr("read"),
                write_token=SecretStr("write"),
            )  # fmt: skip
            settings = Settings(github=github, web=Web(public_url="https://autopilot.example"))
            inventory, tools = observed(github), build_catalogue(settings)
            seen = context(*inventory, commit=f"github:{CULPRIT}", resource="orders")
            yield Scene(server, broken, settings, tools, CatalogueToolbox(tools), inventory, seen)


@pytest.fixture
def scene(world: Scene) -> Scene:
    """Nothing broken and nothing written yet."""
    world.broken.mend()
    world.server.written.start_over()
    return world
