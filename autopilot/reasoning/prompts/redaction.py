"""Secrets and personal data are masked before a text leaves the process; readers see only people again."""

import re
from dataclasses import dataclass, field

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)),
    ("key", re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b")),
    ("token", re.compile(r"\bey[JK][\w-]{8,}\.[\w-]{8,}\.[\w-]*")),
    ("token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,})")),
    ("token", re.compile(r"\bxox[abeoprs]-[\w-]{8,}|\bxapp-[\w-]{8,}")),
    ("token", re.compile(r"\b(?:sk|pk|rk)[-_](?:live_|test_|proj-)?[A-Za-z0-9_-]{16,}")),
    ("token", re.compile(r"(?i)\b(?:bearer|basic)\s+[\w.+/=~-]{8,}")),
    ("secret", re.compile(r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)")),
    (
        "secret",
        re.compile(
            r"(?i)(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|authorization|credential)s?"
            r"[\"']?\s*(?:=|:|=>)\s*(?:\"[^\"]+\"|'[^']+'|[^\s,;&}\"']+)"
        ),
    ),
    ("email", re.compile(r"\b[\w.%+-]+@[\w-]+(?:\.[\w-]+)+\b")),
    ("card", re.compile(r"\b\d(?:[ -]?\d){12,18}\b")),
)
PERSONAL = frozenset({"email", "ip"})
"""What a reader may see again; credentials stay masked wherever a text goes."""
_IP = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{1,4}\b")


def _card(digits: str) -> bool:
    """Luhn's check, so that long identifiers and timestamps are not taken for cards."""
    plain = [int(c) for c in digits if c.isdigit()]
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(reversed(plain))]
    return len(set(plain)) > 1 and sum(doubled) % 10 == 0


@dataclass
class Redaction:
    """One conversation's masking: the same secret always gets the same mask."""

    ips: bool = False
    """Mask IP addresses too."""
    _masks: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    def _mask(self, kind: str, secret: str) -> str:
        if secret not in self._masks:
            number = sum(1 for m in self._masks.values() if m.startswith(f"[{kind}-")) + 1
            self._masks[secret] = f"[{kind}-{number}]"
        return self._masks[secret]

    def mask(self, text: str) -> str:
        """The text without keys, tokens, passwords, addresses of people and card numbers."""
        patterns = (*_PATTERNS, ("ip", _IP)) if self.ips else _PATTERNS
        for kind, pattern in patterns:

            def replace(match: re.Match[str], kind: str = kind) -> str:
                secret = match.group()
                return self._mask(kind, secret) if kind != "card" or _card(secret) else secret

            text = pattern.sub(replace, text)
        return text

    def restore(self, text: str) -> str:
        """Put back addresses of people and machines, for readers inside the team; credentials never."""
        for secret, mask in sorted(self._masks.items(), key=lambda pair: len(pair[1]), reverse=True):
            if mask[1:].partition("-")[0] in PERSONAL:
                text = text.replace(mask, secret)
        return text

    @property
    def count(self) -> int:
        """How many different secrets were masked."""
        return len(self._masks)
