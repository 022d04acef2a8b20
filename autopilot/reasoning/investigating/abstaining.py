"""Saying that the evidence does not decide, or that nothing is wrong: a result with its own next steps."""

from collections.abc import Sequence

from autopilot.incident.diagnosis import Hypothesis
from autopilot.incident.finding import Dossier
from autopilot.reasoning.judging.abstention import ways_out
from autopilot.reasoning.judging.verdict import BLINDING

_MEASURED = ("metrics", "logs", "traces")
"""Sources of gaps that analysis names itself when a whole kind of measurement is missing."""


def quiet(dossier: Dossier) -> bool:
    """Whether analysis found no symptom: nothing began, nothing is suspected. What varies elsewhere is noise."""
    return dossier.onset is None and not dossier.suspects


def unmeasured(dossier: Dossier) -> tuple[str, ...]:
    """What was not measured, so that silence about it means nothing."""
    lost = [g.source for g in dossier.gaps if g.kind in BLINDING]
    return tuple(dict.fromkeys([*(g.source for g in dossier.gaps if g.source in _MEASURED), *lost]))


def healthy(dossier: Dossier) -> bool:
    """Whether what was measured looks as always, and metrics and logs really were measured."""
    return quiet(dossier) and not {"metrics", "logs"} & set(unmeasured(dossier)) and not _blinded(dossier)


def nothing_to_blame(dossier: Dossier, service: str) -> Hypothesis:
    """The hypothesis that stands when no explanation does. It stays inconclusive: nobody is blamed."""
    if healthy(dossier):
        statement = (
            f"Nothing is wrong with {service} as far as it was measured: its metrics and logs of the incident "
            "window look as they did before."
        )
    elif quiet(dossier):
        lost = ", ".join(unmeasured(dossier)[:5]) or "measurements"
        statement = f"What is wrong with {service} cannot be told: nothing to look at ({lost} missing)."
    else:
        count = len(dossier.findings)
        statement = f"The evidence does not say what is wrong with {service}: {count} findings, no cause."
    sound = tuple(v.finding_id for v in dossier.versions if v.healthy and v.service == service)
    return Hypothesis(statement=statement, cause_kind="unknown", service=service, supporting=sound[:2])


def next_steps(best: Hypothesis | None, dossier: Dossier, service: str) -> tuple[str, ...]:
    """What a person should look at while the evidence does not decide; empty when it does."""
    if best is not None and best.stands:
        return ()
    if healthy(dossier):
        return (
            f"Check the alert itself: its threshold, its time window, and whether {service} had recovered before.",
            "Re-analyse with a hint if people still see trouble: name who sees it and where.",
        )
    return ways_out([best] if best else [], dossier, service)


def second_fault(hypotheses: Sequence[Hypothesis]) -> tuple[str, ...]:
    """What to do about an explanation that stands beside the first and rests on other evidence."""
    standing = [h for h in hypotheses if h.stands]
    for other in standing[1:]:
        first = standing[0]
        apart = other.service != first.service and not set(other.supporting) & set(first.supporting)
        if apart and not other.contradicting:
            return (
                f"Two faults may have come together: {other.cause_kind} at {other.service} stands beside "
                f"{first.cause_kind} at {first.service} on its own evidence; see whether it ends with the first.",
            )
    return ()


def _blinded(dossier: Dossier) -> bool:
    return any(g.kind in BLINDING for g in dossier.gaps)
