"""Dispatch: exit codes and messages, without a server."""

import argparse
import sys
import types
from collections.abc import Callable
from typing import NoReturn

import pytest

from autopilot.incident.ports import Failure
from autopilot.settings import SettingsError
from autopilot.triggers.base import Refused
from autopilot.web.incidents import NotRunning
from cli import main as cli


def ends_with(code: int) -> Callable[[argparse.Namespace], int]:
    """A command's `run` that returns a code."""

    def run(args: argparse.Namespace) -> int:
        return code

    return run


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A command `try` whose `run` the test sets; leaving the process becomes SystemExit."""
    module = types.ModuleType("tests_try_command")

    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--number", type=int)

    def quiet(level: str, *, readable: bool) -> None:
        """Logging is not configured anew under the other tests."""

    def leave(code: int) -> NoReturn:
        raise SystemExit(code)

    module.__dict__["configure"] = configure
    module.__dict__["run"] = ends_with(0)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(cli.COMMANDS, "try", (module.__name__, "a test"))
    monkeypatch.setattr(cli, "configure", quiet)
    monkeypatch.setattr("os._exit", leave)
    return module


def left(*argv: str) -> int:
    with pytest.raises(SystemExit) as leaving:
        cli.main(list(argv))
    assert isinstance(leaving.value.code, int)
    return leaving.value.code


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (SettingsError("autopilot.yaml:3: slak: unknown"), 2, "autopilot.yaml:3"),
        (Refused(422, "service: missing.", remedy="Add it."), 2, "service: missing.\nAdd it."),
        (NotRunning("No incident 'x' is open"), 1, "No incident 'x' is open"),
        (Failure("Temporal does not answer", who="operator"), 3, "Temporal does not answer"),
        (Failure("it was too busy"), 1, "it was too busy"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_each_kind_of_error_has_its_code_and_is_told_without_a_trace(
    command: types.ModuleType, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    def fails(_: argparse.Namespace) -> int:
        raise error

    command.__dict__["run"] = fails
    assert left("try") == code
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


@pytest.mark.usefixtures("command")
def test_the_command_line_itself_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert left() == 2
    assert left("--help") == 0
    assert left("explode") == 2
    assert left("try", "--number", "many") == 2
    assert left("try", "--help") == 0
    assert left("try", "--number", "3") == 0
    said = capsys.readouterr()
    assert "'explode' is not a command" in said.err
    assert all(name in said.out for name in cli.COMMANDS)


def test_the_command_s_own_code_is_the_process_s(command: types.ModuleType) -> None:
    command.__dict__["run"] = ends_with(7)
    assert left("try") == 7


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize(
    "argv",
    [
        ("decide", "some-id"),
        ("decide", "some-id", "--option", "1", "--manual"),
        ("decide", "some-id", "--option", "first"),
        ("decide",),
        ("start",),
        ("show",),
        ("claim",),
        ("snooze", "some-id", "--minutes", "long"),
    ],
)
def test_a_command_without_what_it_needs_is_refused_before_anything_is_contacted(argv: tuple[str, ...]) -> None:
    assert left(*argv) == 2


def test_every_command_exists() -> None:
    for name, (module, purpose) in cli.COMMANDS.items():
        if name != "demo":  # loading the simulated company takes a while; its own tests do it
            assert callable(getattr(__import__(module, fromlist=["run"]), "run", None)), name
        assert purpose
