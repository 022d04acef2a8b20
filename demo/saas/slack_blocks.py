"""Block Kit as Slack judges it: the limits that make a message `invalid_blocks`, and the buttons in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from demo.saas.server import Json, as_object, as_objects

MAX_BLOCKS = {"message": 50, "modal": 100}
KNOWN_BLOCKS = {
    "section", "divider", "context", "header", "actions", "input", "image", "rich_text", "markdown", "table",
}  # fmt: skip


@dataclass(frozen=True)
class Button:
    """A button as it stood when it was read: it can be clicked later although the message has changed."""

    action_id: str
    value: str
    label: str
    style: str
    block_id: str
    channel: str
    message_ts: str

    def answers_to(self, name: str) -> bool:
        """Whether a person could mean this button by `name`: its id, value, label or part of the label."""
        return name in {self.action_id, self.value, self.label} or name.lower() in self.label.lower()


def buttons(message: Json) -> list[Button]:
    """The buttons of a message, in reading order."""
    return [
        Button(
            action_id=str(element.get("action_id", "")),
            value=str(element.get("value", "")),
            label=str(element.get("text", {}).get("text", "")),
            style=str(element.get("style", "")),
            block_id=str(block.get("block_id", "")),
            channel=str(message.get("channel", "")),
            message_ts=str(message.get("ts", "")),
        )
        for block in _all_blocks(message)
        for element in elements(block)
        if element.get("type") == "button"
    ]


def _all_blocks(message: Json) -> Iterator[Json]:
    yield from as_objects(message.get("blocks"))
    for attachment in as_objects(message.get("attachments")):
        yield from as_objects(attachment.get("blocks"))


def elements(block: Json) -> list[Json]:
    """The interactive elements of a block."""
    if block.get("type") == "actions":
        return list(block.get("elements", []))
    found = block.get("accessory") or block.get("element")
    return [found] if found else []


def numbered(blocks: list[Json], start: str) -> list[Json]:
    """Blocks and their elements with the ids that Slack fills in where the app gave none."""
    filled: list[Json] = []
    for index, block in enumerate(blocks):
        whole = {"block_id": f"{start}{index}"} | block
        for position, element in enumerate(elements(whole)):
            element.setdefault("action_id", f"{start}{index}-{position}")
        filled.append(whole)
    return filled


def _text_problems(where: str, text: Any, limit: int, kinds: tuple[str, ...]) -> Iterator[str]:
    given = as_object(text)
    if given.get("type") not in kinds:
        yield f"must be a text object of type {' or '.join(kinds)} [json-pointer:{where}]"
    elif not given.get("text"):
        yield f"must be more than 0 characters [json-pointer:{where}/text]"
    elif len(str(given["text"])) > limit:
        yield f"must be less than {limit + 1} characters [json-pointer:{where}/text]"


BOTH = ("mrkdwn", "plain_text")


def _section_problems(where: str, block: Json) -> Iterator[str]:
    if "text" not in block and not block.get("fields"):
        yield f"missing required field: text or fields [json-pointer:{where}]"
    if "text" in block:
        yield from _text_problems(f"{where}/text", block["text"], 3_000, BOTH)
    fields = block.get("fields", [])
    if len(fields) > 10:
        yield f"no more than 10 items allowed [json-pointer:{where}/fields]"
    for index, field in enumerate(fields):
        yield from _text_problems(f"{where}/fields/{index}", field, 2_000, BOTH)


def _context_problems(where: str, block: Json) -> Iterator[str]:
    parts = block.get("elements", [])
    if not 1 <= len(parts) <= 10:
        yield f"between 1 and 10 items required [json-pointer:{where}/elements]"
    for index, part in enumerate(parts):
        if part.get("type") != "image":
            yield from _text_problems(f"{where}/elements/{index}", part, 3_000, BOTH)


def _actions_problems(where: str, block: Json) -> Iterator[str]:
    parts = block.get("elements", [])
    if not 1 <= len(parts) <= 25:
        yield f"between 1 and 25 items required [json-pointer:{where}/elements]"
    ids = [part["action_id"] for part in parts if part.get("action_id")]
    if len(ids) != len(set(ids)):
        yield f"`action_id` must be unique within a block [json-pointer:{where}/elements]"


def _element_problems(where: str, element: Json) -> Iterator[str]:
    if element.get("type") == "button":
        yield from _text_problems(f"{where}/text", element.get("text"), 75, ("plain_text",))
        if element.get("style", "primary") not in {"primary", "danger"}:
            yield f"must be a valid enum value [json-pointer:{where}/style]"
    if len(str(element.get("action_id", ""))) > 255:
        yield f"must be less than 256 characters [json-pointer:{where}/action_id]"
    if len(str(element.get("value", ""))) > 2_000:
        yield f"must be less than 2001 characters [json-pointer:{where}/value]"


def _block_problems(where: str, block: Json) -> Iterator[str]:
    kind = block.get("type")
    if kind not in KNOWN_BLOCKS:
        yield f"unsupported type: {kind} [json-pointer:{where}/type]"
    elif kind == "section":
        yield from _section_problems(where, block)
    elif kind == "context":
        yield from _context_problems(where, block)
    elif kind == "actions":
        yield from _actions_problems(where, block)
    elif kind == "header":
        yield from _text_problems(f"{where}/text", block.get("text"), 150, ("plain_text",))
    elif kind == "input":
        yield from _text_problems(f"{where}/label", block.get("label"), 2_000, ("plain_text",))
    if len(str(block.get("block_id", ""))) > 255:
        yield f"must be less than 256 characters [json-pointer:{where}/block_id]"
    for index, element in enumerate(elements(block)):
        yield from _element_problems(f"{where}/elements/{index}", element)


def block_problems(given: Any, surface: str = "message") -> list[str]:
    """Why Slack would refuse these blocks; empty when it would take them."""
    blocks = as_objects(given)
    if not isinstance(given, list) or len(blocks) != len(given):  # pyright: ignore[reportUnknownArgumentType]
        return ["must be an array of blocks [json-pointer:/blocks]"]
    problems: list[str] = []
    if len(blocks) > MAX_BLOCKS[surface]:
        problems.append(f"no more than {MAX_BLOCKS[surface]} items allowed [json-pointer:/blocks]")
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        problems.append("`block_id` must be unique [json-pointer:/blocks]")
    for index, block in enumerate(blocks):
        problems += _block_problems(f"/blocks/{index}", block)
    return problems
