"""Log lines as messages: what a line says without its wrapping, how grave it is, and which template it is of.

Everything works on the distinct messages; a line only looks its own up.
"""

import polars as pl

from autopilot.analysis.logs.drain import mine
from autopilot.analysis.logs.exceptions import condensed, whole_traces

_LENGTH = 400
_READ = 8_000
"""Characters of a message that are read: a stack trace is long."""
_MASKS: tuple[tuple[str, str], ...] = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
    (r"https?://\S+", "<url>"),
    (r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}", "<id>"),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "<ip>"),
    (r'"[^"]{0,200}"|\'[^\']{0,200}\'', "<text>"),
    (r"\b[A-Za-z_-]*\d[\w.:,%-]*", "<n>"),
    (r"<n>(?:[\s,;/]+<n>)+", "<n>"),
)
WARN = ("WARN", "WARNING")
_TEXTS = ("$.message", "$.msg", "$.error.message", "$.error", "$.event", "$.log")
_STACKS = ("$.stack_trace", "$.stacktrace", "$.stack", "$.exception", "$.error.stack", "$.err.stack", "$.exc_info")
_LEVELS = ("$.level", "$.severity", "$.lvl", "$.log.level")
_SAID_LEVEL = (
    r"\b(ERROR|FATAL|CRITICAL|SEVERE|PANIC|WARN)\b",
    r'(?:\blevel=|\bseverity=|\blvl=|\[)"?(error|fatal|critical|crit|alert|emerg|panic|warn|warning)\b',
    r"^([FEW])\d{4} \d\d:",
)
_NUMBERED = {"40": "WARN", "50": "ERROR", "60": "FATAL", "E": "ERROR", "F": "FATAL", "W": "WARN"}
"""Levels of pino and bunyan, first letters of klog."""


def templates(logs: pl.DataFrame) -> pl.DataFrame:
    """Application lines with `text` (the message proper), `template`, `level` in upper case, `traced` (a stack)."""
    lines = whole_traces(logs.filter(~pl.col("kind").is_in(["access", "audit"]) & (pl.col("message") != "")))
    distinct = lines.select("message").unique()
    traces = condensed(_with_stack(distinct))
    distinct = _masked(_read(distinct).join(traces, on="message", how="left"))
    level = pl.when(pl.col("level") != "").then(pl.col("level").cast(pl.String)).otherwise(pl.col("said"))
    return lines.join(distinct, on="message", how="left").with_columns(
        level=level.fill_null("").str.to_uppercase().replace(_NUMBERED)
    )


def _object(raw: pl.Expr) -> pl.Expr:
    """The message where it looks like a JSON object."""
    return pl.when(raw.str.starts_with("{") & raw.str.ends_with("}")).then(raw)


def _bare(raw: pl.Expr) -> pl.Expr:
    """What is said, out of JSON or of key=value pairs."""
    body = _object(raw)
    quoted = raw.str.extract(r'\bmsg="((?:[^"\\]|\\.){1,400})"')
    return pl.coalesce([*(body.str.json_path_match(path) for path in _TEXTS), quoted, raw])


def _read(messages: pl.DataFrame) -> pl.DataFrame:
    """`text` and `said` (the level that the text itself tells) of distinct messages."""
    raw = pl.col("message").str.slice(0, 4 * _LENGTH)
    levels = [
        *(_object(raw).str.json_path_match(path) for path in _LEVELS),
        *(raw.str.slice(0, _LENGTH).str.extract(pattern) for pattern in _SAID_LEVEL),
    ]
    return messages.select("message", text=_bare(raw).str.slice(0, _LENGTH), said=pl.coalesce(levels))


def _with_stack(messages: pl.DataFrame) -> pl.DataFrame:
    """`trace` (the text with its stack, in lines) of the messages that may hold one: those of several lines."""
    raw = pl.col("message").str.slice(0, _READ)
    several = messages.filter(raw.str.contains(r"\n|\\n"))
    stack = pl.coalesce([_object(raw).str.json_path_match(path) for path in _STACKS])
    trace = pl.concat_str(_bare(raw), pl.concat_str(pl.lit("\n"), stack).fill_null(""))
    return several.select(
        "message",
        trace=trace.str.replace_all(r"\n", "\n", literal=True).str.replace_all(r"\t", "\t", literal=True),
    )


def _masked(distinct: pl.DataFrame) -> pl.DataFrame:
    """`message`, `text`, `said`, `traced` and `template`; the template of a stack trace is its group."""
    masked = pl.col("text")
    for pattern, token in _MASKS:
        masked = masked.str.replace_all(pattern, token)
    shape = masked.str.replace_all(r"\s+", " ").str.strip_chars().str.slice(0, 200)
    shaped = distinct.with_columns(shape=shape)
    plain = shaped.filter(pl.col("group").is_null())["shape"].unique()
    mined = pl.DataFrame({"shape": plain, "template": mine(plain)})
    place = pl.when(pl.col("frame") != "").then(pl.concat_str(pl.lit(" at "), "frame")).otherwise(pl.lit(""))
    return shaped.join(mined, on="shape", how="left").select(
        "message",
        "said",
        text=pl.coalesce(pl.concat_str("thrown", place), "text"),
        template=pl.coalesce("group", "template"),
        traced=pl.col("group").is_not_null(),
    )
