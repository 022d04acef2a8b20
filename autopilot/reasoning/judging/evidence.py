"""What some cited findings contain: their names, words, quantities, times and directions. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import combinations

from autopilot.incident.cause import CAUSE_MEANING, MECHANISMS
from autopilot.incident.finding import Finding
from autopilot.reasoning.judging.lexicon import stem, things
from autopilot.reasoning.judging.quantities import Quantity, quantities, same, unit_of
from autopilot.reasoning.judging.sentences import plain
from autopilot.reasoning.judging.signs import happened, short_name
from autopilot.reasoning.judging.tokens import CAMEL_PARTS, CLOCK, names, without_marks

_MEASURED = frozenset({"metric", "trace", "log", "trend", "state"})
_RATIO_KINDS = frozenset({"metric", "trace", "trend", "impact"})
_QUIET = re.compile(
    r"\b(?:no|not|none|never|without|nothing|neither|healthy|unchanged|normal|absent|stayed|steady|missing)\b|n't\b"
    r"|없|정상|그대로",
    re.IGNORECASE,
)
_ROSE = re.compile(r"\b(?:rose|rise|rises|up|increas\w*|grew|higher|more|new|above|exceed\w*)\b", re.IGNORECASE)
_RECOVERED = re.compile(
    r"\b(?:recover|healed|healthy again|mended|restor|resolved|solved|fixed|subsid)|(?:back|returned) to normal"
    r"|회복|복구|정상",
    re.IGNORECASE,
)
_FELL = re.compile(
    r"\b(?:fell|fall|falls|down|decreas\w*|lower|less|fewer|gone|stopped|below|drop\w*|lost)\b", re.IGNORECASE
)
_DIRECTIONS: Mapping[str, tuple[re.Pattern[str], tuple[str, ...]]] = {
    "rose": (_ROSE, ("up", "new")), "fell": (_FELL, ("down", "gone")), "quiet": (_QUIET, ()),
    "recovered": (_RECOVERED, ("down", "gone")),
}  # fmt: skip


def _derived(finding: Finding, dimension_of: str) -> Iterator[Quantity]:
    """What follows from a baseline and an observed level: ratio, share, difference."""
    before, after = finding.baseline, finding.observed
    if before is None or after is None:
        return
    dimension, size = unit_of(dimension_of)
    yield Quantity("difference", after - before, dimension, (after - before) * size)
    if before:
        yield Quantity("ratio", after / before, "ratio", after / before)
        for share in ((after / before - 1) * 100, (1 - after / before) * 100):
            yield Quantity("change", share, "percent", share)
    if after:
        yield Quantity("ratio", before / after, "ratio", before / after)


def levels(finding: Finding) -> tuple[Quantity, Quantity] | None:
    """What was measured before and since; None where only one of the two is known."""
    if finding.baseline is None or finding.observed is None:
        return None
    return _level(finding, finding.baseline), _level(finding, finding.observed)


def _level(finding: Finding, value: float) -> Quantity:
    dimension, size = unit_of(finding.unit)
    return Quantity("level", value, dimension, value * size)


@dataclass(frozen=True)
class Evidence:
    """The findings that a statement cites, read once."""

    findings: tuple[Finding, ...]

    @cached_property
    def text(self) -> str:
        """Every word of the findings, and what their kinds mean, in small letters."""
        parts: list[str] = []
        for f in self.findings:
            parts += [f.id, f.kind, f.service, f.resource, short_name(f.resource), f.region, f.summary, f.change_id]
            parts += [f.unit, f.provenance.source]
            if f.metric:
                parts += [f.metric.name, f.metric.namespace, f.metric.statistic, f.metric.service, f.metric.region]
                parts += [text for pair in f.metric.dimensions.items() for text in pair]
        return plain("\n".join(parts)).lower()

    @cached_property
    def meaning(self) -> str:
        """The text, with what analysis says that the findings stand for."""
        told = [CAUSE_MEANING[f.cause_kind] for f in self.findings if f.cause_kind]
        told += [f.cause_kind.replace("_", " ") for f in self.findings if f.cause_kind]
        told += [MECHANISMS[f.mechanism][1] for f in self.findings if f.mechanism]
        told += ["release of a version" for f in self.findings if f.kind in ("change", "version")]
        return "\n".join([self.text, *told])

    @property
    def shown(self) -> "Evidence":
        """Without the findings that say that something is not there: they name what they deny."""
        return Evidence(tuple(f for f in self.findings if f.score > 0 or f.direction != "none" or f.size))

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of every word, also of those inside `CamelCase` and `snake_case` names."""
        spelled = "\n".join(f"{f.metric.name if f.metric else ''} {f.summary}" for f in self.findings)
        words = [*re.findall(r"[^\W\d_]+", self.meaning), *CAMEL_PARTS.findall(spelled)]
        return frozenset(stem(word.lower()) for word in words)

    @cached_property
    def things(self) -> frozenset[str]:
        """What the findings are about."""
        spelled = " ".join(w for f in self.findings if f.metric for w in CAMEL_PARTS.findall(f.metric.name))
        return things(f"{self.meaning}\n{spelled}", named=False)

    def says(self, words: str) -> bool:
        """Whether a quotation occurs word for word."""
        parts = [re.sub(r"\s+", " ", part).strip(" .,:;") for part in re.split(r"\.\.\.|…", words.lower())]
        text = re.sub(r"\s+", " ", self.text)
        return any(parts) and all(part in text for part in parts)

    def names(self, name: str) -> bool:
        """Whether a name occurs as a whole; the beginning of a digest stands for all of it."""
        digest = bool(re.fullmatch(r"[0-9a-f]{7,40}", name.lower()))
        return names(self.text, name) or (
            digest and bool(re.search(rf"(?<![\w-]){name.lower()}[0-9a-f]*(?![\w-])", self.text))
        )

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """What was measured, and what summaries tell of it."""
        found: list[Quantity] = []
        for f in self.findings:
            dimension, _ = unit_of(f.unit)
            measured = [_level(f, v) for v in (f.baseline, f.observed) if v is not None]
            found += measured
            if f.size and f.kind in _RATIO_KINDS:
                found.append(Quantity("size", f.size, "ratio", f.size))
            if f.size and f.kind == "log":
                found.append(Quantity("size", f.size, "rate", f.size / 60))
            for told in quantities(without_marks(plain(f.summary))):
                bare = told.dimension == "" and dimension not in ("", "count")
                known = next((m for m in measured if bare and same(told, m)), None)
                found.append(known or told)
        return tuple(found)

    @cached_property
    def derived(self) -> tuple[Quantity, ...]:
        """What follows from the levels by division or subtraction."""
        return tuple(q for f in self.findings for q in _derived(f, f.unit))

    @property
    def differences(self) -> tuple[Quantity, ...]:
        """By how much levels moved."""
        return tuple(q for q in self.derived if q.text == "difference")

    @cached_property
    def lags(self) -> tuple[Quantity, ...]:
        """The time between the findings' moments, and how long their windows are."""
        onsets = [happened(f) for f in self.findings]
        seconds = [abs((a - b).total_seconds()) for a, b in combinations(onsets, 2)]
        seconds += [f.window.seconds for f in self.findings]
        return tuple(Quantity("lag", s, "time", s, step=30.0) for s in seconds)

    @cached_property
    def counts(self) -> frozenset[int]:
        """How many findings, services, resources, regions and changes are cited."""
        sets: tuple[Iterable[str], ...] = (
            (f.id for f in self.findings),
            (f.service for f in self.findings),
            (f.resource for f in self.findings if f.resource),
            (f.region for f in self.findings if f.region),
            (f.change_id for f in self.findings if f.change_id),
        )
        return frozenset(len(set(some)) for some in sets)

    @cached_property
    def stamps(self) -> tuple[datetime, ...]:
        """Every moment of the findings."""
        given = [t for f in self.findings for t in (f.onset, f.window.start, f.window.end) if t is not None]
        return tuple(dict.fromkeys(given))

    def at(self, hour: int, minute: int, second: int | None) -> bool:
        """Whether something cited happened at this time of day (UTC), rounded as it was told."""
        told = {found[0].lower() for found in CLOCK.finditer(self.text)}
        if second is None:
            rounded = {f"{t + timedelta(seconds=30):%H:%M}" for t in self.stamps}
            known = {f"{t:%H:%M}" for t in self.stamps} | rounded | {t.zfill(5)[:5] for t in told}
            return f"{hour:02d}:{minute:02d}" in known
        exact = f"{hour:02d}:{minute:02d}:{second:02d}"
        return exact in {f"{t:%H:%M:%S}" for t in self.stamps} | {t[:8].zfill(8) for t in told}

    def moves(self, direction: str) -> bool:
        """Whether a cited finding can stand for `rose`, `fell`, `quiet` or `recovered`."""
        words, ways = _DIRECTIONS[direction]
        if any(words.search(f.summary) for f in self.findings):
            return True
        if direction == "quiet":
            return any(f.direction == "none" and f.kind in _MEASURED for f in self.findings)
        if direction == "recovered":
            return any(f.direction in ways for f in self.findings)
        moving = [f for f in self.findings if f.kind in _MEASURED and (f.direction != "none" or f.kind != "state")]
        return not moving or any(f.direction in ways for f in moving)


def first_effect(findings: Sequence[Finding]) -> tuple[Finding | None, Finding | None]:
    """The latest cited change and the earliest cited symptom."""
    changes = [f for f in findings if f.kind == "change"]
    effects = [f for f in findings if f.kind in ("metric", "trace", "log", "alarm") and f.onset]
    last = max(changes, key=happened, default=None)
    return last, min(effects, key=happened, default=None)
