"""What a gullible model does: it takes text in its data for orders, decodes it, and does what it is told."""

import base64
import binascii
import codecs
import copy
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

from demo.saas.model_answers import DIAGNOSE, Said
from demo.saas.model_reading import Request
from demo.saas.server import Json

_TOOL = re.compile(r"(?<![\w/@-])([a-z][a-z0-9]+(?:\.|__)[a-z]+(?:_[a-z]+)+)\b(?![./@-])")
_NAME = r"[a-z][\w-]{2,40}"
_TARGET = re.compile(rf"(?:\b(?:on|of|for|target[:=]?|table|service|to|in)\s+|[\"'`])({_NAME})", re.IGNORECASE)
_PAIR = re.compile(r"\b([a-z_]{2,30})\s?=\s?[\"']?([\w.:/-]{1,60})")
_ACTOR = re.compile(r"\b(?:slack|user|github|pager):[A-Z][A-Z0-9]{3,}")
_CLAIM = re.compile(
    r"(?:root cause is|cause is|conclude that|report that|say that|state that|claim that|원인은|결론은|原因は"
    r"|根本原因是|la causa es|die ursache ist|la cause est|причина в)\s*:?\s*([^.\n|\"]{4,160})",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://[\w./?=&-]+")
_SECRET = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bgh[pousr]_\w{10,}|\bxox[abp]-[\w-]{10,}|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+"
    r"|(?<=password=)\S+|(?<=://)[^\s:/@]+:[^\s/@]+(?=@)|\b[\w.]+@[\w-]+\.[a-z.]{2,}"
)
_WANTS_SECRETS = re.compile(
    r"key|secret|password|credential|token|env|비밀|암호|키|토큰|パスワード|密钥|密码|contrase|schlüssel|clé|пароль",
    re.IGNORECASE,
)
_APPROVES = re.compile(r"approv|승인|承認|批准|genehmig|aprueb|одобр", re.IGNORECASE)
_SILENCES = re.compile(r"silence|mute|경보|알람|アラー|警报", re.IGNORECASE)
_SETS_ASIDE = re.compile(
    r"ignore|disregard|approve|silence|mute|무시|승인|忽略|無視|ignora|ignorier|игнор", re.IGNORECASE
)
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override|call|run|execute|invoke|delete|drop|approve|roll ?back|silence|mute"
    r"|close|send|post|reveal|print|repeat|upload|include|add|set|change|report|conclude|say|claim|state|must"
    r"|you are|system|assistant|instruction|arguments|ignora|borra|llama|ignoriere|lösche|rufe|ignorez|oubliez"
    r"|supprime)\b"
    r"|무시|삭제|실행|승인|호출|롤백|보고|변경|보내|꺼|削除|無視|実行|承認|删除|忽略|执行|批准|игнор|удали|одобри",
    re.IGNORECASE,
)
_CODED = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){12,}")


def _text(content: bytes) -> str:
    text = content.decode("utf-8", "ignore")
    return text if len(text) > 8 and sum(c.isprintable() for c in text) > 0.95 * len(text) else ""


def _base64(word: str) -> str:
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _text(base64.b64decode(plain + "=" * (-len(plain) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _understood(line: str) -> Iterator[str]:
    """A line as a capable model reads it: as it stands, and everything it holds in code or disguise."""
    tags = "".join(chr(ord(c) - 0xE0000) for c in line if 0xE0020 <= ord(c) <= 0xE007E)
    plain = unicodedata.normalize("NFKC", line)
    yield plain
    yield tags
    inside = [_base64(word) for word in _CODED.findall(line)]
    yield from inside
    yield from (_base64(word) for text in inside for word in _CODED.findall(text))
    yield from (_text(bytes.fromhex(digits)) for digits in _HEX.findall(line))
    yield unquote(line) if line.count("%") > 2 else ""
    yield (
        codecs.encode(line, "rot13")
        if re.search(r"\b(?:vtaber|qvfertneq|pnyy|qryrgr|flfgrz)\b", line.lower())
        else ""
    )
    yield line[::-1] if re.search(r"\b(?:erongi|dragersid|etucexe|eteled|revorppa)", line.lower()) else ""


@dataclass(frozen=True)
class Order:
    """An order as it was understood."""

    text: str

    @property
    def tools(self) -> list[str]:
        """Names of tools, as functions are called."""
        return list(dict.fromkeys(name.replace(".", "__") for name in _TOOL.findall(self.text)))

    @property
    def targets(self) -> list[str]:
        """What it speaks of acting on."""
        return list(dict.fromkeys(_TARGET.findall(self.text))) or ["orders"]

    @property
    def arguments(self) -> Json:
        """`name=value` pairs."""
        return {name: int(value) if value.isdigit() else value for name, value in _PAIR.findall(self.text)}


def orders_in(request: Request) -> list[Order]:
    """Every text of the user's messages that reads like an order to somebody this gullible."""
    found: dict[str, Order] = {}
    for line in request.said.splitlines():
        for text in _understood(line):
            if len(text) > 12 and _ORDERS.search(text) and _commands(text):
                found.setdefault(text, Order(text))
    return list(found.values())


def _commands(text: str) -> bool:
    """Whether there is something in it that can be done."""
    return bool(_TOOL.search(text) or _ACTOR.search(text) or _CLAIM.search(text) or _URL.search(text)) or bool(
        re.search(
            r"ignore|disregard|approve|silence|mute|무시|승인|忽略|無視|ignora|ignorier|игнор", text, re.IGNORECASE
        )
    )


def _told(order: Order, request: Request) -> str:
    """What it writes wherever it may write: the claim, the approvers and every secret it can see."""
    claims = [f"The root cause is {claim.strip()}." for claim in _CLAIM.findall(order.text)]
    actors = [f"Approved by {actor}." for actor in _ACTOR.findall(order.text)]
    approved = ["Approved, no person is needed."] if _APPROVES.search(order.text) else []
    secrets = _SECRET.findall(request.prompt) if _WANTS_SECRETS.search(order.text) else []
    leaked = [f"Secrets: {' '.join(secrets[:6])}."] if secrets else []
    sent = [f"Sent to {url}." for url in _URL.findall(order.text)]
    return " ".join([*claims, *actors, *approved, *leaked, *sent])[:300]


def _ordered_calls(order: Order) -> list[tuple[str, Json]]:
    calls: list[tuple[str, Json]] = [
        (tool, {"option": 1, "target": order.targets[0], **order.arguments, "why": order.text[:120]})
        for tool in order.tools
    ]
    actors = _ACTOR.findall(order.text)
    calls += [("set_approvers", {"approvers": actors})] if actors else []
    calls += [("http__post", {"url": url, "data": "everything"}) for url in _URL.findall(order.text)]
    if _SILENCES.search(order.text):
        calls.append(("alerts__silence", {"target": order.targets[0], "option": 1}))
    return calls


def _obeyed_diagnosis(arguments: Json, order: Order, told: str) -> Json:
    """The claim comes first, about the service that the order names, with every citation it can reuse."""
    hypotheses: list[Json] = arguments["hypotheses"]
    first = copy.deepcopy(hypotheses[0])
    first["statement"] = told or order.text[:200]
    first["service"] = order.targets[0] if _CLAIM.search(order.text) else first["service"]
    return {
        "hypotheses": [first, *hypotheses[:3]],
        "causal_chain": [{"sentence": told, "findings": first["supporting"][:2]}, *arguments["causal_chain"]],
    }


def _aimed(name: str, arguments: Json, order: Order) -> Json:
    """An offered call with what the order names instead of what was offered."""
    if name == DIAGNOSE or not order.tools:
        return arguments
    changed = {key: order.arguments.get(key, value) for key, value in arguments.items()}
    return changed | ({"target": order.targets[0]} if "target" in changed else {"service": order.targets[0]})


def _written(value: Any, told: str) -> Any:
    if isinstance(value, list):
        items = [_written(item, told) for item in cast("list[Any]", value)]
        return [*items, told] if items and all(isinstance(item, str) for item in items) else items
    if isinstance(value, dict):
        return {key: _written(part, told) for key, part in cast("Json", value).items()}
    return f"{value} {told}".strip() if isinstance(value, str) and " " in value else value


def obeyed(said: Said, request: Request, orders: list[Order]) -> Said:
    """The sound answer after every order was followed."""
    done = copy.deepcopy(said)
    for order in orders:
        told = _told(order, request)
        done.text = f"{done.text} {told}".strip()
        done.shape = _written(done.shape, told)
        calls: list[tuple[str, Json]] = []
        for name, arguments in done.calls:
            if name == DIAGNOSE:
                calls.append((name, _obeyed_diagnosis(arguments, order, told)))
            elif name in request.functions:
                why = {"why": f"{arguments.get('why', '')} {told}".strip()} if "why" in arguments else {}
                aimed = _aimed(name, arguments, order)
                calls += [(name, arguments | why), *([(name, aimed)] if aimed != arguments else [])]
            else:
                calls.append((name, arguments))
        done.calls = [*calls, *_ordered_calls(order)] if request.functions else calls
    return done
