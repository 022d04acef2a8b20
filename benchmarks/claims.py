"""A second look at what is claimed, by other code than the product's enforcement and more lenient than it.

It asks only whether finding ids exist, and whether numbers and names occur anywhere in what was found. What fails
even that was made up; what passes may still cite the wrong finding, which enforcement looks at and this does not.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from math import inf

from autopilot.incident.finding import Dossier

_ID = re.compile(r"\bF\d+\b")
_TIME = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b|\b\d{4}-\d{2}-\d{2}\b")
_NAME = re.compile(r"[A-Za-z][\w.:/@-]*[\w]")
_NUMBER = re.compile(r"(?<![\w.:/@-])\d+(?:,\d{3})*(?:\.\d+)?")
_TELLING = re.compile(r"[\d_./:@]|[a-z][A-Z]")
"""What makes a word a name of something rather than a word."""
_FACTORS = (1.0, 100.0, 0.01, 1_000.0, 0.001, 60.0, 1 / 60, 1_048_576.0, 1 / 1_048_576)
_FRACTION = 0.011
"""Rounding of what is quoted."""


class Known:
    """The words and numbers of a dossier."""

    def __init__(self, dossier: Dossier) -> None:
        texts = [dossier.impact.summary, *dossier.contradictions]
        for s in dossier.suspects:
            texts += [s.service, s.resource, s.change_id, s.change_summary, s.reason]
        texts += [entry.text for entry in dossier.timeline]
        texts += [text for v in dossier.versions for text in (v.service, v.resource, v.version, v.evidence)]
        values: list[float] = []
        for f in dossier.findings:
            texts += [f.service, f.resource, f.region, f.summary, f.change_id, f.unit, f.kind, f.provenance.source]
            texts += [f.metric.label] if f.metric else []
            values += [v for v in (f.baseline, f.observed, f.size) if v is not None]
        self.ids = {f.id for f in dossier.findings}
        self.text = "\n".join(texts).lower()
        values += [float(n.replace(",", "")) for n in _NUMBER.findall(self.text)]
        self.near = _near(values)
        """From and to of what a number may be to count as found, in order and apart from each other."""

    def has(self, number: float) -> bool:
        """Whether something of that size was found, in this or another usual unit."""
        place = bisect_right(self.near, (number, inf))
        return place > 0 and number <= self.near[place - 1][1]


def _near(values: Iterable[float]) -> list[tuple[float, float]]:
    """What is near one of the values, in this or another usual unit, with rounding."""
    scaled = sorted({abs(v * f) for v in values for f in _FACTORS})
    room = [(s, max(_FRACTION * s, 0.5 if s >= 10 else 0.05)) for s in scaled]
    joined: list[tuple[float, float]] = []
    for start, end in sorted((s - r, s + r) for s, r in room):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def unsupported(sentence: str, found: Known) -> str:
    """The first thing in a sentence that was never found; empty when everything was."""
    missing = next((i for i in _ID.findall(sentence) if i not in found.ids), "")
    if missing:
        return missing
    text = _TIME.sub(" ", _ID.sub(" ", sentence))
    for name in _NAME.findall(text):
        if _TELLING.search(name) and name.lower() not in found.text:
            return name
    return next((n for n in _NUMBER.findall(_NAME.sub(" ", text)) if not found.has(float(n.replace(",", "")))), "")
