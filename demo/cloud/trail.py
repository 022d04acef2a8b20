"""Paging for CloudTrail's LookupEvents: the emulator returns the newest fifty and forgets the rest."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from typing import cast

PAGE = 50


def _token(text: str) -> tuple[float | None, set[str]]:
    """(end time, ids already given at that very time) out of our token."""
    try:
        value = cast("dict[str, object]", json.loads(base64.b64decode(text))) if text else {}
    except (binascii.Error, ValueError):
        value = {}
    end = value.get("end")
    seen = cast("list[str]", value.get("seen") or [])
    return (float(str(end)) if end is not None else None), set(seen)


async def page(body: bytes, ask: Callable[[bytes], Awaitable[bytes]]) -> bytes:
    """One page of events with a NextToken when there may be more. `ask` queries the emulator."""
    request = cast("dict[str, object]", json.loads(body or b"{}"))
    end, seen = _token(str(request.pop("NextToken", "") or ""))
    limit = min(int(str(request.pop("MaxResults", None) or PAGE)), PAGE)
    if end is not None:
        request["EndTime"] = end
    answer = cast("dict[str, object]", json.loads(await ask(json.dumps(request).encode())))
    events = cast("list[dict[str, object]]", answer.get("Events") or [])
    fresh = [event for event in events if event["EventId"] not in seen][:limit]
    answer["Events"] = fresh
    if fresh and (len(events) == PAGE or len(fresh) < len(events) - len(seen)):
        last = fresh[-1]["EventTime"]
        given = [str(event["EventId"]) for event in fresh if event["EventTime"] == last]
        token = {"end": last, "seen": [*given, *(seen if last == end else ())]}
        answer["NextToken"] = base64.b64encode(json.dumps(token).encode()).decode()
    return json.dumps(answer).encode()
