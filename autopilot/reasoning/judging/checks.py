"""What makes a statement unsupported: each check names the first thing that the citations do not contain. Pure."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding
from autopilot.reasoning.judging.bearing import denied, misplaced, turned_round
from autopilot.reasoning.judging.evidence import Evidence, first_effect
from autopilot.reasoning.judging.lexicon import ACRONYMS, PRODUCTS, is_plain, stem, things, things_of
from autopilot.reasoning.judging.measured import told
from autopilot.reasoning.judging.quantities import quantities
from autopilot.reasoning.judging.sentences import plain
from autopilot.reasoning.judging.signs import happened
from autopilot.reasoning.judging.tokens import CITED, CLOCK, DATE, NAME, QUOTED

_ADDRESS = re.compile(
    r"https?:|\bwww\.|\bmailto:|\]\(|<[!@#|/]|<\w+[ >]|@(?:here|channel|everyone|all)\b|[\w.+-]+@[\w-]+\.\w+",
    re.IGNORECASE,
)
_ZONE = re.compile(r"^\s*\(?(?:[A-Z]{2,5}\b|[+-]\d{2}:?\d{2})")
_COMPOUND = re.compile(
    r"out-of-[a-z]+|(?:[a-z]+-)*(?:facing|related|side|based|level|time|only|induced|bound|wide|term|heavy|limited"
    r"|driven|free|up|outs?|off|down|in|to|end|per|request|fold|minute|second|hour|like|intensive|hungry|triggered"
    r"|caused|dependent|specific|through|back|over|case|scale|ready|long|again|on|by)"
    r"|(?:high|low|long|short|pre|post|re|non|over|under|multi|well|then|now|so|single|full|cross|per|self|by|knock"
    r"|mis|un|co|third)(?:-[a-z]+)+"
)
"""Compounds that are ordinary words, not names of anything."""
_PAIRS = frozenset(
    {"and/or", "read/write", "client/server", "request/response", "i/o", "up/down", "e.g", "i.e", "vs"}
)
_COMMON = frozenset({"user", "users", "api", "web", "db", "database", "server", "client", "queue", "cache", "proxy",
                     "gateway", "frontend", "backend", "worker", "data", "search", "login", "payment", "order",
                     "account", "email", "auth", "service", "config", "storage", "event", "events"})  # fmt: skip
"""Words that also serve as names of services: before a plain noun they are words."""
_PLAIN_USE = re.compile(
    r"\s+(?:requests?|traffic|impact|sessions?|calls?|errors?|load|latency|time|side|work|demand|queries)"
)
_QUIET = re.compile(
    r"\b(?:unchanged|did(?:n't| not) (?:rise|increase|change|grow|move|fall)|never (?:rose|changed)"
    r"|(?:stayed|remained) (?:flat|normal|healthy|steady|the same|unchanged)"
    r"|no (?:rise|increase|change|growth|sign|evidence)|(?:was|were|is|are) (?:normal|healthy|fine)"
    r"|(?:not |un)affected"
    r"|without (?:any |further )?(?:incidents?|issues?|troubles?|problems?|errors?|failures?|impact|harm)"
    r"|no (?:\w+ ){0,2}(?:fail(?:ed|s|ures?)?|was|were|is|are|errors?|occurred|happened|rose|increased))\b"
    r"|변하지 않|정상",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\b(?:no|not|none|never|without|nothing|neither|nor|unchanged|healthy|normal|absent|steady|free of)\b|n't\b"
    r"|없|않",
    re.IGNORECASE,
)
_ROSE = re.compile(
    r"\b(?:rose|risen|increased|grew|climbed|jumped|spiked|surged|soared|doubled|tripled|went up)\b|늘었|증가",
    re.IGNORECASE,
)
_FELL = re.compile(
    r"\b(?:fell|fallen|decreased|declined|shrank|went down|dropped (?:from|to|by)|halved|plunged)\b|줄었|감소",
    re.IGNORECASE,
)
_RECOVERED = re.compile(
    r"(?P<denied>(?:\b(?:not|never|no|cannot)|n't)\s+(?:(?:yet|fully|really|been|be|have|even|quite)\s+){0,3})?"
    r"(?:\b(?:recover(?:s|ed|ing|y)?|healed|mended|restored|resolved|subsided|healthy again"
    r"|(?:back|returned) to normal)\b|회복|복구)",
    re.IGNORECASE,
)
_CAUSAL = re.compile(
    r"\b(?:caus\w+|because|due to|led to|trigger\w*|result\w* in|owing to|made)\b|때문|원인", re.IGNORECASE
)


@dataclass
class Statement:
    """One sentence under inspection; what was found to be supported is blanked out on the way."""

    text: str
    evidence: Evidence
    service: str
    others: frozenset[str]
    """Names of services and resources that the dossier knows, in small letters."""
    series: frozenset[str] = frozenset()
    """Names of series that the dossier knows, in small letters."""
    kind: CauseKind | None = None
    whole: str = ""
    """The sentence as it was, without its citations."""

    def blank(self, start: int, end: int) -> None:
        """Take a checked part out of the text, without moving the rest."""
        self.text = self.text[:start] + " " * (end - start) + self.text[end:]


def _addresses(s: Statement) -> str:
    found = _ADDRESS.search(s.text)
    return "it carries an address, a link or a mention" if found else ""


def _alphabets(s: Statement) -> str:
    def own(char: str) -> bool:
        return char.isascii() or unicodedata.name(char, "").startswith(
            ("LATIN", "HANGUL", "CJK", "HIRAGANA", "KATAKANA")
        )

    strange = (w for w in re.findall(r"[^\W\d_]+", s.text) if not all(own(c) for c in w))
    return next((f"the word {w!r} is written in other letters than the evidence" for w in strange
                 if w.lower() not in s.evidence.text), "")  # fmt: skip


def _quotations(s: Statement) -> str:
    for found in list(QUOTED.finditer(s.text)):
        words = next(g for g in found.groups() if g)
        if not s.evidence.says(words) and words.lower() != s.service.lower():
            return f"the quotation {words!r} does not occur in what is cited"
        s.blank(*found.span())
    return ""


def _times(s: Statement) -> str:
    for found in list(DATE.finditer(s.text)):
        day = found[0][:10]
        if day not in {f"{t:%Y-%m-%d}" for t in s.evidence.stamps} and day not in s.evidence.text:
            return f"the date {day} does not occur in what is cited"
        s.blank(*found.span())
    for found in list(CLOCK.finditer(s.text)):
        hour, minute = int(found[1]), int(found[2])
        if found[4]:
            hour = hour % 12 + (12 if found[4].lower() == "p" else 0)
        zone = _ZONE.match(s.text[found.end() :])
        elsewhere = zone is not None and zone[0].strip(" (") not in ("UTC", "GMT", "Z", "AM", "PM", "+00:00")
        if elsewhere or not s.evidence.at(hour, minute, int(found[3]) if found[3] else None):
            return f"the time {found[0].strip()} does not occur in what is cited"
        s.blank(*found.span())
    return ""


def _names(s: Statement) -> str:
    for found in list(NAME.finditer(s.text)):
        name = found[0].rstrip(".,:;-")
        low = name.lower()
        known = s.evidence.names(name) or low == s.service.lower() or low in _PAIRS or name.rstrip("s") in ACRONYMS
        if not known and not (name[1:] == low[1:] and _COMPOUND.fullmatch(low) and _ordinary(low)):
            return f"the name {name!r} does not occur in what is cited"
        if name.rstrip("s") not in ACRONYMS:  # it may be the unit of a number
            s.blank(found.start(), found.start() + len(name))
    return ""


def _ordinary(compound: str) -> bool:
    return all(len(part) < 4 or is_plain(part) for part in compound.split("-"))


def _others(s: Statement) -> str:
    text = s.text.lower()
    for name in sorted(s.others):
        if name not in text or name == s.service.lower() or s.evidence.names(name):
            continue
        for found in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
            if not (name in _COMMON and _PLAIN_USE.match(text[found.end() :])):
                return f"{name!r} is not what is cited"
    return ""


def _quantities(s: Statement) -> str:
    places = s.others | {s.service.lower()}
    for said in quantities(s.text):
        if not told(said, s.text, s.evidence):
            return f"the number {said.text.strip()} does not occur in what is cited"
        wrong = denied(said, s.whole, s.evidence.findings)
        if wrong := wrong or misplaced(said, s.whole, s.evidence, s.series, places):
            return wrong
        s.blank(said.start, said.end)
    return turned_round(s.whole, s.evidence)


def _things(s: Statement) -> str:
    seen = s.evidence if _DENIES.search(s.whole) else s.evidence.shown
    allowed = seen.things | (things_of(s.kind) if s.kind else frozenset[str]())
    strange = sorted(things(s.whole, named=True) - allowed)
    return f"nothing that is cited is about {strange[0]}" if strange else ""


def _words(s: Statement) -> str:
    for word in re.findall(r"[A-Za-z]{3,}", s.text):
        low = word.lower()
        base = re.sub(r"^(?:un|re|non|mis|over|under|in|out)(?=[a-z]{4})", "", low)
        known = is_plain(low) or (base != low and is_plain(base)) or stem(low) in s.evidence.stems
        if (not known or low in PRODUCTS) and low != s.service.lower() and not s.evidence.names(low):
            return f"the word {word!r} is no plain word and does not occur in what is cited"
    return ""


def _presence(s: Statement) -> str:
    affirms = not _DENIES.search(s.whole)
    return "what is cited says that it is not there" if affirms and not s.evidence.shown.findings else ""


def _directions(s: Statement) -> str:
    if _QUIET.search(s.whole) and not s.evidence.moves("quiet"):
        return "it denies what the cited findings show"
    for direction, words in (("rose", _ROSE), ("fell", _FELL)):
        if words.search(s.whole) and not s.evidence.moves(direction):
            return f"nothing that is cited {direction}"
    over = any(not found["denied"] for found in _RECOVERED.finditer(s.whole))
    if over and not s.evidence.moves("recovered"):
        return "nothing that is cited tells of a recovery"
    return ""


def _order(s: Statement) -> str:
    change, effect = first_effect(s.evidence.findings)
    if change is None or effect is None or not _CAUSAL.search(s.whole):
        return ""
    at, shown = happened(change), happened(effect)
    late = (at - shown).total_seconds() > change.onset_uncertainty + effect.onset_uncertainty
    return f"the change {change.id} came after {effect.id}, so it cannot be its cause" if late else ""


_Check = Callable[[Statement], str]
_CHECKS: tuple[_Check, ...] = (
    _addresses, _alphabets, _quotations, _times, _names, _others, _quantities, _presence, _things, _words,
    _directions, _order,
)  # fmt: skip


def unsupported(
    sentence: str,
    findings: tuple[Finding, ...],
    *,
    service: str,
    others: frozenset[str] = frozenset(),
    series: frozenset[str] = frozenset(),
    kind: CauseKind | None = None,
) -> str:
    """The first thing in a sentence that its citations do not contain; empty when all is there.

    Args:
        sentence: One statement, see `sentences`.
        findings: What it cites.
        service: The service that it is about; its name needs no citation.
        others: Names the dossier knows, which do need one.
        series: Names of series the dossier knows, whose numbers are not mixed up.
        kind: The cause that the statement puts forward as a hypothesis: it may speak of what that cause is about.
    """
    text = re.sub(r"[\[(]\s*[,; &-]*\s*(?:and)?\s*[\])]", " ", CITED.sub(" ", plain(sentence)))
    statement = Statement(text, Evidence(findings), service, others, series, kind, text)
    return next((reason for check in _CHECKS if (reason := check(statement))), "")
