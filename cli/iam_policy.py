"""`iam-policy`: the least that AWS and the other configured systems must allow. Nothing is contacted."""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping

from autopilot.permissions.aws_policy import Policy, policies
from autopilot.permissions.kubernetes_roles import roles
from autopilot.permissions.scopes import Scopes, scopes
from autopilot.remediation.overview import listed_tools
from autopilot.settings import S3Store, load
from cli.main import EXIT_USAGE, print_json

HEADINGS = {
    "reading": "to read: sources, what tools look at, the case store",
    "acting": "to act, besides reading: attach it only where the product may change something",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--account", default="*", metavar="NUMBER", help="of the watched account; default: any")
    parser.add_argument("--only", choices=tuple(HEADINGS), help="print this AWS policy document alone")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    if not re.fullmatch(r"\d{12}|\*", args.account):
        print(f"--account {args.account!r} is no account number: write its 12 digits.", file=sys.stderr)
        return EXIT_USAGE
    settings = load(args.config)
    tools = listed_tools(settings)
    aws = policies(settings, tools, args.account) if settings.aws or isinstance(settings.store, S3Store) else {}
    if args.only:
        if not aws:
            print("There is no `aws` section and no case store in a bucket: no policy is needed.", file=sys.stderr)
            return EXIT_USAGE
        print(json.dumps(aws[args.only], indent=2))
        return 0
    documents = roles(settings.kubernetes, tools) if settings.kubernetes else {}
    systems = scopes(settings, tools)
    if args.json:
        needs = {row.system: row.apart for row in systems}
        print_json({"aws": aws, "kubernetes": documents, "scopes": needs})
    else:
        print("\n".join(_lines(aws, documents, systems)))
    return 0


def _lines(aws: Mapping[str, Policy], documents: Mapping[str, str], systems: tuple[Scopes, ...]) -> Iterator[str]:
    for what, policy in aws.items():
        yield from (f"# AWS, {HEADINGS[what]}", json.dumps(policy, indent=2), "")
    for what, document in documents.items():
        yield from (f"# Kubernetes, the account that is {what}", document)
    for row in systems:
        yield f"# {row.system}"
        yield from (f"{what}: {', '.join(needs)}" for what, needs in row.apart.items() if needs)
        yield ""
    if not (aws or documents or systems):
        yield "Nothing is configured that needs a permission."
