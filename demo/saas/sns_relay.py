"""Between the AWS emulator's SNS and the product: signs each message as AWS does, with a certificate of its own.

The emulator signs with a constant; the product verifies signatures without exception. So the demo puts this
relay in between instead of weakening the product.
"""

import base64
import json
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas.server import Json, StandIn

CERTIFICATE_PATH = "/SimpleNotificationService-test.pem"
RETRY_SECONDS = 60.0
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}  # fmt: skip


def canonical(message: Json) -> bytes:
    """What SNS signs: names and values, one a line, in the order AWS documents, absent fields left out."""
    names = SIGNED["Notification" if message["Type"] == "Notification" else "SubscriptionConfirmation"]
    return "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None).encode()


@dataclass(frozen=True)
class Delivery:
    """One message and how forwarding it went; status 0 means that nobody listened until the end."""

    kind: str
    topic: str
    status: int
    tries: int


class SnsRelay(StandIn):
    """An HTTP subscriber for the emulator and an SNS for the product."""

    def __init__(self, target: str = "", signature_version: Literal["1", "2"] = "1") -> None:
        """`target` is the gateway's SNS URL; version 1 signs with SHA-1, version 2 with SHA-256."""
        super().__init__()
        self.target = target
        self.signature_version: Literal["1", "2"] = signature_version
        self.retry_seconds = RETRY_SECONDS
        self.deliveries: list[Delivery] = []
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        self._certificate = self._make_certificate()
        self._subscriptions: dict[str, str] = {}
        """Token → the emulator's own confirmation address."""
        self._ended = threading.Event()

    @property
    def origin(self) -> str:
        """The origin of the signing certificate, for the product's `certificate_hosts`."""
        return self.url

    @property
    def endpoint(self) -> str:
        """What to subscribe at the emulator."""
        return f"{self.url}/deliver"

    def stop(self) -> None:
        """Stop serving and retrying."""
        self._ended.set()
        super().stop()

    def routes(self) -> list[BaseRoute]:
        """For the emulator `/deliver`; for the product the certificate and the confirmation."""
        return [
            Route("/deliver", self._deliver, methods=["POST"]),
            Route(CERTIFICATE_PATH, self._pem),
            Route("/", self._confirm),
        ]

    def _make_certificate(self) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)

    def signed(self, message: Json) -> Json:
        """The message as AWS would send it: our certificate, our signature, confirmation through us."""
        found = {k: v for k, v in message.items() if v is not None}
        if "Token" in found:
            with self.changed:
                self._subscriptions[str(found["Token"])] = str(found.get("SubscribeURL", ""))
            query = {"Action": "ConfirmSubscription", "TopicArn": found["TopicArn"], "Token": found["Token"]}
            found["SubscribeURL"] = str(httpx.URL(self.url, path="/", params=query))
        found |= {
            "SignatureVersion": self.signature_version,
            "SigningCertURL": f"{self.origin}{CERTIFICATE_PATH}",
        }
        algorithm = hashes.SHA1() if self.signature_version == "1" else hashes.SHA256()
        signature = self._key.sign(canonical(found), padding.PKCS1v15(), algorithm)
        return found | {"Signature": base64.b64encode(signature).decode()}

    async def _pem(self, _: Request) -> Response:
        return Response(self._certificate, media_type="application/x-pem-file")

    async def _deliver(self, request: Request) -> Response:
        try:
            message = json.loads(await request.body())
            signed = self.signed(message)
        except (ValueError, KeyError, TypeError):
            return PlainTextResponse("not an SNS message", 400)
        threading.Thread(target=self._forward, args=(signed,), name="sns-delivery", daemon=True).start()
        return PlainTextResponse("")

    async def _confirm(self, request: Request) -> Response:
        original = self._subscriptions.get(request.query_params.get("Token", ""))
        if not original or request.query_params.get("Action") != "ConfirmSubscription":
            return PlainTextResponse("Invalid token", 400)
        answer = await run_in_threadpool(lambda: httpx.get(original, timeout=10))
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    def _forward(self, message: Json) -> None:
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "User-Agent": "Amazon Simple Notification Service Agent",
            "x-amz-sns-message-type": str(message["Type"]),
            "x-amz-sns-message-id": str(message.get("MessageId", "")),
            "x-amz-sns-topic-arn": str(message.get("TopicArn", "")),
        }
        body = json.dumps(message).encode()
        limit, status, tries = time.monotonic() + self.retry_seconds, 0, 0
        while not self._ended.is_set():
            tries += 1
            try:
                status = httpx.post(self.target, content=body, headers=headers, timeout=15).status_code
            except httpx.HTTPError:
                status = 0
            # As SNS does: client errors other than 429 are final, everything else is tried again.
            final = 200 <= status < 300 or (400 <= status < 500 and status != 429)
            if final or time.monotonic() > limit or self._ended.wait(min(0.25 * 2**tries, 3.0)):
                break
        with self.changed:
            self.deliveries.append(Delivery(str(message["Type"]), str(message.get("TopicArn", "")), status, tries))
            self.changed.notify_all()
