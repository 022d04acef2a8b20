"""`claim`, `handled`, `snooze`, `abort`: what a person says to a running incident."""

import argparse
import asyncio

from cli.connection import group_of, incidents, note
from cli.main import print_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("id", help="incident id or group")
    parser.add_argument("--comment", default="", metavar="TEXT")
    parser.add_argument("--minutes", type=float, default=15, help="for snooze (default 15)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Send it."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    settings, found = await incidents(args)
    say = {"claim": found.claim, "handled": found.handled, "snooze": found.snooze, "abort": found.abort}
    await say[args.command](group_of(args.id), note(settings, args.comment, args.minutes))
    if args.json:
        print_json({"incident": args.id, "said": args.command})
    else:
        print(f"{args.command}: {args.id} was told.")
    return 0
