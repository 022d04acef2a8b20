"""Amazon SNS over HTTP(S): the signature is always verified, there is no switch that turns it off."""

import base64
import binascii
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import Certificate, load_pem_x509_certificate

from autopilot.incident.alert import Alert
from autopilot.settings import SnsTrigger
from autopilot.triggers.alarm import to_alert
from autopilot.triggers.base import Clock, Fetch, Ignored, Refused, Site, json_object, stamp, utc_now
from autopilot.triggers.cloudwatch import from_notification

MessageType = Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]

SIGNED: dict[str, tuple[str, ...]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
    "UnsubscribeConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
"""The fields under the signature, in the order AWS signs them. An absent Subject is left out."""

HASHES: dict[str, type[hashes.SHA1] | type[hashes.SHA256]] = {"1": hashes.SHA1, "2": hashes.SHA256}
REPLAY_WINDOW = timedelta(hours=1)
CLOCK_SKEW = timedelta(minutes=5)
CERTIFICATES_KEPT = 8
MIN_KEY_BITS = 2_048

_AWS_ORIGIN = r"https://sns\.[a-z0-9-]{3,30}\.amazonaws\.com(?:\.cn)?"
AWS_CERTIFICATE = re.compile(_AWS_ORIGIN + r"/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem")
AWS_SUBSCRIBE = re.compile(_AWS_ORIGIN + r"/\?Action=ConfirmSubscription&[0-9A-Za-z=&%._:-]{1,1000}")
OTHER_CERTIFICATE = re.compile(r"/(?:[0-9A-Za-z_-]{1,64}/){0,4}[0-9A-Za-z_-]{1,80}\.pem")
OTHER_SUBSCRIBE = re.compile(r"/[0-9A-Za-z/?=&%._:-]{1,1000}")


@dataclass(frozen=True)
class SnsMessage:
    """An envelope as it came; every value is text."""

    fields: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """A field, empty when absent."""
        return self.fields.get(name, "")

    @property
    def kind(self) -> str:
        """Which of the message types it is."""
        return self["Type"]


def parse_envelope(body: bytes) -> SnsMessage:
    """Read the envelope and check that every field needed for verification is there.

    Raises:
        Refused: 400.
    """
    values = json_object(body, "The SNS message")
    fields = {name: value for name, value in values.items() if isinstance(value, str)}
    kind = fields.get("Type", "")
    if kind not in SIGNED:
        raise Refused(
            400, "This is not an SNS message.", field="Type",
            remedy="Switch raw message delivery off for this subscription, so that messages carry their signature.",
        )  # fmt: skip
    needed = (*SIGNED[kind], "Signature", "SignatureVersion", "SigningCertURL")
    missing = next((name for name in needed if name != "Subject" and not fields.get(name)), None)
    if missing:
        raise Refused(
            400, f"The SNS message has no {missing}.", field=missing, remedy="Deliver SNS messages unchanged."
        )
    return SnsMessage(fields)


def canonical(message: SnsMessage) -> bytes:
    """The text that AWS signs: name and value, each on its line."""
    names = [name for name in SIGNED[message.kind] if name in message.fields]
    return "".join(f"{name}\n{message[name]}\n" for name in names).encode("utf-8", "surrogatepass")


def _within(url: str, origins: tuple[str, ...], aws: re.Pattern[str], rest: re.Pattern[str]) -> bool:
    """Whether the whole URL has AWS's form, or is a plain path on one of the configured origins."""
    if aws.fullmatch(url):
        return True
    prefixes = (origin.rstrip("/") for origin in origins)
    return any(url.startswith(p) and rest.fullmatch(url[len(p) :]) for p in prefixes)


class SnsVerifier:
    """Decides whether a message comes from a configured topic, is recent, and was signed by AWS."""

    def __init__(self, settings: SnsTrigger, fetch: Fetch, clock: Clock = utc_now) -> None:
        """`fetch` reads a certificate's URL after it was checked; it may block."""
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._certificates: dict[str, Certificate] = {}
        self._lock = threading.Lock()

    def verify(self, message: SnsMessage) -> None:
        """Return only for a genuine message. May block on reading a certificate.

        Raises:
            Refused: 403 with the reason.
            Failure: the certificate cannot be read now.
        """
        self._check_topic(message)
        self._check_time(message)
        if message["SignatureVersion"] not in HASHES:
            raise Refused(403, "Unknown SNS signature version.", field="SignatureVersion", remedy="Use 1 or 2.")
        try:
            signature = base64.b64decode(message["Signature"], validate=True)
        except binascii.Error as error:
            raise Refused(403, "The SNS signature is not base64.", field="Signature") from error
        key = self._certificate(message["SigningCertURL"]).public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_KEY_BITS:
            raise Refused(403, "The SNS signing certificate has no strong RSA key.", field="SigningCertURL")
        algorithm = HASHES[message["SignatureVersion"]]()
        try:
            key.verify(signature, canonical(message), padding.PKCS1v15(), algorithm)
        except InvalidSignature as error:
            raise Refused(403, "The SNS signature does not fit the message.", field="Signature") from error

    def subscribe_url(self, message: SnsMessage) -> str:
        """The URL that confirms a subscription, when it is one that may be opened.

        Raises:
            Refused: 403.
        """
        url = message["SubscribeURL"]
        if not _within(url, self._settings.certificate_hosts, AWS_SUBSCRIBE, OTHER_SUBSCRIBE):
            raise Refused(403, "The SubscribeURL does not lead to SNS.", field="SubscribeURL")
        return url

    def confirm(self, message: SnsMessage) -> None:
        """Confirm the subscription of a verified message. Blocks. Raises Refused or Failure."""
        self._fetch(self.subscribe_url(message))

    def _check_topic(self, message: SnsMessage) -> None:
        if message["TopicArn"] not in self._settings.topics:
            raise Refused(
                403, "This topic is not accepted.", field="TopicArn",
                remedy="Add its ARN to triggers.sns.topics.",
            )  # fmt: skip

    def _check_time(self, message: SnsMessage) -> None:
        sent, now = stamp(message["Timestamp"]), self._clock()
        if sent is None or not now - REPLAY_WINDOW <= sent <= now + CLOCK_SKEW:
            raise Refused(
                403, "The SNS message is not from the last hour.", field="Timestamp",
                remedy="Check this machine's clock; older deliveries are refused.",
            )  # fmt: skip

    def _certificate(self, url: str) -> Certificate:
        """The certificate behind a checked URL, read once."""
        if not _within(url, self._settings.certificate_hosts, AWS_CERTIFICATE, OTHER_CERTIFICATE):
            raise Refused(
                403, "The signing certificate is not served by SNS.", field="SigningCertURL",
                remedy="Only sns.<region>.amazonaws.com and triggers.sns.certificate_hosts may serve it.",
            )  # fmt: skip
        with self._lock:
            found = self._certificates.get(url)
        if found is None:
            try:
                found = load_pem_x509_certificate(self._fetch(url))
            except ValueError as error:
                raise Refused(403, "The signing certificate is not readable.", field="SigningCertURL") from error
            with self._lock:
                while len(self._certificates) >= CERTIFICATES_KEPT:
                    self._certificates.pop(next(iter(self._certificates)))
                self._certificates[url] = found
        if not found.not_valid_before_utc <= self._clock() <= found.not_valid_after_utc:
            raise Refused(403, "The signing certificate is not valid now.", field="SigningCertURL")
        return found


def parse_notification(message: SnsMessage, site: Site, now: datetime) -> Alert | Ignored:
    """The alert in a verified notification; MessageId makes a redelivery recognisable.

    Raises:
        Refused: 4xx when the message is not a CloudWatch alarm.
    """
    change = from_notification(json_object(message["Message"], "Message"))
    return to_alert(change, external_id=message["MessageId"], via="sns", site=site, now=now, raw=message["Message"])
