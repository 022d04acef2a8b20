"""What a probe was asked, kept out of what it answered: no author's words become evidence by being asked for."""

import re
from collections.abc import Mapping

from autopilot.incident.base import Scalar
from autopilot.incident.finding import Finding
from autopilot.incident.investigation import ProbeResult
from autopilot.reasoning.judging.proofs import is_usual

INSTEAD = "what was asked for"
_FREE = ("text", "metric", "operation", "callee", "peer", "change", "setting", "region")
"""Arguments that an author fills freely."""


def unechoed(result: ProbeResult) -> ProbeResult:
    """The result without the author's own words, where the data does not have them.

    An answer such as `no line contains "the disk of zebra-7 burns"` is true, and yet would carry the invention to
    readers, and into the evidence that a later statement may cite. Usual words such as `connection` stay.
    """
    if result.outcome not in ("absent", "unknown"):
        return result
    words = [value for value in _written(result.probe.arguments) if not is_usual(value)]
    if not words:
        return result
    pattern = re.compile(
        "|".join(f"[\"']?{re.escape(w)}[\"']?" for w in sorted(words, key=len, reverse=True)), re.IGNORECASE
    )

    def kept(text: str) -> str:
        return pattern.sub(INSTEAD, text)

    def cleaned(finding: Finding) -> Finding:
        asked = finding.provenance.model_copy(update={"query": kept(finding.provenance.query)})
        return finding.model_copy(update={"summary": kept(finding.summary), "provenance": asked})

    findings = tuple(cleaned(f) for f in result.findings)
    return result.model_copy(update={"summary": kept(result.summary), "findings": findings})


def _written(arguments: Mapping[str, Scalar]) -> list[str]:
    given = (str(arguments.get(name) or "").strip() for name in _FREE)
    return [text for value in given if value for text in {value, value[:60]}]
