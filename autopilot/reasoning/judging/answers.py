"""Tests of a hypothesis made from what probes found.

Code, not the author of a hypothesis, says what an answer proves.
"""

from collections.abc import Sequence

from autopilot.incident.diagnosis import Trial
from autopilot.incident.investigation import ProbeResult
from autopilot.reasoning.judging.claim import Claim


def answers_for(claim: Claim, results: Sequence[ProbeResult]) -> tuple[Trial, ...]:
    """The tests of a claim that were made by probes, in the order in which they were asked."""
    return tuple(
        Trial(text=result.summary, outcome="silent", probe=result.probe.id)
        for result in results
        if result.outcome == "unknown" and claim.service in (result.probe.arguments.get("service"), None)
    )
