"""The gateway's seal on a decision: who decided what, about which plan, and when. Pure."""

import hashlib
import hmac
import json
from collections.abc import Sequence

from autopilot.incident.decision import DecisionSignal

SEALED_FIELDS = (
    "decision_id", "incident_id", "plan_revision", "plan_digest", "choice", "option",
    "comment", "actor", "actor_name", "channel", "at",
)  # fmt: skip
"""Everything that counts; of the comment its SHA-256."""
KEY_ID = 8
"""Hex digits of a key's own SHA-256 that name it in a seal."""


class Keyring:
    """The key that seals, and former ones that are still believed while keys are exchanged."""

    def __init__(self, key: bytes, former: Sequence[bytes] = ()) -> None:
        """Raises ValueError for an empty key: anybody could seal with it."""
        if not all((key, *former)):
            raise ValueError("A seal key is empty; set AUTOPILOT_SEAL_KEY to a long random text.")
        self._key = key
        self._keys = {_key_id(one): one for one in (*former, key)}

    def sealed(self, signal: DecisionSignal) -> DecisionSignal:
        """The signal with the seal of the present key, as `<key id>:<HMAC-SHA256>`."""
        key_id = _key_id(self._key)
        return signal.model_copy(update={"seal": f"{key_id}:{_mac(signal, key_id, self._key)}"})

    def vouches(self, signal: DecisionSignal) -> bool:
        """Whether the signal carries the seal of a known key, and nothing was changed since."""
        key_id, _, mac = signal.seal.partition(":")
        key = self._keys.get(key_id)
        return (
            key is not None
            and mac.isascii()
            and hmac.compare_digest(mac.encode(), _mac(signal, key_id, key).encode())
        )


def _key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:KEY_ID]


def _mac(signal: DecisionSignal, key_id: str, key: bytes) -> str:
    fields = {name: str(getattr(signal, name)) for name in SEALED_FIELDS}
    fields |= {"comment": hashlib.sha256(signal.comment.encode(errors="replace")).hexdigest(), "key": key_id}
    return hmac.new(key, json.dumps(fields, sort_keys=True).encode(), hashlib.sha256).hexdigest()
