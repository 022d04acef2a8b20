"""What all AWS sources share: whose resource is whose, paging within a budget, errors as gaps, console links."""

import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from autopilot.clients.aws import AwsClients
from autopilot.clients.aws_errors import AWS_ERRORS, error_kind, explain, remedy
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import GapKind, Scope
from autopilot.settings import Aws
from autopilot.sources.base import Budget, BudgetExceeded, Collected
from autopilot.sources.deadline import attempt_all

SERVICE_TAG = "service"
"""The tag that says which service a resource belongs to; without it the resource's own name counts."""
RESOURCES_SECONDS = 60.0
"""How long the list of resources stays good."""
LISTING_SECONDS = 15.0
QUICK_SECONDS = 4.5
"""What the first message's questions may take: less than the collector waits for them."""
MAX_PAGES = 20
"""Pages of one listing of resources; an account with more is read in part."""

PageT = TypeVar("PageT", bound=Mapping[str, Any])


def pages(budget: Budget, listing: Iterable[PageT], token: str, most: int | None = None) -> Iterator[PageT]:
    """The pages of a boto3 paginator, each paid for from the budget. `token` names the answer's next-page field."""
    budget.spend()
    for number, page in enumerate(listing, start=1):
        yield page
        if not page.get(token) or number == most:
            return
        budget.spend()


_GAP: dict[str, GapKind] = {"denied": "denied", "unsupported": "unsupported", "missing": "no_data"}


@contextmanager
def asking(into: Collected, what: str) -> Generator[None]:
    """Turn an SDK error inside into a gap that says what is missing and what to do; the source goes on."""
    try:
        yield
    except (ReadTimeoutError, ConnectTimeoutError) as error:
        into.miss("timeout", f"{what}: {explain(error)}", remedy(error))
    except AWS_ERRORS as error:
        into.miss(_GAP.get(error_kind(error), "failed"), f"{what}: {explain(error)}", remedy(error))


def console(region: str, path: str) -> str:
    """A deep link into the AWS console; `path` starts with the service's own page."""
    page, _, fragment = path.partition("#")
    joined = f"{page}{'&' if '?' in page else '?'}region={region}"
    return f"https://{region}.console.aws.amazon.com/{joined}" + (f"#{fragment}" if fragment else "")


def lambda_link(region: str, function: str) -> str:
    """The console page of a function."""
    return console(region, f"lambda/home#/functions/{quote(function)}")


_ARN_FORMS = (
    ("function", re.compile(r"^arn:[^:]+:lambda:[^:]*:[^:]*:function:([^:]+)")),
    ("table", re.compile(r"^arn:[^:]+:dynamodb:[^:]*:[^:]*:table/([^/]+)")),
    ("container", re.compile(r"^arn:[^:]+:ecs:[^:]*:[^:]*:service/(?:.+/)?([^/]+)$")),
    ("database", re.compile(r"^arn:[^:]+:rds:[^:]*:[^:]*:(?:db|cluster):(.+)$")),
    ("queue", re.compile(r"^arn:[^:]+:sqs:[^:]*:[^:]*:(.+)$")),
    ("alarm", re.compile(r"^arn:[^:]+:cloudwatch:[^:]*:[^:]*:alarm:(.+)$")),
    ("log_group", re.compile(r"^arn:[^:]+:logs:[^:]*:[^:]*:log-group:([^:]+)")),
    ("api_id", re.compile(r"^arn:[^:]+:apigateway:[^:]*:[^:]*:/restapis/([^/]+)$")),
    ("balancer", re.compile(r"^arn:[^:]+:elasticloadbalancing:[^:]*:[^:]*:loadbalancer/(.+)$")),
    ("target_group", re.compile(r"^arn:[^:]+:elasticloadbalancing:[^:]*:[^:]*:targetgroup/([^/]+)/")),
    ("deployment_group", re.compile(r"^arn:[^:]+:codedeploy:[^:]*:[^:]*:deploymentgroup:([^/]+/.+)$")),
    ("schedule_group", re.compile(r"^arn:[^:]+:scheduler:[^:]*:[^:]*:schedule-group/(.+)$")),
    ("parameter", re.compile(r"^arn:[^:]+:ssm:[^:]*:[^:]*:parameter(/.+)$")),
    ("application", re.compile(r"^arn:[^:]+:appconfig:[^:]*:[^:]*:application/([^/]+)$")),
    ("proxy", re.compile(r"^arn:[^:]+:rds:[^:]*:[^:]*:db-proxy:(.+)$")),
)


_GROUPING = ("schedule_group", "parameter", "application")
"""Kinds whose names say nothing about a log group: groups, paths and ids."""


def named(arn: str) -> tuple[str, str] | None:
    """(kind, name) of an ARN of a kind we know."""
    for kind, form in _ARN_FORMS:
        if found := form.match(arn):
            return kind, found.group(1)
    return None


@dataclass(frozen=True)
class Resources:
    """The resources of one region by kind and name, and the service that each belongs to."""

    services: Mapping[tuple[str, str], str]
    apis: Mapping[str, str]
    """API id → name."""
    problems: Mapping[str, Exception] = field(default_factory=dict[str, Exception])
    """What could not be listed, and why."""

    def needed(self, listing: str) -> None:
        """Raise what kept a listing (functions, tables, databases, apis) from us: unknown is not none."""
        if listing in self.problems:
            raise self.problems[listing]

    def service(self, kind: str, name: str) -> str:
        """The service of a resource: its tag, else its own name."""
        return self.services.get((kind, name)) or name

    def names(self, kind: str) -> tuple[str, ...]:
        """The names known of a kind."""
        return tuple(name for of, name in self.services if of == kind)

    def of_log_group(self, group: str) -> str:
        """The service whose log group this is, judged by tag, by function name, else by its longest known name."""
        if tagged := self.services.get(("log_group", group)):
            return tagged
        if group.startswith("/aws/lambda/"):
            return self.service("function", group.removeprefix("/aws/lambda/"))
        last = group.strip("/").split("/")[-1]
        known = {name: service for (kind, name), service in self.services.items() if kind not in _GROUPING}
        known |= {service: service for service in self.services.values() if service}
        inside = [name for name in known if re.search(rf"(^|[-_./]){re.escape(name)}([-_./]|$)", group)]
        best = max(inside, key=len, default="")
        return (known[best] or best) if best else last


class Account:
    """The watched account, shared by its sources."""

    reads: ClassVar[tuple[str, ...]] = (
        "lambda:ListFunctions",
        "dynamodb:ListTables",
        "rds:DescribeDBInstances",
        "apigateway:GET",
        "tag:GetResources",
    )
    """The IAM actions that listing its resources takes."""

    def __init__(self, settings: Aws, clients: AwsClients) -> None:
        """Nothing is contacted yet."""
        self.settings = settings
        self.clients = clients
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Resources]] = {}

    def regions(self, scope: Scope) -> tuple[str, ...]:
        """The configured regions that the scope is about; all of them when it names none of ours."""
        return tuple(r for r in self.settings.regions if r in scope.regions) or self.settings.regions

    def resources(self, region: str, budget: Budget) -> Resources:
        """What exists in a region and whose it is; read once for all sources that ask within a minute."""
        with self._lock:
            since, known = self._known.get(region, (0.0, None))
            if known is None or time.monotonic() - since > RESOURCES_SECONDS:
                known = self._list(region, budget)
                self._known[region] = (time.monotonic(), known)
            return known

    def known(self, region: str) -> Resources:
        """What was listed before, however long ago; empty rather than asking: for answers that cannot wait."""
        return self._known.get(region, (0.0, Resources({}, {})))[1]

    def _list(self, region: str, budget: Budget) -> Resources:
        tasks: dict[str, Callable[[], list[tuple[str, str, str]]]] = {
            "functions": lambda: self._functions(region, budget),
            "tables": lambda: self._tables(region, budget),
            "databases": lambda: self._databases(region, budget),
            "apis": lambda: self._apis(region, budget),
            "tags": lambda: self._tagged(region, budget),
        }
        services: dict[tuple[str, str], str] = {}
        apis: dict[str, str] = {}
        problems: dict[str, Exception] = {}
        for task, outcome in attempt_all(tasks, LISTING_SECONDS).items():
            if isinstance(outcome, BudgetExceeded):
                raise outcome
            if isinstance(outcome, Exception):
                problems[task] = outcome
                continue
            for kind, name, service in outcome:
                if kind == "api_id" and task == "apis":
                    apis[name] = service
                elif service or (kind, name) not in services:
                    services[kind, name] = service
        for api_id, name in apis.items():
            if tag := services.pop(("api_id", api_id), ""):
                services["api", name] = tag
        return Resources(services, apis, problems)

    def _functions(self, region: str, budget: Budget) -> list[tuple[str, str, str]]:
        listing = self.clients.lambda_(region).get_paginator("list_functions").paginate()
        answers = pages(budget, listing, "NextMarker", MAX_PAGES)
        return [("function", f.get("FunctionName", ""), "") for page in answers for f in page["Functions"]]

    def _tables(self, region: str, budget: Budget) -> list[tuple[str, str, str]]:
        listing = self.clients.dynamodb(region).get_paginator("list_tables").paginate()
        answers = pages(budget, listing, "LastEvaluatedTableName", MAX_PAGES)
        return [("table", name, "") for page in answers for name in page["TableNames"]]

    def _databases(self, region: str, budget: Budget) -> list[tuple[str, str, str]]:
        listing = self.clients.rds(region).get_paginator("describe_db_instances").paginate()
        found: list[tuple[str, str, str]] = []
        for page in pages(budget, listing, "Marker", MAX_PAGES):
            for database in page["DBInstances"]:
                tags = {tag.get("Key", ""): tag.get("Value", "") for tag in database.get("TagList", [])}
                found.append(("database", database.get("DBInstanceIdentifier", ""), tags.get(SERVICE_TAG, "")))
        return found

    def _apis(self, region: str, budget: Budget) -> list[tuple[str, str, str]]:
        listing = self.clients.apigateway(region).get_paginator("get_rest_apis").paginate()
        found: list[tuple[str, str, str]] = []
        for page in pages(budget, listing, "position", MAX_PAGES):
            for api in page["items"]:
                name = api.get("name", "")
                found.append(("api_id", api.get("id", ""), name))
                found.append(("api", name, api.get("tags", {}).get(SERVICE_TAG, "")))
        return found

    def _tagged(self, region: str, budget: Budget) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = []
        token = ""
        for _ in range(MAX_PAGES):
            budget.spend()
            pairs, token = self.clients.tagged(SERVICE_TAG, region, token)
            found += [(*name, value) for arn, value in pairs if (name := named(arn))]
            if not token:
                break
        return found


class AwsSource(ABC):
    """A source that reads region by region; what fails in one does not stop the next."""

    name: str
    reads: ClassVar[tuple[str, ...]]
    """The IAM actions that it takes, besides those of `Account.reads`."""

    def __init__(self, account: Account) -> None:
        """All AWS sources share one account."""
        self.account = account
        self.clients = account.clients

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        """See `Source`."""
        for region in self.account.regions(scope):
            with asking(into, f"{self.name} in {region}"):
                self.collect_region(scope, region, budget, into)

    @abstractmethod
    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Gather everything of one region. SDK errors may pass: they become a gap."""


def whole(scope: Scope) -> TimeWindow:
    """Baseline and incident together."""
    return TimeWindow(start=min(scope.baseline.start, scope.incident.start), end=scope.incident.end)
