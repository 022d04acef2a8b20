"""Failures of a whole cloud service, answered in the words of the protocol the caller speaks."""

import json
from dataclasses import dataclass

from demo.cloud.wire import Request

CODES = {400: "ThrottlingException", 429: "ThrottlingException", 403: "AccessDeniedException"}


@dataclass(frozen=True)
class Outage:
    """How a service fails."""

    status: int
    code: str
    message: str

    @staticmethod
    def of(status: int) -> "Outage":
        """The usual failure of a status: throttling for 400 and 429, denied for 403, else unavailable."""
        code = CODES.get(status, "ServiceUnavailable" if status == 503 else "InternalFailure")
        return Outage(status, code, "Rate exceeded" if status in (400, 429) else "The service is not available.")

    def answer(self, request: Request) -> tuple[bytes, dict[str, str]]:
        """Body and headers."""
        if request.is_cbor:
            body = b"\xa2" + b"".join(map(_cbor, ("__type", self.code, "message", self.message)))
            return body, {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        if "form-urlencoded" in request.headers.get("content-type", ""):
            text = (
                "<ErrorResponse><Error><Type>Receiver</Type>"
                f"<Code>{self.code}</Code><Message>{self.message}</Message></Error></ErrorResponse>"
            )
            return text.encode(), {"content-type": "text/xml"}
        document = {"__type": self.code, "message": self.message}
        return json.dumps(document).encode(), {"content-type": "application/json", "x-amzn-errortype": self.code}


def _cbor(text: str) -> bytes:
    """A CBOR text string of less than 256 bytes."""
    raw = text.encode()
    return (bytes([0x60 + len(raw)]) if len(raw) < 24 else bytes([0x78, len(raw)])) + raw
