"""State rules as data: a condition over the view of an observed object, what it means, and whom it speaks against.

The YAML files of `rules/` that have a list `rules` are read once per process. docs/rules.md tells how to write one.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Self

import jmespath
import yaml
from jmespath import functions
from jmespath.exceptions import JMESPathError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from autopilot.analysis.state.cluster.objects import is_list, is_object, part
from autopilot.analysis.state.cluster.views import CLUSTER, View
from autopilot.incident.base import clean
from autopilot.incident.cause import CAUSE_KINDS, MECHANISMS, CauseKind, Mechanism

_EXPLAINED = 0.4
"""What a finding counts that another one explains."""
_SILENT = 0.35
"""What a mismatch counts from which nothing suffers, unless its rule says otherwise."""
ANYTHING = "any"
"""What rules look at that fit every kind of the inventory."""
_LOOSE_NOT = re.compile(r"!\w+[.\[]")
"""JMESPath reads `!a.b` as `(!a).b`, which nobody means."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


class _Functions(functions.Functions):
    """What expressions may call beyond the standard: `matches(text, regex)` and `size(bytes)`."""

    @functions.signature({"types": []}, {"types": ["string"]})
    def _func_matches(self, subject: Any, pattern: str) -> bool:
        return isinstance(subject, str) and re.search(pattern, subject, re.IGNORECASE) is not None

    @functions.signature({"types": []})
    def _func_size(self, subject: Any) -> str:
        """Bytes as a person reads them."""
        if not isinstance(subject, int | float):
            return "an unknown size"
        power = next((p for p in (4, 3, 2, 1) if abs(subject) >= 1024**p), 0)
        return f"{subject / 1024**power:.3g} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


_OPTIONS = jmespath.Options(custom_functions=_Functions())


@cache
def _compiled(expression: str) -> Callable[[Any], Any]:
    parsed = jmespath.compile(expression)
    return lambda value: parsed.search(value, options=_OPTIONS)


class Rule(BaseModel):
    """One rule. Scores are the probability that what it finds is the cause of the trouble at hand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=3)
    looks_at: str
    """Kind of view: workload, service, node, unit, namespace, claim, route, policy, or a kind of the inventory."""
    when: str
    """JMESPath over the view; anything but null, false and empty holds."""
    mechanism: Mechanism | None = None
    cause: CauseKind | None = None
    """Where no mechanism is that precise."""
    score: float = Field(gt=0, le=1)
    quiet: float | None = Field(default=None, ge=0, le=1)
    """The score when nothing suffers from it now; without it, a fixed share of the score."""
    says: str
    """A sentence; {expressions} are replaced by what they find."""
    blames: Literal["application", "node", "namespace"] = "application"
    explains: tuple[str, ...] = ()
    """Rules, mechanisms or causes whose findings follow from this one, wherever it reaches."""
    adverse: bool = True
    """Whether it is bad by itself."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.mechanism is None) == (self.cause is None):
            raise ValueError("a rule names either a mechanism or a cause")
        if _LOOSE_NOT.search(self.when):
            raise ValueError(f"{self.when!r} negates only the first name of a path; write !(a.b) for !a.b")
        for expression in (self.when, *_PLACEHOLDER.findall(self.says)):
            try:
                _compiled(expression)
            except JMESPathError as error:
                raise ValueError(f"{expression!r} is no expression: {error}") from error
        return self


@dataclass(frozen=True)
class Hit:
    """A rule that holds for an object."""

    rule: Rule
    view: View
    service: str
    score: float
    sentence: str


_RULES = TypeAdapter(tuple[Rule, ...])


def read_rules(name: str, document: str) -> tuple[Rule, ...]:
    """The rules of one YAML document. Raises ValueError that names the file and the rule that is wrong."""
    try:
        found: Any = next(yaml.load_all(document, Loader=_LOADER), None)
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is no YAML: {error}") from error
    listed: Any = found.get("rules", []) if is_object(found) else []
    try:
        return _RULES.validate_python(listed)
    except ValidationError as error:
        told = error.errors()[0]
        place = told["loc"][0] if told["loc"] else 0
        rule = part(listed[place], "name") or place if isinstance(place, int) else place
        raise ValueError(f"{name}, rule {rule!r}: {'.'.join(map(str, told['loc'][1:]))} {told['msg']}") from error


@cache
def all_rules() -> Mapping[str, tuple[Rule, ...]]:
    """Every packaged rule by the kind of view it looks at. Raises ValueError for a rule that is not sound."""
    folder = files("autopilot.analysis") / "rules"
    documents = sorted((f.name, f.read_text("utf-8")) for f in folder.iterdir() if f.name.endswith(".yaml"))
    rules = [rule for name, document in documents for rule in read_rules(name, document)]
    return by_kind(rules)


def by_kind(rules: Sequence[Rule]) -> dict[str, tuple[Rule, ...]]:
    """Rules by the kind of view they look at. Raises ValueError for two of one name, and for a name nothing has."""
    twice = sorted({r.name for r in rules if sum(r.name == o.name for o in rules) > 1})
    if twice:
        raise ValueError(f"more than one rule is called {', '.join(twice)}")
    known = {*(rule.name for rule in rules), *MECHANISMS, *CAUSE_KINDS}
    unknown = [f"{rule.name} explains {name!r}" for rule in rules for name in rule.explains if name not in known]
    if unknown:
        raise ValueError(f"no rule, mechanism or cause is called so: {'; '.join(unknown)}")
    return {kind: tuple(r for r in rules if r.looks_at == kind) for kind in sorted({r.looks_at for r in rules})}


def judge(views: Iterable[View], rules: Mapping[str, Sequence[Rule]] | None = None) -> list[Hit]:
    """What the rules find: one hit per rule and blamed service, those that others explain counting less."""
    known = all_rules() if rules is None else rules
    best: dict[tuple[str, str], Hit] = {}
    for view in views:
        general = known.get(ANYTHING, ()) if view.source != CLUSTER else ()
        for rule in (*known.get(view.kind, ()), *general):
            if _holds(rule.when, view.fields):
                hit = _hit(rule, view)
                place = (rule.name, hit.service)
                if place not in best or hit.score > best[place].score:
                    best[place] = hit
    return _explained(list(best.values()))


def _holds(expression: str, fields: Mapping[str, Any]) -> bool:
    found = _found(expression, fields)
    return found not in (None, False, "", [], {})


def _found(expression: str, fields: Mapping[str, Any]) -> Any:
    try:
        return _compiled(expression)(fields)
    except JMESPathError:
        # The object is not of the shape that the rule expects, so the rule says nothing about it.
        return None


def _hit(rule: Rule, view: View) -> Hit:
    blamed = {"application": view.application, "node": view.node, "namespace": view.namespace}[rule.blames]
    suffers = view.fields.get("suffers", True)
    silent = rule.quiet if rule.quiet is not None else _SILENT * rule.score
    sentence = _PLACEHOLDER.sub(lambda match: _word(_found(match.group(1), view.fields)), rule.says)
    return Hit(rule, view, blamed or view.application, rule.score if suffers else silent, sentence.rstrip(" :,"))


def _word(value: Any) -> str:
    if is_list(value):
        return clean(", ".join(str(item) for item in value[:6]), 160)
    return clean("" if value is None else f"{value:g}" if isinstance(value, float) else str(value), 160)


def _explained(hits: Sequence[Hit]) -> list[Hit]:
    kept: list[Hit] = []
    for hit in hits:
        names = {hit.rule.name, hit.rule.mechanism, hit.rule.cause}
        by = [
            h for h in hits
            if h is not hit and names & set(h.rule.explains) and hit.service in {h.service, *h.view.reach}
            and h.score >= _EXPLAINED * hit.score
        ]  # fmt: skip
        kept.append(replace(hit, score=_EXPLAINED * hit.score) if by else hit)
    return kept
