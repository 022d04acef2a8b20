"""Relation: how the content of a change meets what went wrong.

Three independent signs: an edit that is known for the very trouble that the symptoms speak of, identifiers that
edit and symptoms share (rare ones among the changes of the case count more), and a stack frame in an edited file.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autopilot.analysis.changes.diffs import HARM, NATURE_TOLD, Edit, Nature, nature_of, read_diff
from autopilot.analysis.changes.edits import risk
from autopilot.analysis.changes.hazards import ALL_TOPICS, FAILING, SLOWING, TOPICS, Hazard, Topic
from autopilot.analysis.clue import Clue
from autopilot.analysis.metrics.kinds import words as metric_words

_CLEAR = 0.2
"""Least score of a clue whose words count."""
_NOT_BAD = 0.7
"""What the words of something count that moved without being bad in itself."""
_GENERIC = 0.4
"""What a hazard counts whose trouble is not named: something is slow, something fails."""
_NOTHING_ELSE = 0.65
"""What it counts when the symptoms name no trouble at all: then what an edit is known for is the best lead."""
_PRECISE = 0.3
_WORDS_FOR_HALF = 2.5
"""Rare shared words that make words alone worth a half."""
_TOPICS: dict[Topic, re.Pattern[str]] = {topic: re.compile(pattern) for topic, pattern in TOPICS.items()}
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_STACK = re.compile(r"\w\.\w{1,5}[\":]{1,2}(?:, line )?\d+|^\s*at \S+\(", re.MULTILINE)
_NAME = re.compile(r"\b([A-Za-z_]\w{5,})\s*\(")
_COMMON_WORDS = """
    the and for with from not this that was are has had per all any new old get set add put use via into
    only out off err error errors nil null none true false return returns func function def class struct
    type var let const int string str byte bytes bool float double void public private static async await
    self ctx context http https request requests response req res resp service services server client
    handler handle code status msg message log logs logger info warn debug fail fails failed failure call
    calls called api app src pkg lib main internal package import file files line lines test tests value
    values key keys name names item data time total count ratio rate fix feat chore refactor perf docs
    config default minute second seconds since after before usual bad good upstream downstream trace span
    level metric high low max min top end start started one two first last next event object list many more
"""
_COMMON = frozenset(_COMMON_WORDS.split())
"""Words of every program and every message; they relate nothing to nothing."""


@dataclass(frozen=True)
class Said:
    """What one symptom says, of which service, and how clearly."""

    service: str
    text: str
    weight: float


@dataclass(frozen=True)
class Relation:
    """How a change's content meets the symptoms. Shares between 0 and 1."""

    nature: Nature = "unknown"
    hazard: Hazard | None = None
    file: str = ""
    line: str = ""
    """The edited file and line that the hazard lies in."""
    meets: float = 0.0
    """How surely the riskiest edit leads to what the symptoms speak of."""
    shared: tuple[str, ...] = ()
    """Rare identifiers that edit and symptoms share, the rarest first."""
    words: float = 0.0
    frame: str = ""
    """The edited file that an error's stack names."""

    @property
    def score(self) -> float:
        """All signs together, by noisy-or, bounded by what a change of this nature can do."""
        framed = 0.8 if self.frame else 0.0
        doubt = (1 - 0.9 * self.meets) * (1 - 0.5 * self.words) * (1 - framed)
        return HARM[self.nature] * (1 - doubt)

    @property
    def told(self) -> str:
        """What speaks for or against the content, as the end of a sentence; empty when nothing is known."""
        if self.nature in NATURE_TOLD:
            return NATURE_TOLD[self.nature]
        parts: list[str] = []
        if self.hazard and self.meets > 0:
            parts.append(f'{self.hazard.does} ("{self.line.strip()[:80]}")')
        if self.frame:
            parts.append(f"edits {self.frame}, which the errors name")
        elif self.shared and self.words >= 0.3:
            parts.append(f"shares the words {', '.join(self.shared[:4])} with the symptoms")
        return "; ".join(parts)


NO_RELATION = Relation()
"""Of a change whose content nobody recorded."""


def symptoms(clues: Sequence[Clue]) -> list[Said]:
    """What the clues say in words: messages, reasons of alarms, names of metrics and operations."""
    said: list[Said] = []
    for clue in sorted(clues, key=lambda c: (-c.score, c.service, c.finding.summary)):
        weight = max(clue.score, 0.8) if clue.signal == "alarm" else clue.score
        if weight < _CLEAR or clue.signal in ("change", "recurrence", "impact", "version"):
            continue
        if clue.signal == "log" and not clue.adverse and clue.finding.direction == "gone":
            continue
        said.append(
            Said(clue.service, _text(clue), weight if clue.adverse or clue.signal == "alarm" else _NOT_BAD * weight)
        )
    return said[:150]


def _text(clue: Clue) -> str:
    if clue.mentions:
        return clue.mentions[:1_000]
    if clue.finding.metric is not None:
        return metric_words(clue.finding.metric.name).replace("_", " ")
    return clue.finding.summary


def topics_of(text: str) -> frozenset[Topic]:
    """What a text that tells of symptoms speaks of."""
    lowered = text[:2_000].lower()
    return frozenset(topic for topic, rule in _TOPICS.items() if rule.search(lowered))


def identifiers(text: str) -> frozenset[str]:
    """The words that identifiers are made of, in lower case and singular, without those of every program."""
    found: set[str] = set()
    for name in _IDENTIFIER.findall(text[:20_000]):
        for part in _HUMP.split(name):
            word = part.lower()
            singular = word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
            if len(word) >= 3 and word not in _COMMON and singular not in _COMMON:
                found.add(singular)
    return frozenset(found)


def words_of(edits: Sequence[Edit]) -> frozenset[str]:
    """The identifiers of what is really edited, and of its paths."""
    parts = [edit.path.replace("/", " ") for edit in edits]
    parts += [text for edit in edits for sign in ("+", "-") for text in edit.net(sign)]
    return identifiers("\n".join(parts))


class Reader:
    """Relates changes to the symptoms of one incident.

    Args:
        clues: Everything found.
        patches: The edits of every change of the case, from which the rarity of words is learnt.
    """

    def __init__(self, clues: Sequence[Clue], patches: Iterable[Sequence[Edit]]) -> None:
        """Symptoms are read once for all changes."""
        self._said = symptoms(clues)
        self._topics = [(said.service, said.weight, topics_of(said.text)) for said in self._said]
        known = [words_of(edits) for edits in patches]
        self._frequency = Counter(word for words in known for word in words)
        self._known = max(len(known), 1)
        names = identifiers(" ".join({said.service for said in self._said}))
        self._words: dict[str, float] = {}
        for said in self._said:
            for word in identifiers(said.text) - names:
                self._words[word] = max(self._words.get(word, 0.0), said.weight)

    def relate(self, edits: Sequence[Edit], reach: Mapping[str, float]) -> Relation:
        """The relation of a change. `reach`: service → how much its symptoms count for this change."""
        nature = nature_of(edits)
        if not edits:
            return NO_RELATION
        hazard, file, line, meets = risk(edits, self._weights(reach))
        shared = sorted(words_of(edits) & self._words.keys(), key=lambda w: (-self._rarity(w), w))
        worth = sum(self._rarity(word) * self._words[word] for word in shared)
        words = 1 - math.exp(-math.log(2) * worth / _WORDS_FOR_HALF)
        return Relation(nature, hazard, file, line, meets, tuple(shared[:6]), words, self._frame(edits, reach))

    def _rarity(self, word: str) -> float:
        """1 for a word of one change only, towards 0 for a word of all."""
        return math.log(1 + self._known / (1 + self._frequency[word])) / math.log(1 + self._known)

    def _weights(self, reach: Mapping[str, float]) -> dict[Topic, float]:
        weights: dict[Topic, float] = {}
        for service, weight, topics in self._topics:
            for topic in topics:
                weights[topic] = max(weights.get(topic, 0.0), weight * reach.get(service, 0.1))
        precise = max((w for topic, w in weights.items() if topic not in ("slowness", "failures")), default=0.0)
        generic = _GENERIC if precise >= _PRECISE else _NOTHING_ELSE
        for topic in ALL_TOPICS:
            general = max(
                weights.get("slowness", 0.0) if topic in SLOWING else 0.0,
                weights.get("failures", 0.0) if topic in FAILING else 0.0,
            )
            weights[topic] = max(weights.get(topic, 0.0), generic * general)
        return weights

    def _frame(self, edits: Sequence[Edit], reach: Mapping[str, float]) -> str:
        """The edited file or function that a message of the incident names."""
        texts = [said.text for said in self._said if reach.get(said.service, 0.0) >= 0.5]
        for edit in edits:
            if HARM[edit.nature] < 1:
                continue
            tail = "/".join(edit.path.rsplit("/", 2)[-2:])
            heads = [line.text for line in edit.lines if line.sign == " "]
            functions = {
                name for text in heads for name in _NAME.findall(text) if _HUMP.search(name) or "_" in name
            }
            if "." in tail and any(tail in text for text in texts):
                return edit.path
            stacks = [text for text in texts if _STACK.search(text)]
            if any(re.search(rf"\b{re.escape(name)}\b", text) for name in sorted(functions) for text in stacks):
                return edit.path
        return ""


def read_edits(diff: str, files: Sequence[str]) -> tuple[Edit, ...]:
    """The edits of a change, empty when neither diff nor files are known."""
    return read_diff(diff, files) if diff or files else ()
