"""What a sentence says of a measured quantity: of which series, in which order, and whether it denies it. Pure.

A number that was measured is no proof of the sentence around it: it may be another series' or place's, have been
the level before, or be denied.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from autopilot.incident.finding import Finding
from autopilot.reasoning.judging.evidence import Evidence, levels
from autopilot.reasoning.judging.lexicon import stem
from autopilot.reasoning.judging.measured import HEDGE, told
from autopilot.reasoning.judging.quantities import Quantity, quantities, same
from autopilot.reasoning.judging.sentences import plain
from autopilot.reasoning.judging.tokens import names

_MOVED = (
    r"(?:increase|decrease|decline)[sd]?|(?:climb|jump|reach|exceed|last|fail)(?:s|ed)?|drop(?:s|ped)?|be|been|being"
    r"|is|are|was|were|has|have|had|get|got|go|goes|gone|went|rise|rises|risen|rose|grow|grows|grown|grew|fall|falls"
    r"|fell|fallen|hit|hits|equals?|become|became|take|took|lose|lost|of|in|to|at|by|from|up|down|above|below|under"
    rf"|over|even|exactly|{HEDGE}|the|its|an?|any"
)
"""Words that may stand between a series, or a denial, and its number."""
_NOT = re.compile(
    rf"(?:\b(?:not|never|no|none|cannot|neither|nor|without)|n't)(?:\s+(?:{_MOVED})\b)*\s*$", re.IGNORECASE
)
_NOT_BEHIND = re.compile(r"\S*\s+(?:\S+지 )?(?:않|아니|못)")
_CONTRAST = re.compile(r",\s+(?:and |but )?not\s*$", re.IGNORECASE)
_FOR_LONG = re.compile(r"\b(?:for|within|in|after|before|since|during|last)\s*$", re.IGNORECASE)
_FROM = re.compile(rf"\bfrom\s+(?:{HEDGE}\s+)?$", re.IGNORECASE)
_TO = re.compile(rf"\bto\s+(?:{HEDGE}\s+)?$", re.IGNORECASE)
_THEN = re.compile(rf"(?:\s+\w+)?\s+to\s+(?:{HEDGE}\s+)?|에서\s*", re.IGNORECASE)
_BEFORE = re.compile(
    rf",?(?:\s+[\w-]+){{0,3}}?\s+(?:instead of|rather than|up from|down from)\s+(?:{HEDGE}\s+)?", re.IGNORECASE
)
_OUT_OF = re.compile(rf"\s+from\s+(?:{HEDGE}\s+)?", re.IGNORECASE)
_HOW = re.compile(r"'s\b|\((?:sum|average|maximum|minimum|p\d+)\)|[()]", re.IGNORECASE)


def moves(text: str) -> Iterator[tuple[Quantity, Quantity]]:
    """Every pair of a level before and one after that a text tells, such as `from 1 ms to 2 ms`."""
    said = quantities(text)
    for one, two in pairwise(said):
        ahead, between = text[: one.start], text[one.end : two.start]
        if (_FROM.search(ahead) and _THEN.fullmatch(between)) or between.strip() == "에서":
            yield one, two
        elif _BEFORE.fullmatch(between) or (_TO.search(ahead) and _OUT_OF.fullmatch(between)):
            yield two, one


def turned_round(text: str, evidence: Evidence) -> str:
    """Why a movement that a sentence tells is wrong; empty when none goes the other way than it was measured."""
    known = [pair for f in evidence.findings for pair in (levels(f), *moves(plain(f.summary))) if pair]
    for before, after in moves(text):
        forward = any(same(before, old) and same(after, new) for old, new in known)
        if not forward and any(same(before, new) and same(after, old) for old, new in known):
            return f"{before.text.strip()} and {after.text.strip()} were measured in the other order"
    return ""


def _denies(text: str, said: Quantity) -> bool:
    """Whether a text says that a level was not reached. For how long something did not happen is another matter."""
    before = text[: said.start]
    if said.dimension == "time" and _FOR_LONG.search(before):
        return False
    return bool(_NOT.search(before) or _NOT_BEHIND.match(text[said.end :]))


def denied(said: Quantity, text: str, findings: Sequence[Finding]) -> str:
    """Why the denial of a measured quantity is wrong; empty when it is not denied, or the findings deny it too.

    `1.2 s, not 850 ms` is fair where 850 ms was the level before.
    """
    if not _denies(text, said):
        return ""
    for finding in findings:
        summary, pair = plain(finding.summary), levels(finding)
        if any(same(said, q) and _denies(summary, q) for q in quantities(summary)):
            return ""
        if pair and _CONTRAST.search(text[: said.start]) and same(said, pair[0]) and not same(said, pair[1]):
            return ""
    return f"it denies {said.text.strip()}, which was measured"


def _subject(said: Quantity, text: str, series: frozenset[str], places: frozenset[str]) -> tuple[str, str]:
    """The series, and its place, that a sentence gives a number to; empty where it does not say so directly."""
    low = text.lower()
    told_of = [
        (found.start(), found.end(), name)
        for name in series
        for found in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", low[: said.start])
    ]
    begin, end, name = max(told_of, key=lambda one: one[:2], default=(0, 0, ""))
    between, here = _between(low[end : said.start], places)
    listed = any(re.fullmatch(r"\s*(?:,|and|or)\s+", low[other:begin]) for _, other, _ in told_of)
    if not name or listed or not re.fullmatch(rf"(?:\s|\b(?:{_MOVED})\b)*", between):
        return "", ""
    ahead = [p for p in places if re.search(rf"(?<![\w-]){re.escape(p)}(?:'s)?\s+$", low[:begin])]
    return name, max(here or ahead, key=len, default="")


def _between(text: str, places: frozenset[str]) -> tuple[str, list[str]]:
    """The words from a series to its number, without other numbers and places; and those places."""
    for other in quantities(text):
        text = text[: other.start] + " " * (other.end - other.start) + text[other.end :]
    here = [place for place in places if names(text, place)]
    for place in here:
        text = text.replace(place, " ")
    return _HOW.sub(" ", text), here


def misplaced(said: Quantity, text: str, evidence: Evidence, series: frozenset[str], places: frozenset[str]) -> str:
    """Why a measured quantity is not the one of the series, or of the place, that a sentence gives it to.

    Args:
        said: A quantity of the sentence that is among what was measured.
        text: The whole sentence.
        evidence: What it cites.
        series: Names of series that the dossier knows, in small letters.
        places: Names of services and resources, in small letters.
    """
    owners = [f for f in evidence.findings if told(said, text, Evidence((f,)))]
    if not owners or not all(f.metric for f in owners):  # it follows from several, or is no series' at all
        return ""
    name, place = _subject(said, text, series, places)
    own = [Evidence((f,)) for f in owners]
    if not name or any((e.names(name) or stem(name) in e.stems) and (not place or e.names(place)) for e in own):
        return ""
    return f"{said.text.strip()} was measured, but not of {name}{f' of {place}' if place else ''}"
