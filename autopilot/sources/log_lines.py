"""A log line as a case row: JSON or plain text, application or access log."""

import re
from typing import Any

from autopilot.sources.json_shape import document

MAX_MESSAGE = 4_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LEVEL = re.compile(r"\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL|SEVERE|PANIC)\b")
_LEVELS = {
    "trace": "debug", "notice": "info", "warning": "warn", "err": "error", "severe": "error", "critical": "fatal",
    "panic": "fatal", "emergency": "fatal",
}  # fmt: skip
_TRACE = re.compile(r"\b1-[0-9a-f]{8}-[0-9a-f]{24}\b")
_DETAILS = ("error", "exception", "error.message", "errorMessage", "stack", "stack_trace")


def _first(record: dict[str, Any], *names: str) -> str:
    """The first of some fields that holds something simple."""
    for name in names:
        value = record.get(name)
        if isinstance(value, (str, int, float)) and value != "":
            return str(value)
    return ""


def _tidy(text: str) -> str:
    return _CONTROL.sub(" ", _COLOUR.sub("", text))[:MAX_MESSAGE].strip()


def _level(text: str) -> str:
    lowered = text.lower()
    return _LEVELS.get(lowered, lowered)[:20]


def _access_level(status: str) -> str:
    if not status.isdigit():
        return "info"
    return "error" if int(status) >= 500 else "warn" if int(status) >= 400 else "info"


def parsed(line: str, *, access: bool) -> dict[str, str]:
    """kind, level, message, trace_id and span_id of one line. An access line keeps its whole record as message."""
    text = line.strip()
    record = document(text) if text.startswith("{") else {}
    if not record:
        found = _LEVEL.search(text[:200])
        trace = _TRACE.search(text)
        return {
            "kind": "access" if access else "application",
            "level": _level(found.group(1)) if found else "",
            "message": _tidy(text),
            "trace_id": trace.group() if trace else "",
            "span_id": "",
        }
    status = _first(record, "status", "statusCode", "status_code")
    is_access = access or (
        bool(status) and bool(_first(record, "httpMethod", "method", "routeKey", "resourcePath"))
    )
    message = _first(record, "message", "msg", "event", "log")
    details = [d for name in _DETAILS if (d := _first(record, name)) and d not in message]
    level = _first(record, "level", "severity", "log_level", "levelname")
    return {
        "kind": "access" if is_access else "application",
        "level": _level(level) if level or not is_access else _access_level(status),
        "message": _tidy(text if is_access or not message else ": ".join([message, *details])),
        "trace_id": _first(record, "trace_id", "traceId", "xrayTraceId", "xray_trace_id", "trace")[:100],
        "span_id": _first(record, "span_id", "spanId")[:100],
    }
