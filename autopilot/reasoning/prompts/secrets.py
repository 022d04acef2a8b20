"""What a secret looks like: patterns of keys, tokens, passwords and of what identifies a person."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module

from autopilot.reasoning.prompts.readings import decoded_base64

_GAP = r"(?:[\s\"'+\\,\u200b-\u200f\u00ad]{0,8})"
"""What may stand between two halves of a key that a program or a log wrapped."""


def _split(prefix: str, letters: str, count: int) -> str:
    """A key of a fixed form, also when it was cut in pieces by line ends, quotes or plus signs."""
    return _GAP.join(re.escape(c) for c in prefix) + f"(?:{_GAP}{letters}){{{count}}}"


_AWS_IDS = "|".join(_split(prefix, "[A-Z0-9]", 16) for prefix in ("AKIA", "ASIA", "AROA", "AIDA", "ABIA", "ACCA"))
_LABEL = (
    r"(?:(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|(?:api|access|private|account)[_-]?key|authorization"
    r"|credential|session[_-]?id|cookie|connection[_-]?string)(?:s|[_-](?:key|value|hash|string))?"
    r"|\ube44\ubc00\ubc88\ud638|\uc554\ud638|\ud1a0\ud070"
    r"|\u30d1\u30b9\u30ef\u30fc\u30c9|\u6697\u8a3c\u756a\u53f7|\u5bc6[\u7801\u78bc]|\u53e3\u4ee4|\u4ee4\u724c"
    r"|\u043f\u0430\u0440\u043e\u043b\u044c|contrase[n\u00f1]a|(?:pass|kenn)wort|senha|mot de passe)"
)
"""A name after which a secret stands; in Korean, Japanese, Chinese, Russian and European languages at the end."""
_VALUE = (
    r"(?!\[[a-z]+-[0-9a-f]{6,64}\]|\d{1,6}(?![\w-])|(?:true|false|null|none)\b)"
    r"(?:(?<=\")[^\"\n]{1,300}|(?<=')[^'\n]{1,300}|[^\s,;&|}\"'\\]{1,300})"
)
"""What stands after such a name; no mask, and nothing that is only a count or a switch."""

PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END)[\w+/=\s\\:,.\"'-]){0,8000}"
            r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)?"
        ),
    ),
    ("key", re.compile(rf"(?<![A-Za-z0-9])(?:{_AWS_IDS})(?![A-Za-z0-9])")),
    ("key", re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{6,15}(?=\u2026)")),
    ("token", re.compile(r"\bey[JK][\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?")),
    ("token", re.compile(_split("ghp_", "[A-Za-z0-9]", 36))),
    ("token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{8,}|github_pat_\w{8,}|gl(?:pat|dt|ft|soat|rt)-[\w-]{12,})")),
    ("token", re.compile(r"\bxox[abeoprs][-.][\w-]{8,}|\bxapp-[\w-]{8,}|hooks\.slack\.com/services/[\w/]+")),
    ("token", re.compile(r"\b(?:sk|pk|rk)[-_](?:live_|test_|proj-|ant-)?[A-Za-z0-9_-]{16,}")),
    ("token", re.compile(r"\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}|\bhf_[A-Za-z0-9]{20,}|\bnpm_[A-Za-z0-9]{20,}")),
    ("token", re.compile(r"(?i)\b(?:bearer|basic)\s+[\w.+/=~-]{8,}")),
    ("token", re.compile(r"(?i)[?&](?:x-amz-(?:signature|security-token|credential)|sig|signature)=[^\s&\"']+")),
    ("token", re.compile(r"\b(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9+/=]{20,}")),
    (
        "token",
        re.compile(
            r"\b(?:glsa_\w{20,}|dt0[a-z]\d\d\.[A-Z0-9]{24}(?:\.[A-Z0-9]{8,})?|NRAK-[A-Z0-9]{20,}|whsec_\w{20,}"
            r"|GOCSPX-[\w-]{20,}|dapi[0-9a-f]{32}|dop_v1_[0-9a-f]{32,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"
            r"|hv[sbr]\.[\w-]{20,}|AT[AC]TT[\w=-]{20,})"
        ),
    ),
    ("secret", re.compile(r"(?<=://)[^\s/:@]{0,100}:[^\s/\"'|<>]{1,200}(?=@)")),
    (
        "secret",
        re.compile(
            rf"(?i)(?P<label>{_LABEL}[\\\"']{{0,4}}\s{{0,4}}(?:=>|:=|=|:|\uff1a|\uff1d)\s{{0,4}}[\\\"']{{0,4}}"
            rf"(?:(?:bearer|basic)\s+)?){_VALUE}"
        ),
    ),
    # On a command line, and as an element of XML, also where a fence has made round brackets of the angles.
    ("secret", re.compile(rf"(?i)(?P<label>(?<![\w-])--?[\w-]{{0,30}}?{_LABEL}\s{{1,4}}[\"']?)(?!-){_VALUE}")),
    (
        "secret",
        re.compile(
            r"(?P<label>\bcurl\b[^\n|]{0,200}?\s(?:-u|--user)[\s=]{0,3}[\"']?[^\s:\"'|]{1,64}:)"
            r"(?!\[secret-)[^\s\"'|]{1,200}"
        ),
    ),
    (
        "secret",
        re.compile(
            rf"(?i)(?P<label>[<(](?P<tag>[\w.:-]{{0,40}}{_LABEL})[>)])(?!\[secret-)[^<()|\n]{{1,300}}(?=[<(]/(?P=tag)[>)])"
        ),
    ),
    ("email", re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}(?!\w)")),
    ("nationalid", re.compile(r"(?<![\d-])\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\s?-\s?[1-8]\d{6}(?!\d)")),
    ("nationalid", re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")),
    (
        "card",
        re.compile(r"(?<![\d.-])(?:\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5})(?!\d)"),
    ),
    ("phone", re.compile(r"(?<![\w.+-])\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}(?![\w-])")),
    ("phone", re.compile(r"(?<![\w.-])0(?:1[016789]|2|[3-6]\d)[ -]\d{3,4}[ -]\d{4}(?![\w-])")),
    ("phone", re.compile(r"(?<![\w.-])\(?[2-9]\d{2}\)?[ .-][2-9]\d{2}[.-]\d{4}(?![\w-])")),
)
"""Kind → what it looks like. Credentials come first: what they take is no longer looked at."""

_GROUPS = r"[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,6}"
IP = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d\.)|(?<![\w-])ip(?:-\d{1,3}){4}(?![\w-])"
    rf"|(?<![\w:])(?:{_GROUPS}::(?:{_GROUPS})?|::{_GROUPS}|(?:[0-9a-fA-F]{{1,4}}:){{3,7}}[0-9a-fA-F]{{1,4}})(?![\w:])"
)
"""An address of either version, shortened too, and the name that a cloud makes of one."""
VENDORS = {
    "azure_storage_key": "AzureStorageKeyDetector",
    "discord": "DiscordBotTokenDetector",
    "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "square_oauth": "SquareOAuthDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}
"""Plugins of detect-secrets whose formats a vendor fixes. Its entropy and keyword plugins take trace ids and plain
settings for secrets, and its way of scanning files may ask the vendor: neither is used."""
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")


def card(digits: str) -> bool:
    """Luhn's check and a length of cards, so that long identifiers and timestamps are not taken for cards."""
    plain = [int(c) for c in digits if c.isdigit()]
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(reversed(plain))]
    return len(set(plain)) > 1 and sum(doubled) % 10 == 0


@lru_cache(1)
def _vendors() -> tuple[Callable[[str], Iterator[str]], ...]:
    """The detectors, imported at the first use: the package brings an HTTP client, which nothing here calls."""
    found: list[Callable[[str], Iterator[str]]] = []
    for module, detector in VENDORS.items():
        kind = getattr(import_module(f"detect_secrets.plugins.{module}"), detector)
        found.append(kind().analyze_string)
    return tuple(found)


def vendor_secrets(text: str) -> set[str]:
    """Tokens of vendors whose formats detect-secrets knows."""
    return {found.strip() for analyze in _vendors() for found in analyze(text) if len(found.strip()) >= 8}


def encoded_secrets(text: str) -> Iterator[str]:
    """Words of base64 that hold a credential."""
    for word in dict.fromkeys(_ENCODED.findall(text)):
        inside = decoded_base64(word)
        if inside and any(
            pattern.search(inside) for kind, pattern in PATTERNS if kind in ("key", "token", "secret")
        ):
            yield word
