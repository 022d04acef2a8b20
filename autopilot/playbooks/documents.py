"""Reading files of rules: valid documents, and problems that name file, line, key and remedy."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict, Field

from autopilot.incident.base import Name, clean
from autopilot.playbooks.config_map import CONFIG_MAP, read_config_map
from autopilot.playbooks.people import CatalogueSpec, PeopleSpec, TeamsSpec
from autopilot.playbooks.problem import Problem
from autopilot.playbooks.response import IncidentResponseSpec
from autopilot.playbooks.schedules import OnCallSpec
from autopilot.playbooks.values import Shape, mapping, near
from autopilot.playbooks.windows import WindowShape
from autopilot.playbooks.written import OWN_VERSION, Place, Written, validated
from autopilot.playbooks.yaml_tree import Source, Tree, read_trees

SPECS: dict[str, type[Shape]] = {
    "IncidentResponse": IncidentResponseSpec,
    "OnCallSchedule": OnCallSpec,
    "People": PeopleSpec,
    "Teams": TeamsSpec,
    "ServiceCatalogue": CatalogueSpec,
    "MaintenanceWindow": WindowShape,
}
"""Kind → shape of its `spec`."""
_TOP = ("apiVersion", "kind", "metadata", "spec")
_TOP_MAP = ("apiVersion", "kind", "metadata", "data", "immutable")


class Metadata(BaseModel):
    """The document's name; labels, namespace and the like are Kubernetes' own."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    name: Name = Field(min_length=1)


def _document(tree: Tree) -> tuple[list[Written], list[Problem]]:
    """One YAML document as a valid one (a ConfigMap may hold several), or its problems."""
    keys = mapping(tree.value)
    if keys is None:
        return [], [tree.problem((), "is no mapping", "start with `kind: IncidentResponse`", "document")]
    kind = str(keys.get("kind"))
    if kind not in SPECS and kind != CONFIG_MAP:
        what = f"{clean(kind, 80)!r} is not known"
        return [], [tree.problem(("kind",), what, near(kind, [*SPECS, CONFIG_MAP]))]
    problems = list(_about_top(tree, keys, _TOP_MAP if kind == CONFIG_MAP else _TOP))
    metadata, wrong = validated(Metadata, keys.get("metadata"), tree, Place(("metadata",)))
    name, problems = metadata.name if metadata else "", problems + wrong
    if kind == CONFIG_MAP:
        written, wrong = read_config_map(tree, keys.get("data"), name)
        return written, problems + wrong
    spec, wrong = validated(SPECS[kind], keys.get("spec"), tree, Place())
    version = str(keys.get("apiVersion") or OWN_VERSION)
    return ([Written(kind, name, spec, tree, version=version)] if spec else []), problems + wrong


def _about_top(tree: Tree, keys: Mapping[object, object], known: tuple[str, ...]) -> Iterator[Problem]:
    for key in keys:
        if key not in known:
            yield tree.problem((str(key),), "is not a known key", near(str(key), list(known)))
    version = keys.get("apiVersion", OWN_VERSION)
    if not isinstance(version, str) or not version.strip():
        yield tree.problem(("apiVersion",), "is no version", f"write `apiVersion: {OWN_VERSION}`")


def read_documents(text: str, file: str) -> tuple[list[Written], list[Problem]]:
    """Every document of a file, and every problem in it."""
    trees, problems = read_trees(text, Source(file))
    written: list[Written] = []
    for tree in trees if not problems else ():
        found, wrong = _document(tree)
        written += found if not wrong else []
        problems += wrong
    return written, problems
