"""Names that could not be looked up, as software tells in its logs."""

import re
from collections.abc import Iterable

_LOST = re.compile(
    r"unknown_?host(?:exception)?:? \"?([\w.-]+)|lookup ([\w.-]+)(?: on [^ ]+)?: |"
    r"getaddrinfo \w+ ([\w.-]+)|could not resolve(?: host)?:? ['\"]?([\w.-]+)|"
    r"(?:host|name) ['\"]([\w.-]+)['\"] (?:not known|not found|could not)",
    re.IGNORECASE,
)
_MOST = 50


def lost_names(said: str, services: Iterable[str]) -> dict[str, list[str]]:
    """Names that could not be looked up: those of services that exist, and others.

    When the name of an existing service is lost, looking up fails; when it is that of none, the name may be wrong.
    """
    known = {service.lower() for service in services}
    found = sorted({name.lower().rstrip(".") for hit in _LOST.findall(said) for name in hit if name})[:_MOST]
    # A pod behind a headless service is called `pod.service`.
    existing = [name for name in found if known & set(name.split(".")[:2])]
    return {"existing": existing, "other": [name for name in found if name not in existing]}
