"""The gateway over real HTTP, with incidents kept in memory and a certificate authority of our own for SNS."""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from pydantic import JsonValue
from slack_sdk.signature import SignatureVerifier

from autopilot.case.store import FolderCaseStore
from autopilot.incident.alert import Alert
from autopilot.incident.audit import AuditLog
from autopilot.incident.decision import DecisionSignal, PersonNote
from autopilot.incident.ports import Failure
from autopilot.incident.state import IncidentState
from autopilot.settings import Settings
from autopilot.web.app import create_app
from autopilot.web.incidents import IncidentRow, NotRunning, Started

TOPIC = "arn:aws:sns:us-east-1:000000000000:alarms"
SIGNING_SECRET, API_TOKEN, API_KEY, SEAL_KEY = "slack-secret", "api-token", "bridge-key", b"seal-key"
CHANNEL, BOT = "C0ALERTS", "B0DATADOG"


@dataclass
class MemoryIncidents:
    """`Incidents` kept in a dictionary; `down` and `hanging` make it misbehave."""

    alerts: list[Alert] = field(default_factory=list[Alert])
    open: dict[str, str] = field(default_factory=dict[str, str])
    decisions: list[tuple[str, DecisionSignal]] = field(default_factory=list[tuple[str, DecisionSignal]])
    notes: list[tuple[str, str, PersonNote]] = field(default_factory=list[tuple[str, str, PersonNote]])
    states: dict[str, IncidentState] = field(default_factory=dict[str, IncidentState])
    rows: list[IncidentRow] = field(default_factory=list[IncidentRow])
    down: bool = False
    hanging: bool = False

    async def _reach(self) -> None:
        if self.hanging:
            await asyncio.Event().wait()
        if self.down:
            raise Failure("The incident store at 127.0.0.1 does not answer.")

    async def start(self, alert: Alert) -> Started:
        """As the Protocol says."""
        await self._reach()
        self.alerts.append(alert)
        joined = alert.group in self.open
        if alert.status == "resolved" and not joined:
            return Started(group=alert.group)
        run = self.open.setdefault(alert.group, f"run-{len(self.open) + 1}")
        return Started(group=alert.group, run_id=run, joined=joined)

    async def decide(self, group: str, signal: DecisionSignal) -> None:
        """As the Protocol says."""
        await self._reach()
        if group not in self.open:
            raise NotRunning
        self.decisions.append((group, signal))

    async def _note(self, kind: str, group: str, note: PersonNote) -> None:
        await self._reach()
        if group not in self.open:
            raise NotRunning
        self.notes.append((kind, group, note))

    async def claim(self, group: str, note: PersonNote) -> None:
        """As the Protocol says."""
        await self._note("claim", group, note)

    async def handled(self, group: str, note: PersonNote) -> None:
        """As the Protocol says."""
        await self._note("handled", group, note)

    async def snooze(self, group: str, note: PersonNote) -> None:
        """As the Protocol says."""
        await self._note("snooze", group, note)

    async def abort(self, group: str, note: PersonNote) -> None:
        """As the Protocol says."""
        await self._note("abort", group, note)

    async def list(self, limit: int) -> tuple[IncidentRow, ...]:
        """As the Protocol says."""
        await self._reach()
        return tuple(self.rows[:limit])

    async def show(self, incident: str) -> IncidentState | None:
        """As the Protocol says."""
        await self._reach()
        return self.states.get(incident)


@dataclass
class Said:
    """`Replies` that remembers; `broken` makes Slack unreachable."""

    views: list[tuple[str, dict[str, JsonValue]]] = field(default_factory=list[tuple[str, dict[str, JsonValue]]])
    told: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    threads: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    broken: bool = False
    changed: threading.Event = field(default_factory=threading.Event)

    def _reach(self) -> None:
        if self.broken:
            raise Failure("Slack does not answer.")

    def open_view(self, trigger_id: str, view: dict[str, JsonValue]) -> None:
        """Remember a modal."""
        self._reach()
        self.views.append((trigger_id, view))

    def tell(self, reply_to: str, text: str) -> None:
        """Remember a word to one person."""
        self._reach()
        self.told.append((reply_to, text))
        self.changed.set()

    def in_thread(self, channel: str, ts: str, text: str) -> None:
        """Remember a word under a message."""
        self._reach()
        self.threads.append((channel, ts, text))
        self.changed.set()


class Authority:
    """Signs like SNS and serves its certificate over HTTP; also plays the SubscribeURL."""

    def __init__(self) -> None:
        """A new key, valid now."""
        self.key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        self.visited: list[str] = []
        self.slow = threading.Event()
        """Set it to let the slow certificate be served."""
        pem = self.certificate(timedelta(days=-1), timedelta(days=1))
        expired = self.certificate(timedelta(days=-9), timedelta(days=-8))
        visited, slow = self.visited, self.slow

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visited.append(self.path)
                if "Slow" in self.path:
                    slow.wait(5)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(expired if "Expired" in self.path else pem)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def certificate(self, since: timedelta, until: timedelta) -> bytes:
        """A self-signed certificate for our key."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        built = builder.not_valid_before(now + since).not_valid_after(now + until).sign(self.key, hashes.SHA256())
        return built.public_bytes(serialization.Encoding.PEM)

    def signed(
        self, message: str = "", kind: str = "Notification", version: str = "2", **changes: str
    ) -> dict[str, str]:
        """An envelope with a genuine signature over everything, `changes` included."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        fields = {
            "Type": kind, "MessageId": "msg-1", "TopicArn": TOPIC, "Message": message, "Timestamp": stamp,
            "SignatureVersion": version, "SigningCertURL": f"{self.origin}/SimpleNotificationService-test.pem",
        }  # fmt: skip
        if kind == "Notification":
            fields["Subject"] = "ALARM"
        else:
            fields |= {"Token": "tok", "SubscribeURL": f"{self.origin}/?Action=ConfirmSubscription&Token=tok"}
        fields |= changes
        order = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        text = "".join(f"{name}\n{fields[name]}\n" for name in order if name in fields)
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        fields["Signature"] = base64.b64encode(self.key.sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()
        return fields

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Running:
    """A gateway that listens."""

    http: httpx.Client
    incidents: MemoryIncidents
    said: Said
    store: FolderCaseStore
    root: Path
    """Of the store."""
    authority: Authority

    def slack(self, path: str, body: str, *, secret: str = SIGNING_SECRET, age: float = 0) -> httpx.Response:
        """Post a body that Slack signed `age` seconds ago."""
        stamp = str(int(time.time() - age))
        signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
        kind = "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
        headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": signature or "", "content-type": kind}
        return self.http.post(path, content=body, headers=headers)

    def sns(self, envelope: dict[str, str]) -> httpx.Response:
        """Post as SNS does."""
        return self.http.post(
            "/hooks/sns", content=json.dumps(envelope), headers={"content-type": "text/plain; charset=UTF-8"}
        )


def settings(origin: str, **changes: object) -> Settings:
    """Everything configured."""
    values: dict[str, object] = {
        "seal_key": SEAL_KEY.decode(),
        "slack": {"channel": "C0INCIDENTS", "bot_token": "xoxb-1", "signing_secret": SIGNING_SECRET},
        "web": {"api_token": API_TOKEN, "max_body": 65_536},
        "triggers": {
            "sns": {"topics": [TOPIC], "certificate_hosts": [origin]},
            "eventbridge": {"secret": API_KEY},
            "slack_alert_channels": [CHANNEL],
            "slack_alert_bots": [BOT, "A0AWS"],
        },
    }
    return Settings.model_validate(values | changes)


NEW_CONNECTIONS = httpx.Limits(max_keepalive_connections=0)
"""The server closes a connection on which it failed or that was idle: one that is reused just then is reset."""


@pytest.fixture(scope="session")
def authority() -> Iterator[Authority]:
    """One key for all tests: making one takes a while."""
    made = Authority()
    yield made
    made.close()


@contextmanager
def serving(
    configured: Settings,
    incidents: MemoryIncidents,
    store: FolderCaseStore,
    replies: Said | None = None,
    audit: AuditLog | None = None,
) -> Generator[str]:
    """A gateway on a free port; yields its address."""
    app = create_app(configured, incidents, store, replies=replies, audit=audit)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(5)


@pytest.fixture(scope="session")
def listening(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One gateway for all tests."""
    root = tmp_path_factory.mktemp("cases")
    incidents, said, store = MemoryIncidents(), Said(), FolderCaseStore(root)
    with (
        serving(settings(authority.origin), incidents, store, said) as url,
        httpx.Client(base_url=url, timeout=10, limits=NEW_CONNECTIONS) as http,
    ):
        yield Running(http, incidents, said, store, root, authority)


@pytest.fixture
def gateway(listening: Running) -> Running:
    """The gateway, with nothing remembered but the certificates it has read."""
    listening.incidents.__init__()
    listening.said.__init__()
    listening.authority.visited.clear()
    return listening
