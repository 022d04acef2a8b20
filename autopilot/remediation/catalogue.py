"""The catalogue: every tool that the configuration enables, by name. A new system is one new module beside this."""

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

from autopilot import remediation
from autopilot.channels.base import Pager, TicketSystem
from autopilot.clients.aws import AwsClients
from autopilot.remediation.base import Candidate, Context, Tool
from autopilot.remediation.parts import KeepsDocuments, Parts
from autopilot.settings import Settings, Tools

BUILDER = "build_tools"
"""The function by which a module of this package gives its tools."""


class Catalogue:
    """Tools in a stable order; names are unique."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        """Raises ValueError when two tools share a name: a decision could not say which one it approved."""
        self.tools: tuple[Tool, ...] = tuple(tools)
        self._by_name = {tool.name: tool for tool in self.tools}
        if len(self._by_name) != len(self.tools):
            raise ValueError("two tools of the catalogue have the same name")

    def find(self, name: str) -> Tool | None:
        """The tool with this name, if the configuration enables it."""
        return self._by_name.get(name)

    def candidates(self, context: Context) -> tuple[Candidate, ...]:
        """Every step that some tool offers on some item of the inventory."""
        return tuple(c for item in context.inventory for tool in self.tools for c in tool.candidates(item, context))


def _builders() -> Iterator[Callable[[Parts], Sequence[Tool]]]:
    """The builders of all modules of the package, by the modules' names."""
    for found in sorted(pkgutil.iter_modules(remediation.__path__), key=lambda module: module.name):
        module: Any = import_module(f"{remediation.__name__}.{found.name}")
        if hasattr(module, BUILDER):
            yield getattr(module, BUILDER)


def enabled(tools: Tools, name: str) -> bool:
    """Whether the settings let a tool of this name exist."""
    return any(fnmatchcase(name, p) for p in tools.enabled) and not any(
        fnmatchcase(name, p) for p in tools.disabled
    )


def build_catalogue(
    settings: Settings,
    aws: AwsClients | None = None,
    ticket_systems: Sequence[TicketSystem] = (),
    pager: Pager | None = None,
    cases: KeepsDocuments | None = None,
) -> Catalogue:
    """The tools that the settings enable.

    Args:
        settings: what is configured; without an `aws` section there are no AWS tools.
        aws: clients of the watched account.
        ticket_systems: those that may be written to, the preferred one first.
        pager: the pager, if there is one.
        cases: where an incident's documents are kept.
    """
    parts = Parts(settings, aws if settings.aws is not None else None, tuple(ticket_systems), pager, cases)
    built = [tool for build in _builders() for tool in build(parts)]
    return Catalogue(tool for tool in built if enabled(settings.tools, tool.name))
