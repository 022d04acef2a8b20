"""Rows of a snapshot that are no objects: log lines, alarms, node services and connections."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from benchmarks.kubectl_text import is_list, is_mapping

Row = dict[str, object]
_LEVEL = re.compile(r"\b(FATAL|PANIC|CRITICAL|SEVERE|ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE)\b", re.IGNORECASE)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?(Z|[+-]\d\d:?\d\d)?\s+")
_ACTIVE = re.compile(r"^\s*Active:\s+(\w+)(?:\s+\(([^)]*)\))?", re.MULTILINE)
_TARGET = re.compile(r"Service (\S+):(\d+) Connectivity")
_FROM_NODE = re.compile(r"deployed on (\S+?):(.*?)(?=^Debug Pod|\Z)", re.MULTILINE | re.DOTALL)
_RANGE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ~ ")
_LONGEST = 4_000
"""Characters that are kept of a report."""
_MOST_REPEATS = 50
"""Lines that one counted pattern stands for at most."""


def log_row(
    service: str, stream: str, text: str, at: datetime, level: str = "", ahead: timedelta | None = None
) -> Row:
    """One log line; its own stamp is taken off the front and used, else the time of the snapshot.

    Args:
        service: Who wrote it.
        stream: Where it was written to.
        text: The line.
        at: The time of the snapshot, on the cluster's clock.
        level: Its level where that is known.
        ahead: How far the cluster's clock is ahead of UTC; when unknown, zones of stamps are not looked at.
    """
    stamp = _STAMP.match(text)
    message = text[stamp.end() :] if stamp else text
    time = datetime.fromisoformat(stamp.group(1)).replace(tzinfo=at.tzinfo) if stamp else at
    if stamp and stamp.group(2):
        time = time.replace(microsecond=int(stamp.group(2).ljust(6, "0")))
    if stamp and stamp.group(3) and ahead is not None:
        time += ahead - offset_of(stamp.group(3))
    said = _LEVEL.search(message[:200])
    return {
        "time": time, "service": service, "resource": stream, "kind": "application", "message": message,
        "level": level or (said.group(1).upper() if said else ""),
    }  # fmt: skip


def offset_of(zone: str) -> timedelta:
    """`+0800` and `+08:00` as a distance from UTC; `Z` is none."""
    digits = zone.replace(":", "")[1:]
    distance = timedelta(hours=int(digits[:2] or 0), minutes=int(digits[2:] or 0))
    return -distance if zone.startswith("-") else distance


def log_rows(service: str, output: Any, at: datetime, ahead: timedelta | None = None) -> Iterator[Row]:
    """Error lines by stream; a counted pattern is as many lines as it was seen, up to a bound."""
    told = _parsed(output)
    for stream, lines in sorted(told.items()):
        for line in lines if is_list(lines) else ():
            if not is_mapping(line):
                yield log_row(service, str(stream), str(line), at, "ERROR", ahead)
                continue
            count = line.get("count")
            times = min(count, _MOST_REPEATS) if isinstance(count, int) else 1
            row = log_row(service, str(stream), str(line.get("sample", "")), at, "ERROR", ahead)
            yield from (row for _ in range(max(times, 1)))


def _parsed(output: Any) -> Mapping[str, Any]:
    if isinstance(output, str):
        try:
            output = json.loads(output)
        except ValueError:
            return {}
    return output if is_mapping(output) else {}


def alarm_rows(told: Any, at: datetime) -> list[Row]:
    """Alerts of users' actions (which entry failed, doing what) and of services or pods that behave unusually."""
    alerts = told.get("alerts") if is_mapping(told) else None
    return [_alarm(alert, at) for alert in (alerts if is_list(alerts) else ()) if is_mapping(alert)]


def _alarm(alert: Mapping[str, Any], at: datetime) -> Row:
    evidence = alert.get("evidence")
    if is_list(evidence):
        entity = str(alert.get("entity_name") or alert.get("name") or "")
        kinds = str(alert.get("metric_category", "")) or ", ".join(
            sorted({str(text).partition(" ")[0] for text in evidence})
        )
        began = _RANGE.match(str(alert.get("time_range", "")))
        time = datetime.fromisoformat(began.group(1)).replace(tzinfo=at.tzinfo) if began else at
        return {
            "time": time, "state": "firing", "name": kinds, "service": entity, "resource": entity,
            "reason": " | ".join(str(text) for text in evidence)[:_LONGEST],
        }  # fmt: skip
    return {
        "time": at, "state": "firing", "name": str(alert.get("business_action", "")),
        "service": str(alert.get("entry_service", "")), "resource": str(alert.get("url", "")),
        "reason": str(alert.get("raw_error", "")),
    }  # fmt: skip


def node_service_row(node: str, unit: str, report: str, at: datetime) -> Row | None:
    """The state of a unit on a node; None when it could not be asked, which says nothing about the unit."""
    active = _ACTIVE.search(report)
    if active is None:
        return None
    state, sub = active.groups()
    body = {"node": node, "unit": unit, "state": state, "sub_state": sub or "", "report": report[:_LONGEST]}
    return _fact("node_service", f"{node}/{unit}", node, body, at)


def connectivity_row(service: str, port: str, report: str, at: datetime) -> Row | None:
    """Whether a service answers, and from which nodes it does not; None when the report names no service."""
    target = _TARGET.search(report)
    service = service or (target.group(1) if target else "")
    port = port or (target.group(2) if target else "")
    if not service:
        return None
    by_node = {node: "Succeeded" in told for node, told in _FROM_NODE.findall(report)}
    reachable = any(by_node.values()) if by_node else "Succeeded" in report
    body = {
        "service": service, "port": int(port) if port.isdigit() else port, "reachable": reachable,
        "unreachable_from": sorted(node for node, up in by_node.items() if not up), "report": report[:_LONGEST],
    }  # fmt: skip
    return _fact("connectivity", f"{service}/{port}", service, body, at)


def _fact(kind: str, name: str, service: str, body: Mapping[str, object], at: datetime) -> Row:
    told = json.dumps(body, ensure_ascii=False)
    return {"time": at, "kind": kind, "name": name, "service": service, "region": "", "body": told}
