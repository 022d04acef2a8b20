"""What a model may call: `diagnose`, and one function for each probe of the catalogue. Constant, for caches."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, JsonValue, WithJsonSchema

from autopilot.analysis.probes.catalogue import CATALOGUE, ProbeArguments
from autopilot.clients.model_question import Function, Schema
from autopilot.incident.cause import CAUSE_KINDS
from autopilot.incident.investigation import ProbeName

DIAGNOSE = "diagnose"
_PREFIX = "probe_"
_SHARED = frozenset(ProbeArguments.model_fields)
"""Arguments that every probe has; `prompt.SYSTEM` explains them."""

Kind = Annotated[str, WithJsonSchema({"type": "string", "enum": list(CAUSE_KINDS)})]
"""One unknown kind costs one hypothesis, not the whole answer, so it is checked when the answer is read."""


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class WrittenHypothesis(_Written):
    """A hypothesis as a model writes it."""

    statement: str
    """At most two short sentences; each names the findings it rests on, such as (F3)."""
    cause_kind: Kind
    service: str
    """Where the cause sits."""
    resource: str
    change_id: str
    """Id of the change that is blamed, or empty."""
    supporting: list[str]
    """Ids of the findings for it."""
    contradicting: list[str]
    """Ids of the findings against it."""


class WrittenLink(_Written):
    """One step of the causal chain."""

    sentence: str
    findings: list[str]


class Diagnose(_Written):
    """All hypotheses, the likeliest first."""

    hypotheses: list[WrittenHypothesis]
    causal_chain: list[WrittenLink]
    """In the order of time: what led to what."""


@dataclass(frozen=True)
class _Terse(Function):
    """A function in few words: its schema leaves out what its description or the rules of the prompt say."""

    @property
    def schema(self) -> Schema:
        """Of the arguments, without what the rules of the prompt explain for all probes."""
        schema = {keyword: value for keyword, value in super().schema.items() if keyword != "description"}
        properties = schema.get("properties")
        if isinstance(properties, dict):
            schema["properties"] = {
                name: _bare(part) if name in _SHARED else part for name, part in properties.items()
            }
        return schema


def _bare(part: JsonValue) -> JsonValue:
    return {k: v for k, v in part.items() if k != "description"} if isinstance(part, dict) else part


def functions(*, last: bool) -> tuple[Function, ...]:
    """What a round offers; the last one offers no test, because nobody would see its result."""
    diagnose = _Terse(DIAGNOSE, "Tell 2 to 4 competing hypotheses about the root cause.", Diagnose)
    probes = (_Terse(f"{_PREFIX}{name}", kind.description, kind.arguments) for name, kind in CATALOGUE.items())
    return (diagnose,) if last else (diagnose, *probes)


def probe_named(function: str) -> ProbeName | None:
    """The probe that a function stands for; None when it is another function."""
    return next((name for name in CATALOGUE if function == f"{_PREFIX}{name}"), None)
