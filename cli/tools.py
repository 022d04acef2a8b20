"""`tools`: every tool of the catalogue with its risk and permissions, and whether the configuration enables it."""

import argparse
from collections.abc import Iterator

from autopilot.remediation.overview import Listed, overview
from autopilot.settings import load
from cli.main import print_json

LEGEND = (
    "Tier A is tested against an emulator, tier B on the vendor's wire format. Nothing was contacted. "
    "Permissions: --json, and `starter.py iam-policy`."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print them; those that the configuration leaves out say why."""
    listed = overview(load(args.config))
    if args.json:
        print_json({"tools": [one.facts for one in listed]})
        return 0
    print("\n".join(_lines(listed)))
    return 0


def _lines(listed: tuple[Listed, ...]) -> Iterator[str]:
    width = max(len(one.name) for one in listed) + 2
    yield f"{'Tool':<{width}}Tier  Risk    Undo  Enabled"
    for one in listed:
        undo, enabled = "yes" if one.tool.reversible else "no", "yes" if one.enabled else f"no: {one.why_not}"
        yield f"{one.name:<{width}}{one.tool.tier:<6}{one.tool.risk:<8}{undo:<6}{enabled}"
    yield ""
    yield f"{len(listed)} tools, {sum(one.enabled for one in listed)} enabled."
    yield LEGEND
