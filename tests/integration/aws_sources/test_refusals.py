"""What AWS refuses: throttling, missing permissions, outages; and the mark on our writes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from autopilot.clients.aws import AwsClients, marking
from autopilot.clients.aws_errors import to_failure
from autopilot.incident.ports import Failure
from autopilot.settings import Aws
from autopilot.sources.aws import Account
from autopilot.sources.aws_sources import build_aws_sources
from autopilot.sources.base import Budget, Collected
from autopilot.sources.dynamodb import DynamoDB
from tests.integration.aws_sources.conftest import free_port, scope_now


class Refusing(ThreadingHTTPServer):
    """Answers every JSON-protocol call with one error, or with an empty object."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.error: dict[str, str] | None = None
        self.status = 400
        self.seen: list[tuple[str, str, str]] = []


class Handler(BaseHTTPRequestHandler):
    @property
    def refusing(self) -> Refusing:
        assert isinstance(self.server, Refusing)
        return self.server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = self.headers
        self.refusing.seen.append(
            (headers.get("X-Amz-Target", ""), headers.get("User-Agent", ""), headers.get("Authorization", ""))
        )
        error = self.refusing.error
        content = json.dumps(error or {"TableNames": []}).encode()
        self.send_response(self.refusing.status if error else 200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - the base class looks for this name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Quiet."""


@pytest.fixture
def refusing(credentials: pytest.MonkeyPatch) -> Iterator[Refusing]:
    server = Refusing()
    credentials.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def failure(call: Any) -> Failure:
    with pytest.raises((ClientError, BotoCoreError)) as raised:
        call()
    assert isinstance(raised.value, (ClientError, BotoCoreError))
    return to_failure(raised.value, "reading table 'orders'")


def test_throttling_is_retried_by_the_sdk_and_then_later(refusing: Refusing) -> None:
    refusing.error = {"__type": "ThrottlingException", "message": "Rate exceeded"}
    clients = AwsClients(Aws(retries=2))
    told = failure(lambda: clients.dynamodb().list_tables())
    assert (told.who, told.retry_after) == ("retry", 5.0)
    assert len(refusing.seen) == 2


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ("User: x is not authorized to perform: dynamodb:ListTables on resource: *", "dynamodb:ListTables"),
        ("", "dynamodb:ListTables"),
    ],
)
def test_a_missing_permission_is_named(refusing: Refusing, message: str, action: str) -> None:
    refusing.error = {"__type": "AccessDeniedException", "message": message}
    told = failure(lambda: AwsClients(Aws(retries=1)).dynamodb().list_tables())
    assert told.who == "operator"
    assert f"Allow {action} for" in str(told)
    assert "reading table 'orders'" in str(told)


@pytest.mark.parametrize(
    ("kind", "status", "who"),
    [
        ("ValidationException", 400, "developer"),
        ("ResourceNotFoundException", 400, "operator"),
        ("ResourceInUseException", 400, "retry"),
        ("InternalServerError", 500, "retry"),
        ("ExpiredTokenException", 400, "operator"),
    ],
)
def test_each_refusal_says_who_can_mend_it(refusing: Refusing, kind: str, status: int, who: str) -> None:
    refusing.error, refusing.status = {"__type": kind, "message": "no"}, status
    assert failure(lambda: AwsClients(Aws(retries=1)).dynamodb().list_tables()).who == who


def test_nobody_answering_is_worth_another_try(credentials: pytest.MonkeyPatch) -> None:
    credentials.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    told = failure(lambda: AwsClients(Aws(retries=1)).dynamodb().list_tables())
    assert told.who == "retry"
    assert "no answer from AWS" in str(told)


def test_writes_carry_their_step_and_others_do_not(refusing: Refusing) -> None:
    client = AwsClients(Aws(retries=1)).dynamodb()
    with marking("incident-a.1/2/1/1/do"):
        client.list_tables()
    client.list_tables()
    marked, plain = (agent for _, agent, _ in refusing.seen)
    assert marked.endswith(" step/incident-a.1/2/1/1/do")
    assert "aiops-auto-pilot" in marked
    assert "step/" not in plain
    signed = refusing.seen[0][2].split("SignedHeaders=")[1].split(",")[0]
    assert "user-agent" not in signed, "the mark must not be part of what was signed"


def test_a_mark_cannot_smuggle_a_header() -> None:
    for key in ("a\r\nX-Evil: 1", "with space", "", "é"):
        with pytest.raises(ValueError, match="cannot mark"), marking(key):
            pass


def test_clients_are_built_once_per_service_and_region(credentials: pytest.MonkeyPatch) -> None:
    clients = AwsClients(Aws(regions=("us-east-1", "eu-west-1")))
    assert clients.dynamodb() is clients.dynamodb("us-east-1")
    assert clients.dynamodb("eu-west-1") is not clients.dynamodb("us-east-1")


def test_every_source_survives_an_account_that_refuses_everything(refusing: Refusing) -> None:
    refusing.error = {"__type": "AccessDeniedException", "message": "no"}
    settings = Aws(retries=1)
    for source in build_aws_sources(settings, AwsClients(settings)):
        into = Collected(source.name)
        source.collect(scope_now(), Budget(calls=100, seconds=20), into)
        assert into.gaps, source.name
        assert not into.frames, source.name


def test_a_denied_listing_is_a_gap_that_names_the_permission(refusing: Refusing) -> None:
    refusing.error = {"__type": "AccessDeniedException", "message": "no"}
    settings = Aws(retries=1)
    into = Collected("dynamodb")
    DynamoDB(Account(settings, AwsClients(settings))).collect(scope_now(), Budget(calls=50, seconds=20), into)
    assert "denied" in {gap.kind for gap in into.gaps}
    assert any("dynamodb:ListTables" in gap.remedy for gap in into.gaps), into.gaps
