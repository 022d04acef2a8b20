"""`decide ID`: an option, manual, or another analysis, in the local identity's name (unproven)."""

import argparse
import asyncio
from datetime import UTC, datetime

from autopilot.incident.decision import DecisionSignal
from cli.connection import group_of, incidents, new_decision_id
from cli.main import EXIT_FAILED, print_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("id", help="incident id or group")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--option", type=int, metavar="N", help="carry out option N")
    choice.add_argument("--manual", action="store_true", help="people handle it by hand")
    choice.add_argument("--reanalyse", metavar="TEXT", help="analyse again with this hint")
    parser.add_argument("--plan", default="", metavar="DIGEST", help="refuse unless this is still the plan")
    parser.add_argument("--comment", default="", metavar="TEXT", help='"wrong analysis: …" is kept and counted')
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Send it and print the judgement; exit code 1 when it was refused."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    settings, found = await incidents(args)
    actor = settings.identity.actor
    signal = DecisionSignal(
        decision_id=new_decision_id(),
        incident_id=args.id if "." in args.id else "",
        plan_digest=args.plan,
        choice="option" if args.option is not None else "manual" if args.manual else "reanalyse",
        option=args.option,
        comment=args.comment or args.reanalyse or "",
        actor=f"local:{actor}",
        actor_name=actor,
        channel="cli",
        at=datetime.now(UTC).isoformat(),
    )
    judgement = await found.decide_checked(group_of(args.id), signal)
    if args.json:
        print_json(judgement.model_dump(mode="json"))
    else:
        print(f"{'accepted' if judgement.accepted else 'refused (' + judgement.reason + ')'}: {judgement.message}")
    return 0 if judgement.accepted else EXIT_FAILED
