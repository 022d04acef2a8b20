"""Dispatch: find the command, import its module, run it, and leave with its exit code."""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, Protocol

from autopilot.incident.ports import Failure
from autopilot.observability import configure
from autopilot.settings import SettingsError
from autopilot.triggers.base import Refused
from autopilot.web.incidents import NotRunning

COMMANDS = {
    "demo": ("cli.demo", "run one incident of a simulated company from alert to review"),
    "start": ("cli.start", "start an incident from an alert file"),
    "list": ("cli.listing", "list the incidents"),
    "show": ("cli.show", "show one incident"),
    "decide": ("cli.decide", "choose an option, handle manually, or ask for another analysis"),
    "claim": ("cli.note", "say that you have it: reminders and pages stop"),
    "handled": ("cli.note", "say that you fixed it by hand: verification still runs"),
    "snooze": ("cli.note", "let the decision ladder wait"),
    "abort": ("cli.note", "stop an incident: undo what was done, write the review"),
    "serve": ("cli.serve", "run the gateway: webhooks, API and incident pages"),
    "analyze": ("cli.analyze", "analyse a stored case again, without a model; table, JSON or pictures"),
    "replay": ("cli.replay", "conclude about a stored case again and compare with the diagnosis of record"),
    "doctor": ("cli.doctor", "check configuration and connections, say what to do"),
    "check": ("cli.check", "check playbooks, on-call schedules and people, with line and remedy"),
    "freeze": ("cli.freeze", "stop all changes at once, in every incident, undo included"),
    "thaw": ("cli.freeze", "allow changes again"),
    "scorecard": ("cli.scorecard", "how often people agreed and how often it worked, per service and tool"),
    "audit": ("cli.audit", "print what was asked, decided and done, as JSON lines"),
    "tools": ("cli.tools", "every tool with its risk and permissions, and why one is not enabled"),
    "iam-policy": ("cli.iam_policy", "the least that AWS and the other configured systems must allow"),
    "register": ("cli.register", "register the search attributes with Temporal"),
}

EXIT_FAILED = 1
"""The command ran and what it was asked for did not succeed."""
EXIT_USAGE = 2
"""Arguments or configuration cannot be used."""
EXIT_UNREACHABLE = 3
"""Temporal or another system cannot be reached."""
EXIT_INTERRUPTED = 130
"""Stopped by a signal."""


class Command(Protocol):
    """What a command module offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Do it; returns the exit code."""
        ...


def print_json(value: Mapping[str, object]) -> None:
    """The last line of stdout for programs: exactly one JSON object."""
    print(json.dumps(value, default=str, ensure_ascii=False), flush=True)


def main(argv: list[str]) -> NoReturn:
    """Run a command and end the process."""
    code = _run(argv)
    sys.stdout.flush()
    sys.stderr.flush()
    # A Temporal client's runtime threads can abort a short process at interpreter exit (sdk-python #300).
    os._exit(code)


def _run(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        _usage()
        return 0 if argv else EXIT_USAGE
    name = argv[0]
    if name not in COMMANDS:
        print(f"starter.py: {name!r} is not a command. Commands: {', '.join(COMMANDS)}", file=sys.stderr)
        return EXIT_USAGE
    module_name, purpose = COMMANDS[name]
    try:
        module: Command = importlib.import_module(module_name)  # pyright: ignore[reportAssignmentType] - by Protocol
    except ModuleNotFoundError as error:
        print(f"`{name}` needs the package {error.name!r}; `make demo` in a checkout installs it.", file=sys.stderr)
        return EXIT_USAGE
    parser = argparse.ArgumentParser(prog=f"starter.py {name}", description=purpose)
    parser.set_defaults(command=name)
    parser.add_argument("--config", type=Path, help="settings file (default: $AUTOPILOT_CONFIG or autopilot.yaml)")
    module.configure(parser)
    try:
        args = parser.parse_args(argv[1:])
    except SystemExit as leaving:
        return int(leaving.code or 0)
    configure("WARNING", readable=sys.stderr.isatty())
    return _guarded(module, args)


def _guarded(module: Command, args: argparse.Namespace) -> int:
    try:
        return module.run(args)
    except SettingsError as error:
        print(f"Configuration:\n{error}", file=sys.stderr)
        return EXIT_USAGE
    except Refused as refusal:
        print(f"Refused: {refusal}\n{refusal.remedy}".rstrip(), file=sys.stderr)
        return EXIT_USAGE
    except NotRunning as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except Failure as error:
        print(error, file=sys.stderr)
        return EXIT_UNREACHABLE if error.who == "operator" else EXIT_FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _usage() -> None:
    print("usage: python starter.py COMMAND [--help] ...\n")
    for name, (_, purpose) in COMMANDS.items():
        print(f"  {name:<10} {purpose}")
