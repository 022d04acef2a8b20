"""Small questions for the tests of asking: a shape, some functions, and an asker as an attempt has it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from autopilot.case.store import FolderCaseStore
from autopilot.incident.investigation import Limits
from autopilot.incident.ports import Attempt
from autopilot.reasoning.asking.asker import Asker, Function, asker_for
from autopilot.reasoning.asking.models import Models
from autopilot.settings import Model
from tests.integration.model.server import ModelServer

INCIDENT = "incident-1"
KEY = "sk-hidden-7777"


class Cause(BaseModel):
    """A shape with a part of its own, a default and a bound."""

    class Detail(BaseModel):
        kind: Literal["deploy", "traffic"]
        note: str = ""

    service: str
    details: list[Detail] = []


class Window(BaseModel):
    """Arguments of a probe."""

    service: str
    minutes: int


CAUSE: dict[str, Any] = {"service": "checkout", "details": [{"kind": "deploy", "note": ""}]}
DIAGNOSE = Function("diagnose", "Say the cause.", Cause)
PROBE = Function("probe_metric", "Read a metric.", Window)
FUNCTIONS = (DIAGNOSE, PROBE)
MESSAGES: list[Any] = [
    {"role": "system", "content": "You explain."},
    {"role": "user", "content": "Why is it slow?"},
]


def model(server: ModelServer | str, **changes: Any) -> Model:
    """Settings for a server; keyword arguments override."""
    base_url = server if isinstance(server, str) else server.base_url
    return Model.model_validate({"kind": "openai", "base_url": base_url, "api_key": KEY} | changes)


def asker(models: Models | Model, folder: Path, attempt: int = 1, *, seconds: float = 10.0, **limits: Any) -> Asker:
    """What an attempt asks with: every call of this is a new process, as far as the asker can tell."""
    known = models if isinstance(models, Models) else Models(models)
    store = FolderCaseStore(folder)
    return asker_for(known, "analysis", store, INCIDENT, Attempt(number=attempt, seconds=seconds), Limits(**limits))


def cause(models: Models | Model, folder: Path, attempt: int = 1, **asked: Any) -> Cause:
    """Ask for the shape in a fresh attempt."""
    return asker(models, folder, attempt, **asked).ask(MESSAGES, Cause)


def stored(folder: Path) -> str:
    """Everything that was written, as one text."""
    files: Sequence[Path] = sorted(path for path in folder.rglob("*") if path.is_file())
    return "\n".join(path.read_text() for path in files)
