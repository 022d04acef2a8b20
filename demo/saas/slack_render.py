"""Block Kit and mrkdwn as HTML, near enough to Slack for a person to read and judge."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from markupsafe import Markup, escape

from demo.saas.server import Json, as_object, as_objects

EMOJI = {
    "rotating_light": "\U0001f6a8", "white_check_mark": "\u2705", "warning": "\u26a0\ufe0f", "x": "\u274c",
    "mag": "\U0001f50d", "hourglass": "\u231b", "hourglass_flowing_sand": "\u23f3", "rocket": "\U0001f680",
    "large_green_circle": "\U0001f7e2", "red_circle": "\U0001f534", "large_yellow_circle": "\U0001f7e1",
    "large_orange_circle": "\U0001f7e0", "bulb": "\U0001f4a1", "eyes": "\U0001f440", "memo": "\U0001f4dd",
    "wrench": "\U0001f527", "bell": "\U0001f514", "fire": "\U0001f525", "raised_hand": "\u270b",
    "leftwards_arrow_with_hook": "\u21a9\ufe0f", "chart_with_upwards_trend": "\U0001f4c8",
    "robot_face": "\U0001f916",
}  # fmt: skip
_SPAN = re.compile(
    r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`|<(?P<link>[^<>\n]+)>|:(?P<emoji>[a-z0-9_+-]+):"
    r"|(?<![\w*])\*(?P<bold>[^*\n]+)\*(?![\w*])|(?<![\w_])_(?P<italic>[^_\n]+)_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>[^~\n]+)~",
    re.DOTALL,
)


def _plain(text: str) -> Markup:
    readable = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return escape(readable).replace("\n", Markup("<br>"))


def _link(inside: str) -> Markup:
    target, _, label = inside.partition("|")
    if target.startswith("!date^"):
        return _plain(label or datetime.fromtimestamp(int(target.split("^")[1]), UTC).strftime("%H:%M:%S UTC"))
    if target[:1] in {"@", "#", "!"}:
        return Markup('<span class="mention">{}</span>').format(f"@{label or target[1:]}")
    if not re.match(r"(https?|mailto):", target):
        return _plain(f"<{inside}>")
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(
        target.replace("&amp;", "&"), _plain(label or target)
    )


def mrkdwn(text: str) -> Markup:
    """Slack's own light markup as HTML; everything else is escaped."""
    parts: list[Markup] = []
    position = 0
    for found in _SPAN.finditer(text):
        parts.append(_plain(text[position : found.start()]))
        kind, inside = str(found.lastgroup), found.group(str(found.lastgroup))
        if kind == "pre":
            parts.append(
                Markup("<pre>{}</pre>").format(Markup(str(_plain(inside.strip("\n"))).replace("<br>", "\n")))
            )
        elif kind == "code":
            parts.append(Markup("<code>{}</code>").format(_plain(inside)))
        elif kind == "link":
            parts.append(_link(inside))
        elif kind == "emoji":
            parts.append(_plain(EMOJI.get(inside, f":{inside}:")))
        else:
            tag = Markup({"bold": "strong", "italic": "em", "strike": "s"}[kind])
            parts.append(Markup("<{0}>{1}</{0}>").format(tag, mrkdwn(inside)))
        position = found.end()
    parts.append(_plain(text[position:]))
    return _quoted(Markup("").join(parts))


def _quoted(html: Markup) -> Markup:
    if "&gt;" not in html[:4] and "<br>&gt;" not in html:
        return html
    lines = [
        f"<blockquote>{line[4:].strip()}</blockquote>" if line.startswith("&gt;") else f"{line}<br>"
        for line in str(html).split("<br>")
    ]
    return Markup("".join(lines))  # built of escaped pieces only


def text_object(text: Json | None) -> Markup:
    """A mrkdwn or plain_text object."""
    if not text:
        return Markup("")
    if text.get("type") == "mrkdwn":
        return mrkdwn(str(text.get("text", "")))
    plain = re.sub(r":([a-z0-9_+-]+):", lambda m: EMOJI.get(m[1], m[0]), str(text.get("text", "")))
    return escape(plain).replace("\n", Markup("<br>"))


def _button(element: Json, block: Json, message: Json) -> Markup:
    asked = str(as_object(as_object(element.get("confirm")).get("text")).get("text", ""))
    return Markup(
        '<form method="post" action="/page/click" data-confirm="{asked}">'
        '<input type="hidden" name="channel" value="{channel}"><input type="hidden" name="ts" value="{ts}">'
        '<input type="hidden" name="block_id" value="{block}">'
        '<input type="hidden" name="action_id" value="{action}">'
        '<button class="button {style}">{label}</button></form>'
    ).format(
        asked=asked, channel=message["channel"], ts=message["ts"], block=block.get("block_id", ""),
        action=element.get("action_id", ""), style=element.get("style", ""), label=text_object(element.get("text")),
    )  # fmt: skip


def _section(block: Json, message: Json) -> Markup:
    fields = Markup("").join(Markup("<div>{}</div>").format(text_object(f)) for f in block.get("fields", []))
    accessory = block.get("accessory")
    return Markup('<div class="section"><div class="body">{}{}</div>{}</div>').format(
        text_object(block.get("text")),
        Markup('<div class="fields">{}</div>').format(fields) if fields else "",
        _button(accessory, block, message) if accessory and accessory.get("type") == "button" else "",
    )


def _context(part: Json, _message: Json) -> Markup:
    inner = (text_object(e) for e in as_objects(part.get("elements")) if e.get("type") != "image")
    spans = Markup("").join(Markup("<span>{}</span>").format(t) for t in inner)
    return Markup('<div class="context">{}</div>').format(spans)


def _actions(part: Json, message: Json) -> Markup:
    inner = (_button(e, part, message) for e in as_objects(part.get("elements")) if e.get("type") == "button")
    return Markup('<div class="actions">{}</div>').format(Markup("").join(inner))


def _markdown(part: Json, _message: Json) -> Markup:
    return Markup('<div class="section">{}</div>').format(mrkdwn(str(part.get("text", "")).replace("**", "*")))


_BLOCKS: dict[str, Callable[[Json, Json], Markup]] = {
    "section": _section,
    "divider": lambda _part, _message: Markup("<hr>"),
    "header": lambda part, _message: Markup("<h3>{}</h3>").format(text_object(part.get("text"))),
    "context": _context,
    "actions": _actions,
    "markdown": _markdown,
}


def block(part: Json, message: Json) -> Markup:
    """One block of a message."""
    draw = _BLOCKS.get(str(part.get("type")))
    return draw(part, message) if draw else Markup('<div class="context">[{}]</div>').format(part.get("type"))


def attachment(part: Json, message: Json) -> Markup:
    """One secondary attachment with its coloured bar."""
    title = text_object({"type": "plain_text", "text": str(part.get("title", ""))})
    link = str(part.get("title_link", ""))
    if link.startswith(("http://", "https://")):
        title = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(link, title)
    fields = Markup("").join(
        Markup("<div><strong>{}</strong><br>{}</div>").format(f.get("title", ""), mrkdwn(str(f.get("value", ""))))
        for f in part.get("fields", [])
    )
    colour = re.sub(r"[^0-9a-fA-F]", "", str(part.get("color", "")))[:6] or "dddddd"
    return Markup(
        '<div class="attachment" style="border-color:#{}"><div class="title">{}</div>{}<div class="fields">{}</div>'
        '{}<div class="context">{}</div></div>'
    ).format(
        colour, title, mrkdwn(str(part.get("text", ""))), fields,
        Markup("").join(block(b, message) for b in part.get("blocks", [])), mrkdwn(str(part.get("footer", ""))),
    )  # fmt: skip


def content(message: Json) -> Markup:
    """The whole content of a message: blocks if there are any, else the text; then attachments."""
    blocks = as_objects(message.get("blocks"))
    shown = (block(b, message) for b in blocks) if blocks else (mrkdwn(str(message.get("text", ""))),)
    more = (attachment(a, message) for a in as_objects(message.get("attachments")))
    return Markup("").join((*shown, *more))
