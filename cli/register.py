"""`register`: make the search attributes known to Temporal; harmless when repeated."""

import argparse
import asyncio

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client

from activities.search_attributes import TYPES, missing
from autopilot.settings import load
from cli.main import print_json
from starter import connect

_KINDS = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Register what is missing."""
    return asyncio.run(_run(args))


async def register(client: Client) -> list[str]:
    """Register what is missing; returns the names that were added."""
    absent = await missing(client)
    if absent:
        request = AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes={name: _KINDS[TYPES[name]] for name in absent}
        )
        await client.operator_service.add_search_attributes(request)
    return absent


async def _run(args: argparse.Namespace) -> int:
    added = await register(await connect(load(args.config)))
    if args.json:
        print_json({"registered": added, "all": TYPES})
    else:
        print(f"Registered: {', '.join(added) or 'nothing new'}. All {len(TYPES)} search attributes are known.")
    return 0
