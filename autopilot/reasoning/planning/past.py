"""What happened before when somebody did the same: records of similar incidents and our own outcomes. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from autopilot.incident.base import clean
from autopilot.incident.diagnosis import PlantedOrder
from autopilot.incident.finding import Dossier, Finding
from autopilot.incident.plan import Step
from autopilot.reasoning.judging.precedent import about_incidents
from autopilot.reasoning.judging.tokens import CITED

TrackRecord = Callable[[str, str], tuple[int, int]]
"""(service, tool) → (times it worked, times it was tried)."""

RECORD_WEIGHT = 0.05
"""What one similar incident adds or takes; two count at most."""
TRACK_WEIGHT = 0.3
QUOTED = 110
"""Characters of a record that are quoted."""

_DONE: dict[str, str] = {
    "capacity": r"capacity|\brcu\b|\bwcu\b|provision",
    "scal": r"auto.?scal|scal(e|ed|ing)",
    "rollback": r"roll(ed)?.?back|revert",
    "restart": r"restart|reboot|redeploy",
    "force_deployment": r"restart|redeploy|fresh tasks",
    "reboot": r"restart|reboot",
    "concurrency": r"concurrency",
}
"""Part of a tool's name → how a person's record says that it was done."""
_IN_VAIN = re.compile(
    r"did(?:n'?t| not) (?:help|work)|no (?:effect|help)\b|in vain|made (?:it|things) worse"
    r"|without (?:success|effect)",
    re.IGNORECASE,
)
_SOLVED = re.compile(r"solved by:?|resolution:?", re.IGNORECASE)
_UNTOLD = re.compile(r"chosen:|(?!worked:|did not help:).*\b[a-z]\w*\.[a-z]\w+ on \S")
"""What was merely chosen, and a tool whose verdict is not told or was cut off."""
_NOT_DONE = re.compile(r"(?:\b(?:not|never|avoid|without|cannot|no)\b|n'?t\b)[^,.:!?]{0,30}$", re.IGNORECASE)
"""Before what was done, that it was not or shall not be; before a denial, that it is none."""
_OWN = "knowledge:"
"""How the ids of our own past incidents begin."""
_OWN_ROW = re.compile(rf"(?<!\S){_OWN}\S+ \(\d{{4}}-.*?(?=; \S+ \(\d{{4}}-|$)")


@dataclass(frozen=True)
class Past:
    """What the past says about a step."""

    bonus: float = 0.0
    finding_ids: tuple[str, ...] = ()
    sentence: str = ""


def past_of(step: Step, dossier: Dossier, planted: tuple[PlantedOrder, ...], track: TrackRecord | None) -> Past:
    """Similar incidents and our own outcomes of a step's tool on its service, as bonus or malus and in words.

    Records in which orders were found planted do not count: whoever wrote them wants something.
    Where the track record speaks, our own past incidents are in it and do not count a second time as records.
    """
    withheld = {i for order in planted for i in CITED.findall(order.where)}
    worked, tried = track(step.service, step.tool) if track else (0, 0)
    said = ((f, _helped(step.tool, _text(f, ours=not tried))) for f in _records(step, dossier))
    told = [(f, helped) for f, helped in said if helped is not None]
    counted = [(f, helped) for f, helped in told if f.id not in withheld][:2]
    bonus = sum(RECORD_WEIGHT if helped else -RECORD_WEIGHT for _, helped in counted)
    clauses = [
        f"it {'helped' if helped else 'did not help'} in a similar incident ({f.id}: {clean(f.summary, QUOTED)})"
        for f, helped in counted
    ]
    if tried:
        # Laplace's rule: few tries move the score little.
        bonus += TRACK_WEIGHT * ((worked + 1) / (tried + 2) - 0.5)
        clauses.append(f"worked {worked} of {tried} times here")
    return Past(bonus, tuple(f.id for f, _ in counted), "; ".join(clauses))


def _records(step: Step, dossier: Dossier) -> list[Finding]:
    return [f for f in dossier.findings if about_incidents(f) and f.service == step.service]


def _text(finding: Finding, *, ours: bool) -> str:
    """What a record says; without our own past incidents unless they are wanted."""
    if ours:
        return finding.summary
    own = finding.provenance.query.removeprefix("record ").startswith(_OWN)
    return "" if own else _OWN_ROW.sub("", finding.summary)


def _helped(tool: str, text: str) -> bool | None:
    """Whether a record says that the tool, or what it does, helped; None when it says nothing about it."""
    exact = re.search(rf"\b(worked|did not help): {re.escape(tool)} on ", text)
    if exact is not None:
        return exact[1] == "worked"
    patterns = [pattern for word, pattern in _DONE.items() if word in tool.lower()]
    if not patterns:
        return None
    done = re.compile("|".join(patterns), re.IGNORECASE)
    for clause in text.split(";"):
        said = _SOLVED.split(clause)[-1].strip()
        found, vain = done.search(said), _IN_VAIN.search(said)
        if not found or "?" in said or _UNTOLD.match(said) or _NOT_DONE.search(said[: found.start()]):
            continue
        if not (vain and _NOT_DONE.search(said[: vain.start()])):
            return not vain
    return None
