"""docker-compose.yml as data, and its services as commands that run on this machine."""

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def services() -> dict[str, dict[str, Any]]:
    """The services by name."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def interpolated(text: str, given: Mapping[str, str]) -> str:
    """Fill in `${NAME}`, `${NAME:-default}` and `${NAME:?message}` as compose does. Raises KeyError."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        return given.get(name) or rest if kind == "-" else given[name]

    return _VARIABLE.sub(value, text)


class LocalService:
    """One service of the file with its places moved to this machine."""

    def __init__(self, name: str, places: Mapping[str, str], given: Mapping[str, str]) -> None:
        self._service, self._places, self._given = services()[name], places, given

    def _here(self, text: str) -> str:
        text = interpolated(text, self._given)
        for there, here in self._places.items():
            text = text.replace(there, here)
        return text

    def _program(self, words: list[str]) -> list[str]:
        here = [self._here(word) for word in words]
        return [sys.executable if here[0] == "python" else here[0], *here[1:]]

    @property
    def command(self) -> list[str]:
        """What the container runs."""
        return self._program(self._service["command"])

    @property
    def environment(self) -> dict[str, str]:
        """What the container is given; a name without a value only when it is given."""
        named = self._service["environment"].items()
        passed = {name: self._given.get(name) if value is None else self._here(value) for name, value in named}
        return {name: value for name, value in passed.items() if value is not None}

    @property
    def health_check(self) -> list[str]:
        """The command that says whether it works."""
        test = self._service["healthcheck"]["test"]
        return self._program(test[1:] if test[0] == "CMD" else ["sh", "-c", shlex.join(test[1:])])
