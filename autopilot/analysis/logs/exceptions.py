"""Exceptions: stack traces of Java, .NET, Python, Node and Go, condensed to what was thrown and where in own code.

A stack trace that a collector cut into lines is put together again first. Two traces are one group when the type
and the first own frame are equal: messages and line numbers vary, what a fix has to touch does not.
"""

import polars as pl

from autopilot.analysis.windows import MICROS

_LONG = 8_000
"""Characters of a stack trace that are read."""
_LINES = 80
"""Lines that are put together to one trace."""
_PAUSE = 2 * MICROS
"""Lines of one trace follow each other this closely."""
_CONTINUES = (
    r"^(?:\s+at\s|\s+\.{3} \d+ |Caused by: |\s+Suppressed: |\s+File \"|Traceback \(most recent call last\)"
    r"|goroutine \d+ \[|\t/\S+\.go:\d+|\[signal SIG)"
)
_GO_CALL = r"^[\w./]+(?:\.\(\*?\w+\))?(?:\.\w+)+\([^)]*\)$"
_ENDS_TRACE = r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Timeout|Warning)(?::\s|$)"
"""Python says what was raised below the frames, at the margin."""
_CODE_LINE = r"^\s{4}\S"
_HAS_FRAMES = r"(?m)^\s+at [^\n]*[(:]|^\s*File \"[^\n]+\", line \d+|^goroutine \d+ \["
_FRAME = (
    r"(?m)^\s+at [^\n]+$|^\s*File \"[^\n]+\", line \d+, in [^\n]+$"
    r"|^[\w./-]+(?:\.\(\*?\w+\))?\.\w+\([^\n]*\)\n\t[^\n]+$"
)
_FOREIGN = (
    r"^\s*at (?:java|javax|jdk|sun|com\.sun|kotlin|scala|org\.(?:springframework|apache|hibernate|eclipse|jboss)"
    r"|io\.(?:netty|grpc|opentelemetry)|reactor|com\.(?:zaxxer|mysql|fasterxml|google)|feign|System|Microsoft)\."
    r"|site-packages|dist-packages|/lib/python|<frozen |node_modules|node:|\(internal/|/usr/local/go/src|/pkg/mod/"
    r"|^(?:runtime|net/http|panic)\b"
)
_ERROR_TYPE = r"[A-Z][\w$]*(?:Exception|Error|Throwable|Failure|Fault)\b"
_RAISED = r"(?m)^([A-Za-z_][\w.]*[A-Z]\w*)(?::\s[^\n]*)?$"


def whole_traces(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines with every stack trace in one message: what continues a trace joins the line above it.

    Lines of one stream (service and resource) are taken by their time; those of one moment stay as collected.
    """
    loose = lines.filter(pl.col("message").str.contains(_CONTINUES)).select("service", "resource").unique()
    if loose.is_empty():
        return lines
    stream = ["service", "resource"]
    streams = lines.join(loose, on=stream, how="semi").sort([*stream, "time"], maintain_order=True)
    text, before = pl.col("message"), pl.col("message").shift(1)
    close = (
        pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in stream)
        & ((pl.col("time").cast(pl.Int64) - pl.col("time").cast(pl.Int64).shift(1)) <= _PAUSE)
    )  # fmt: skip
    inside = before.str.contains(_CONTINUES)
    goes_on = (
        text.str.contains(_CONTINUES)
        | inside & (text.str.contains(_CODE_LINE) | text.str.contains(_GO_CALL))
        | (inside | before.str.contains(_CODE_LINE)) & text.str.contains(_ENDS_TRACE)
    )
    traces = streams.with_columns(trace=(~(close & goes_on).fill_null(False)).cum_sum())
    others = [pl.col(name).first() for name in lines.columns if name != "message"]
    joined = traces.group_by("trace", maintain_order=True).agg(
        *others, text.head(_LINES).str.join("\n")
    ).select(lines.columns)  # fmt: skip
    return pl.concat([lines.join(loose, on=stream, how="anti"), joined])


def condensed(distinct: pl.DataFrame) -> pl.DataFrame:
    """Of distinct messages with `trace` (the text with its stack), those that hold one.

    Returns:
        `message`; `thrown` (`Type: what it said`), `frame` (the first own function, else the first of all) and
        `group`, which is equal for traces of the same type and frame.
    """
    held = distinct.filter(pl.col("trace").str.contains(_HAS_FRAMES)).select(
        "message", trace=pl.col("trace").str.slice(0, _LONG)
    )
    if held.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(("message", "thrown", "frame", "group"), pl.String))
    trace = pl.col("trace")
    cause = trace.str.extract_all(r"(?m)^\s*Caused by: [^\n]+$").list.last().str.replace(r"^\s*Caused by: ", "")
    python = trace.str.contains("Traceback (most recent", literal=True)
    raised = trace.str.extract_all(_RAISED).list.last()
    panic = trace.str.extract(r"(?m)(panic: [^\n]*)$")
    header = trace.str.extract(rf"(?m)^[^\n]*?\b({_ERROR_TYPE}[^\n]*)$")
    first = trace.str.extract(r"^\s*([^\n]*)")
    thrown = held.with_columns(
        thrown=pl.coalesce(cause, pl.when(python).then(raised), panic, header, first).str.slice(0, 200)
    ).with_columns(
        thrown=pl.col("thrown").str.replace(r"^(?:[\w$]+\.)+([A-Z])", "$1").str.strip_chars()
    )  # fmt: skip
    found = thrown.join(_own_frames(thrown), on="message", how="left", maintain_order="left").with_columns(
        pl.col("frame").fill_null("")
    )
    kind = pl.col("thrown").str.extract(r"^([^\s:]+)")
    return found.select("message", "thrown", "frame", group=pl.concat_str(kind, pl.lit(" at "), "frame"))


def _own_frames(held: pl.DataFrame) -> pl.DataFrame:
    """Per message the innermost frame of own code, else the innermost of all, without places in files."""
    below_cause = pl.col("trace").str.replace(r"(?s)^.*\n\s*Caused by: ", "")
    frames = (
        held.select("message", line=pl.coalesce(below_cause, "trace").str.extract_all(_FRAME))
        .explode("line").filter(pl.col("line").is_not_null())
        .with_columns(
            python=pl.col("line").str.contains(r"^\s*File \""), foreign=pl.col("line").str.contains(_FOREIGN),
            depth=pl.int_range(pl.len()).over("message"),
        )
        .with_columns(depth=pl.when("python").then(-pl.col("depth")).otherwise("depth"))
        .sort("message", "foreign", "depth").unique("message", keep="first", maintain_order=True)
    )  # fmt: skip
    line = pl.col("line")
    place = line.str.extract(r"^\s*File \"(?:[^\"]*/)?([^\"/]+)\", line")
    function = line.str.extract(r", in ([^\n]+)$")
    called = line.str.extract(r"^\s*at (?:async )?([^\s(]+)")
    go = line.str.extract(r"^([^\n]+)\([^\n]*\)\n")
    python = pl.concat_str(function, pl.lit(" ("), place, pl.lit(")"))
    named = pl.coalesce(python, called, go).str.replace(r":\d+(?::\d+)?$", "").str.slice(0, 160)
    return frames.select("message", frame=named)
