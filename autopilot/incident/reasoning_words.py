"""How a conclusion was reached, in words for people: tests, questions, dropped statements, planted orders. Pure.

A dropped statement is never repeated to readers, nor is its invention as part of a reason: they learn how many were
dropped and why. The statements themselves stay in the stored diagnosis.
"""

import re
from collections import Counter
from collections.abc import Iterable

from autopilot.incident.base import clean
from autopilot.incident.diagnosis import Diagnosis, DroppedClaim, Hypothesis, PlantedOrder, Trial
from autopilot.incident.investigation import Investigation, ProbeName, ProbeOutcome, ProbeResult
from autopilot.incident.wording import certainty

_TESTED = {"held": "passed", "refuted": "failed", "silent": "not possible"}
_REASONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"^finding \S+ does not exist", "a finding that does not exist"),
        (r"outside the incident's window", "a finding of another time"),
        (r"no neighbour of", "a finding about another place"),
        (r"^nothing is cited", "nothing cited"),
        (r"^the number ", "a number that what it cites does not have"),
        (r"^the (?:time|date) ", "a time that what it cites does not have"),
        (r"^the (?:name|word) ", "a name that what it cites does not have"),
        (r"^the quotation ", "a quotation that what it cites does not have"),
        (r"^the (?:service|change) .* occurs in no finding$", "a service or change that no finding knows"),
        (r"^nothing that is cited is about", "something that what it cites is not about"),
        (r"is not what is cited$", "a service that what it cites is not about"),
        (r"^it denies|^nothing that is cited|^what is cited says", "the opposite of what it cites"),
        (r"came after .* cannot be its cause$", "a cause that came after its effect"),
        (r"^it carries an address", "an address, a link or a mention"),
    )
)
_OTHER = "no support"
_ASKED: dict[ProbeName, str] = {
    "metric": "metrics", "logs": "log lines", "trace": "calls", "deploy_diff": "changes", "database": "databases",
    "network": "connections", "settings": "limits", "similar_incidents": "past incidents",
    "neighbours": "neighbours",
}  # fmt: skip
_ANSWERED: dict[ProbeOutcome, str] = {
    "rose": "more than usual", "fell": "less than usual", "unchanged": "as usual", "present": "found",
    "absent": "nothing found", "unknown": "no data",
}  # fmt: skip


def standing_words(hypothesis: Hypothesis) -> str:
    """How an explanation stands, and how sure that is: `confirmed, 81% (fitted on 40 outcomes)`."""
    return f"{hypothesis.standing}, {certainty(hypothesis)}"


def trial_words(trial: Trial) -> str:
    """A test and what came out, in one line; says when a follow-up query made it."""
    asked = f", probe {trial.probe}" if trial.probe else ""
    return f"[{_TESTED[trial.outcome]}{asked}] {trial.text}"


def telling_tests(hypothesis: Hypothesis, most: int) -> tuple[Trial, ...]:
    """The tests to see first: those that refute, then those that were passed and could have refuted."""
    weight = {"refuted": 0, "held": 1, "silent": 2}
    ordered = sorted(hypothesis.tests, key=lambda t: (weight[t.outcome], not t.decisive))
    return tuple(ordered[:most])


def trials_words(hypothesis: Hypothesis) -> str:
    """How many tests came out how: `3 tests passed, 1 not possible`; empty when there were none."""
    counted = Counter(t.outcome for t in hypothesis.tests)
    said = [f"{counted[outcome]} {words}" for outcome, words in _TESTED.items() if counted[outcome]]
    return f"tests: {', '.join(said)}" if said else ""


def reason_words(claim: DroppedClaim) -> str:
    """Why a statement was dropped, without a word of what it invented."""
    return next((words for pattern, words in _REASONS if pattern.search(claim.reason)), _OTHER)


def reasons_words(claims: Iterable[DroppedClaim], most: int = 4) -> str:
    """The reasons, the commonest first: `2 with a number that what it cites does not have, 1 with no support`."""
    counted = Counter(reason_words(claim) for claim in claims).most_common()
    shown = [f"{count} with {words}" for words, count in counted[:most]]
    rest = sum(count for _, count in counted[most:])
    return ", ".join([*shown, *([f"{rest} for other reasons"] if rest else [])])


def dropped_words(diagnosis: Diagnosis) -> str:
    """How many statements were dropped, and why; empty when none was."""
    lost = max(diagnosis.dropped, len(diagnosis.dropped_claims))
    if not lost:
        return ""
    of = f" of {diagnosis.claims}" if diagnosis.claims >= lost else ""
    why = reasons_words(diagnosis.dropped_claims)
    return clean(
        f"{lost}{of} statement{'' if lost == 1 and not of else 's'} dropped{': ' if why else ''}{why}", 400
    )


def planted_words(diagnosis: Diagnosis) -> str:
    """The warning about text that tries to give orders; empty when none was found."""
    if not diagnosis.planted:
        return ""
    places = list(dict.fromkeys(order.where for order in diagnosis.planted))
    more = f" and {len(places) - 2} more places" if len(places) > 2 else ""
    shown = "; ".join(places[:2])
    return clean(f"Somebody may be trying to give orders: {shown}{more}. Nothing of it was obeyed.", 400)


def order_words(order: PlantedOrder) -> str:
    """One planted order: where it stands, what gives it away, and its text as text."""
    return clean(f"{order.where} ({order.why}): {order.excerpt}", 400)


def stopped_words(diagnosis: Diagnosis) -> str:
    """Why testing ended; empty when that is not known."""
    return f"No further test: {diagnosis.stopped}" if diagnosis.stopped else ""


def question_words(result: ProbeResult) -> str:
    """One follow-up query and what came of it. The place is named as the data names it, not as it was asked for."""
    place = next((f" of {f.service}" for f in result.findings if f.service), "")
    cited = f" ({', '.join(f.id for f in result.findings)})" if result.findings else ""
    return clean(f"{result.probe.id} {_ASKED[result.probe.name]}{place}: {_ANSWERED[result.outcome]}{cited}", 200)


def questions_words(investigation: Investigation | None, most: int = 8) -> list[str]:
    """The follow-up queries that were made, in their order."""
    return [question_words(result) for result in (investigation.results if investigation else ())[:most]]
