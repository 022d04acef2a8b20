"""The tables of tools and permissions in the documents; `make schema` writes them between their markers."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from autopilot.clients.aws import AwsClients
from autopilot.permissions.actions import READS, WRITES
from autopilot.remediation.overview import NEEDED, NOTHING, RUNBOOKS, Listed, overview
from autopilot.settings import Aws, Settings
from autopilot.sources.aws import Account
from autopilot.sources.aws_sources import build_aws_sources


def everything() -> tuple[Listed, ...]:
    """Every tool over placeholders; runbooks are called NAME."""
    return overview(Settings().model_copy(update=dict(NOTHING)), {**NEEDED, **RUNBOOKS})


def tool_table(listed: Iterable[Listed]) -> Iterator[str]:
    """Every tool with what a playbook's author must know of it."""
    yield from ("| Tool | Tier | Risk | Can be undone | Needs |", "| --- " * 5 + "|")
    for one in listed:
        tool = one.tool
        undo = "yes" if tool.reversible else "no"
        needs = one.why_not.removeprefix("needs ")
        yield f"| `{one.name}` | {tool.tier} | {tool.risk} | {undo} | {needs} |"


def source_table() -> Iterator[str]:
    """What each source of AWS reads."""
    aws = Aws(flag_prefixes=("/flags",))
    yield from (
        "| Source | Actions |",
        "| --- | --- |",
        f"| list of resources, for all of them | {_told(Account.reads)} |",
    )
    for source in build_aws_sources(aws, AwsClients(aws)):
        yield f"| `{source.name}` | {_told(source.reads)} |"


def aws_table(listed: Iterable[Listed]) -> Iterator[str]:
    """What each tool on AWS looks at and changes."""
    yield from ("| Tool | Looks at | Changes |", "| --- | --- | --- |")
    for one in listed:
        looks = [action for action in one.tool.permissions if action in READS]
        changes = [action for action in one.tool.permissions if action in WRITES]
        if looks or changes:
            yield f"| `{one.name}` | {_told(looks)} | {_told(changes)} |"


def kubernetes_table(listed: Iterable[Listed]) -> Iterator[str]:
    """What each tool on Kubernetes needs of the account that writes."""
    yield from ("| Tool | Permissions |", "| --- | --- |")
    for one in listed:
        if one.tool.system == "kubernetes":
            yield f"| `{one.name}` | {_told(one.tool.permissions)} |"


def _told(permissions: Iterable[str]) -> str:
    return ", ".join(f"`{permission}`" for permission in permissions)


def tables() -> dict[str, dict[str, str]]:
    """Document → marker → the table that belongs there."""
    listed = everything()
    made: Mapping[str, Mapping[str, Iterator[str]]] = {
        "contract.md": {"tools": tool_table(listed)},
        "operations.md": {
            "sources": source_table(),
            "aws tools": aws_table(listed),
            "kubernetes tools": kubernetes_table(listed),
        },
    }
    return {document: {name: "\n".join(lines) for name, lines in parts.items()} for document, parts in made.items()}


def filled(text: str, parts: Mapping[str, str]) -> str:
    """A document with its tables put between their markers.

    Raises:
        ValueError: it has no place for one of them.
    """
    for name, table in parts.items():
        begin, end = f"<!-- {name}: written by `make schema` -->", f"<!-- end of {name} -->"
        place = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
        if not place.search(text):
            raise ValueError(f"there is no {begin} … {end}")
        text = place.sub(lambda _, table=table: f"\n{table}\n\n", text)
    return text


def write(folder: Path) -> None:
    """Bring the tables of a folder of documents up to date."""
    for document, parts in tables().items():
        path = folder / document
        path.write_text(filled(path.read_text(), parts))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
