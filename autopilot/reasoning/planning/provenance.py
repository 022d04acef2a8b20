"""Where every argument of a step comes from: checked by code before anybody is offered the step. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autopilot.incident.base import Scalar
from autopilot.incident.finding import Dossier
from autopilot.incident.plan import Step
from autopilot.reasoning.judging.tokens import CITED
from autopilot.remediation.base import Candidate, InventoryItem
from autopilot.remediation.evidence import records_of
from autopilot.remediation.tool import OWN

FARTHEST = 10
"""A number is at most this many times what was observed: beyond, it did not come from there."""

_PATH = re.compile(r"(?P<path>\w[\w.-]*(?:\[\d{1,3}\])?)(?: (?P<value>[^;]+))?(?:; .*)?")
_VERSION = re.compile(r"versions\[(\d{1,3})\]")
_TRAITS = ("service", "name", "kind", "region", "resource")


@dataclass(frozen=True)
class _Origin:
    """What a source says: an observed value, or that the tool brings the argument along."""

    observed: Scalar = None
    own: bool = False
    version: int | None = None
    """Which of the item's versions, when it is one of them."""


class _Unknown(Exception):
    """The source does not lead anywhere."""


def provenance_problem(candidate: Candidate, inventory: Sequence[InventoryItem], dossier: Dossier) -> str:
    """Why a step must not be offered; empty when its target and every argument were observed.

    An argument is accepted when its source names an item and a path that hold its value, when the tool's own rules
    make it of the value there (`Candidate.own`), or when it is a number of the order of the number there. Nothing
    that was only read in a text (a log line, a ticket, a commit message, a model's answer) has such a source.
    """
    step = candidate.step
    item = _item(step, inventory)
    if item is None:
        return f"{step.tool}: its target is not in the inventory"
    stray = sorted(step.sources.keys() - step.arguments.keys())
    if stray:
        return f"{step.tool}: a source is given for {stray[0]!r}, which is no argument"
    for name, value in step.arguments.items():
        problem = _argument_problem(candidate, name, value, item, dossier)
        if problem:
            return f"{step.tool}: {name!r} {problem}"
    return ""


def _item(step: Step, inventory: Sequence[InventoryItem]) -> InventoryItem | None:
    """The item a step acts on, or for steps that ask people the one that speaks for the service."""
    own = next((item for item in inventory if item.resource == step.target), None)
    if own is not None:
        return own
    asked = step.service and step.target.endswith(f":{step.service}") and not step.target.startswith("arn:")
    return next((item for item in inventory if asked and item.service == step.service), None)


def _argument_problem(candidate: Candidate, name: str, value: Scalar, item: InventoryItem, dossier: Dossier) -> str:
    source = candidate.step.sources.get(name, "")
    if not source:
        return "has no source"
    strangers = [i for i in _cited(source) if dossier.finding(i) is None]
    if strangers:
        return f"rests on {strangers[0]}, which is no finding"
    try:
        origin = _origin(source, candidate.step, item)
    except _Unknown as problem:
        return str(problem)
    sick = _version_problem(candidate, source, origin.version, item, dossier)
    if sick:
        return sick
    own = candidate.own.get(name, ())
    if _among(value, own) or (not origin.own and _follows(value, origin.observed, own)):
        return ""
    return "is not what the tool brings along" if origin.own else "is not what was observed there"


def _origin(source: str, step: Step, item: InventoryItem) -> _Origin:
    """What the source leads to. Raises _Unknown."""
    if source.startswith(OWN):
        if source.removeprefix(OWN).partition(";")[0] != step.tool:
            raise _Unknown("names another tool as its source")
        return _Origin(own=True)
    start = f"inventory {item.name} "
    if not source.startswith(start):
        raise _Unknown("comes neither from the observed item nor from the tool")
    found = _PATH.fullmatch(source.removeprefix(start))
    if found is None:
        raise _Unknown("has a source that is no inventory path")
    version = _VERSION.fullmatch(found["path"])
    observed = _at(item, found["path"])
    if found["value"] is not None and found["value"] != str(observed):
        raise _Unknown("names a value that the inventory does not have there")
    return _Origin(observed, version=int(version[1]) if version else None)


def _at(item: InventoryItem, path: str) -> Scalar:
    """The observed value at a path of an item. Raises _Unknown."""
    version = _VERSION.fullmatch(path)
    if version is not None:
        index = int(version[1])
        if index < len(item.versions) and "version" in item.versions[index]:
            return item.versions[index]["version"]
    elif path in item.settings:
        return item.settings[path]
    elif path in _TRAITS:
        return str(getattr(item, path))
    raise _Unknown("has a source that the inventory does not have")


def _version_problem(
    candidate: Candidate, source: str, index: int | None, item: InventoryItem, dossier: Dossier
) -> str:
    """Why one must not go back to a version; empty when telemetry vouches for it, or the candidate is marked."""
    if index is None:
        return ""
    cited, records = _cited(source), records_of(item, item.versions[index], dossier)
    if any(not record.healthy for record in records):
        return "is a version that telemetry shows unhealthy"
    vouched = any(record.finding_id in cited for record in records)
    return "" if vouched or candidate.unproven else "is a version that no cited finding shows healthy"


def _cited(source: str) -> list[str]:
    """The findings that a source's note names; what stands before the semicolon are names of the inventory."""
    return CITED.findall(source.partition(";")[2])


def _among(value: Scalar, own: Sequence[Scalar]) -> bool:
    return any(type(value) is type(one) and value == one for one in own)


def _follows(value: Scalar, observed: Scalar, own: Sequence[Scalar]) -> bool:
    """Whether a value is the observed one, the tool's text about it, or a number of its order."""
    if observed is None or observed == "":
        return False
    if isinstance(value, str):
        made = (text.format(observed) for text in own if isinstance(text, str) and "{}" in text)
        return value == str(observed) or value in made
    if isinstance(value, bool) or isinstance(observed, bool):
        return value is observed
    if isinstance(value, int | float) and isinstance(observed, int | float):
        return 0 <= value <= FARTHEST * max(observed, 1)
    return False
