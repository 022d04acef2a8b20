"""Outside: failures of a host that is nobody's here, as a provider's outage shows in the logs of those who use it.

One service that cannot reach a provider may have itself to blame; several services that fail at the same host have
only the host in common.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from autopilot.analysis.clue import Clue, clock, make_finding
from autopilot.incident.finding import Provenance

_HOST = re.compile(
    r"\b(?:[a-z0-9](?:[a-z0-9-]{0,62})\.){1,6}(?:com|net|org|io|cloud|dev|co|ai|app|eu|us|uk|de|fr|jp|cn|in|gov)\b"
)
_OURS = re.compile(r"\.(svc|local|internal|cluster|lan|intra|corp)\b")
_REGION = re.compile(r"\b(?:af|ap|ca|eu|il|me|mx|sa|us)(?:-gov)?-(?:north|south|east|west|central)[a-z]{0,8}-?\d\b")
_DOWN = re.compile(
    r"\b50[0234]\b|service ?unavailable|internal ?(server ?)?error|slow ?down|bad gateway|gateway time|overloaded|"
    r"connection (refused|reset|timed)|unreachable|degraded|time[d]? ?out|econnre"
)
_ALONE = 0.5
"""What one service's complaints are worth: it may have itself to blame."""
_TOGETHER = 0.75
"""What it is worth that services which share nothing else fail there together."""
_MOST = 6


def outside_clues(clues: Sequence[Clue], services: Iterable[str]) -> list[Clue]:
    """A clue per host outside and service that fails there; at most six.

    Args:
        clues: Everything found; messages that newly fail count.
        services: Names of the services here; a host that carries one of them is not outside.
    """
    known = sorted(s.lower() for s in services if len(s) > 3)
    by_host: dict[str, list[Clue]] = defaultdict(list)
    for clue in clues:
        text = clue.mentions[:1_000].lower()
        if clue.signal != "log" or not clue.adverse or clue.onset is None or not _DOWN.search(text):
            continue
        for host in sorted({m.group(0) for m in _HOST.finditer(text)}):
            if not _OURS.search(host) and not any(name in host for name in known):
                by_host[host].append(clue)
    found = [_clue(host, own, writer) for host, own in sorted(by_host.items()) for writer in _writers(own)]
    return sorted(found, key=lambda c: (-c.score, c.onset or 0, c.service, c.finding.summary))[:_MOST]


def _writers(complaints: Sequence[Clue]) -> list[str]:
    return sorted({c.service for c in complaints})


def _clue(host: str, complaints: Sequence[Clue], writer: str) -> Clue:
    own = [c for c in complaints if c.service == writer]
    first = min(own, key=lambda c: (c.onset or 0, c.service, c.finding.summary))
    writers = _writers(complaints)
    regions = sorted({m.group(0) for c in complaints for m in _REGION.finditer(c.mentions.lower())})
    together = len(writers) > 1
    where = f" in {regions[0]}" if regions else ""
    who = f"{', '.join(writers[:4])} all fail" if together else f"{writers[0]} fails"
    finding = make_finding(
        "log",
        service=writer, region=regions[0] if regions else "", window=first.finding.window,
        onset=first.onset, uncertainty=first.uncertainty, direction="new", size=float(len(writers)),
        observed=float(len(writers)), unit="services", mechanism="provider_outage",
        score=_TOGETHER if together else _ALONE * max(c.score for c in complaints),
        summary=f"{who} at {host}{where}, a host outside, since {clock(first.onset or 0)}",
        provenance=Provenance(source="logs", query=f"failures that name {host}"[:1_000]),
    )  # fmt: skip
    return Clue(finding, "condition", first.onset, first.uncertainty, adverse=True)
