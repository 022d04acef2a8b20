"""Secrets and personal data are masked before a text leaves the process; readers see only people again."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from autopilot.incident.invisible import without_invisible
from autopilot.reasoning.prompts.secrets import IP, PATTERNS, card, encoded_secrets, vendor_secrets

PERSONAL = frozenset({"email", "ip", "phone", "card", "nationalid"})
"""What a reader may see again; credentials stay masked wherever a text goes."""
_BETWEEN = re.compile(r"[\s\"'+\\,]")
"""What lines and programs put between the pieces of a credential: with or without, it is the same one."""
_MASK = re.compile(r"\[[a-z]+-[0-9a-f]{6,}\]")


@dataclass
class Redaction:
    """The masking of one incident: the same secret always gets the same mask, in every prompt and turn.

    A mask holds a keyed digest instead of a number, so that nothing has to be remembered between prompts: the key
    is the incident's id, which no prompt shows.
    """

    ips: bool = False
    """Mask IP addresses too."""
    key: str = ""
    """The incident's id."""
    _secrets: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """Mask → what it stands for."""

    def _mask(self, kind: str, secret: str) -> str:
        if kind not in PERSONAL:
            secret = _BETWEEN.sub("", secret)
        digest = hmac.new(self.key.encode(), secret.encode(), hashlib.sha256).hexdigest()
        length = 6
        while self._secrets.setdefault(mask := f"[{kind}-{digest[:length]}]", secret) != secret:
            length += 1
        return mask

    def mask(self, text: str) -> str:
        """The text without keys, tokens, passwords, and what identifies people; masks in it stay as they are.

        Keys are found too where they were wrapped over lines, cut into quoted pieces or written in base64.
        """
        text = without_invisible(text)
        for kind, pattern in (*PATTERNS, ("ip", IP)) if self.ips else PATTERNS:

            def replace(match: re.Match[str], kind: str = kind) -> str:
                label = match.groupdict().get("label", "")
                secret = match[0][len(label) :]
                spared = _MASK.fullmatch(secret) or (kind == "card" and not card(secret))
                return match[0] if spared else label + self._mask(kind, secret)

            text = pattern.sub(replace, text)
        for secret in sorted({*vendor_secrets(text), *encoded_secrets(text)}, key=lambda s: (-len(s), s)):
            text = text.replace(secret, self._mask("secret", secret))
        return text

    def restore(self, text: str) -> str:
        """Put back what identifies people and machines, for readers inside the team; credentials never."""

        def original(mask: re.Match[str]) -> str:
            personal = mask[0][1:].partition("-")[0] in PERSONAL
            return self._secrets.get(mask[0], mask[0]) if personal else mask[0]

        return _MASK.sub(original, text)

    @property
    def count(self) -> int:
        """How many different secrets were masked."""
        return len(self._secrets)
