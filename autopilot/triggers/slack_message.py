"""Alert messages that other products post to Slack: Datadog's and CloudWatch's (AWS Chatbot). Pure parsing.

Both products change their layout now and then, so that all visible text of a message is read (text, attachments,
fields, blocks) and only stable marks are relied on.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from autopilot.incident.alert import Alert, Severity
from autopilot.incident.base import Link, clean
from autopilot.triggers.alarm import AlarmChange, limit_in, to_alert
from autopilot.triggers.base import Ignored, Refused, Site, plausible, raw_text, rows, stamp, table, text
from autopilot.triggers.conventions import SERVICE_DIMENSIONS, service_of, severity_of

TEXT_LIMIT = 8_000
STATED_TIME_WITHIN = timedelta(hours=6)
"""A time in the text further before the posting than this belongs to something else, such as a log line."""
_TEXT_KEYS = ("text", "pretext", "title", "fallback", "footer")

CHATBOT = re.compile(
    r"CloudWatch Alarm \| (?P<name>[^|\n]{1,255}?) \| (?P<region>[^|\n]{1,40}?) \| Account:? ?(?P<account>\d{12})"
)
CHATBOT_DIMENSION = re.compile(
    r"\b("
    + "|".join(re.escape(d) for d in SERVICE_DIMENSIONS if d[0].isupper())
    + r")\b[`*\s]*[:=][`*\s]*([\w./:-]+)"
)
CHATBOT_OK = re.compile(r":(?:white_check_mark|large_green_circle):|ALARM -> OK transition|\bState: \*?OK\b")
CHATBOT_NO_DATA = re.compile(r"INSUFFICIENT_DATA(?: transition)?\b|Insufficient Data:")

DATADOG = re.compile(
    r"(?P<state>Re-?Triggered|Triggered|Recovered|Warn(?:ing)?|No data|Re-?notified)"
    r"(?: on \{(?P<scope>[^}\n]{0,400})\})?:\s*(?P<title>[^\n]+)",
    re.IGNORECASE,
)
DATADOG_HOME = re.compile(
    r"https://[\w.-]*datadoghq\.(?:com|eu)/[^\s|>)\"]*|https://app\.ddog-gov\.com/[^\s|>)\"]*"
)
DATADOG_TAG = re.compile(r"(?<![\w:/.])(service|env|environment|region|functionname|tablename|apiname):([\w./-]+)")
DATADOG_QUERY = re.compile(
    r"\b(?:avg|sum|min|max|percentile|change|pct_change|p\d\d)\([^\n{}]{0,300}\{[^\n{}]{0,300}\}"
    r"(?:\s*by \{[^\n{}]{0,200}\})?[^\n{}<>]{0,100}[<>]=?\s*[-\d.]{1,30}"
)
DATADOG_VALUE = re.compile(r"\b(?:metric|current|last) value(?: is|:)\s*`?\*?\s*([^\s`*]{1,60})", re.IGNORECASE)
DATADOG_TIME = re.compile(r"\bat (?:\w{3} )?(\w{3} \d{1,2} \d{4} \d{2}:\d{2}:\d{2}) UTC")
PRIORITY = re.compile(r"\[P([1-5])\]\s*")
PRIORITIES: dict[str, Severity] = {"1": "critical", "2": "high", "3": "medium", "4": "low", "5": "low"}

ISO_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)")
SLACK_LINK = re.compile(r"<((?:https?|mailto)[^|<>\s]{0,1000})(?:\|([^<>\n]{0,1000}))?>")
SLACK_DATE = re.compile(r"<!date\^(\d{9,11})\^[^<>\n]{0,300}>")


@dataclass(frozen=True)
class PostedMessage:
    """A message in a channel: what it says, when it was posted, and Slack's id of the delivery."""

    event_id: str
    channel: str
    ts: str
    words: str
    links: tuple[str, ...]
    posted_at: datetime | None


def _strings(node: object, depth: int = 0) -> Iterator[str]:
    """All visible text of a message, in reading order."""
    if depth > 8:
        return
    for entry in rows(node, 60):
        yield from _strings(entry, depth + 1)
    fields = table(node)
    for key in _TEXT_KEYS:
        value = fields.get(key)
        if isinstance(value, str):
            yield value
        elif value is not None:
            yield from _strings(value, depth + 1)
    for field in map(table, rows(fields.get("fields"))):
        titled = f"{text(field.get('title'))}: {text(field.get('value'), 2_000)}" if "title" in field else ""
        yield titled or text(field.get("text"), 2_000)
    for key in ("elements", "blocks", "attachments"):
        yield from _strings(fields.get(key), depth + 1)


def _links(node: object, depth: int = 0) -> Iterator[str]:
    """The addresses that attachments and buttons carry beside their text."""
    if depth > 8:
        return
    for entry in rows(node, 60) or [node]:
        fields = table(entry)
        for key in ("title_link", "from_url", "url"):
            if link := text(fields.get(key), 1_000):
                yield link
        for key in ("elements", "blocks", "attachments", "accessory", "actions"):
            if key in fields:
                yield from _links(fields[key], depth + 1)


def read_message(event: Mapping[str, object], event_id: str) -> PostedMessage:
    """Everything a message says, with Slack's markup taken off."""
    pieces = list(dict.fromkeys(piece.strip() for piece in _strings(event)))
    marked = clean("\n".join(pieces), TEXT_LIMIT, lines=True)
    links = [match.group(1) for match in SLACK_LINK.finditer(marked)] + list(_links(event))
    dated = SLACK_DATE.sub(lambda m: datetime.fromtimestamp(int(m.group(1)), UTC).isoformat(), marked)
    words = SLACK_LINK.sub(lambda m: m.group(2) or m.group(1), dated)
    words = words.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
    ts = text(event.get("ts"))
    seconds = ts.split(".")[0]
    posted = datetime.fromtimestamp(int(seconds), UTC) if re.fullmatch(r"[0-9]{9,11}", seconds) else None
    return PostedMessage(event_id, text(event.get("channel")), ts, words, tuple(dict.fromkeys(links)), posted)


def _stated(words: str) -> datetime | None:
    """The first time that the text states."""
    if iso := ISO_TIME.search(words):
        return stamp(iso.group().replace(" ", "T"))
    if worded := DATADOG_TIME.search(words):
        try:
            return datetime.strptime(worded.group(1), "%b %d %Y %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            return None
    return None


def _started(message: PostedMessage, now: datetime) -> datetime:
    """The time the message states, else when it was posted."""
    at, posted = _stated(message.words), message.posted_at or now
    return plausible(at if at and posted - STATED_TIME_WITHIN <= at <= posted else posted, now)


def _from_chatbot(message: PostedMessage, match: re.Match[str], site: Site, now: datetime) -> Alert | Ignored:
    """AWS Chatbot (Amazon Q Developer): "CloudWatch Alarm | name | region | Account: id" and the reason."""
    words = message.words
    state = "OK" if CHATBOT_OK.search(words) else "INSUFFICIENT_DATA" if CHATBOT_NO_DATA.search(words) else "ALARM"
    reason = next((line for line in words.splitlines() if "threshold (" in line.lower()), "")
    limit, threshold = limit_in(reason) or (None, None)
    change = AlarmChange(
        name=match["name"].strip(),
        state=state,
        reason=reason or words,
        at=_started(message, now),
        region=match["region"].strip(),
        account=match["account"],
        dimensions={m.group(1): m.group(2) for m in CHATBOT_DIMENSION.finditer(words)},
        limit=limit,
        threshold=threshold,
    )
    return to_alert(change, external_id=message.event_id, via="slack", site=site, now=now, raw=words)


def _datadog_severity(title: str, state: str) -> Severity:
    priority = PRIORITY.search(title)
    if priority:
        return PRIORITIES[priority.group(1)]
    return "medium" if state.startswith("warn") else severity_of(title)


def _from_datadog(message: PostedMessage, match: re.Match[str], site: Site, now: datetime) -> Alert | Ignored:
    """Datadog: "Triggered: [P1] title", the monitor's text with its query, and tags."""
    state, words = match["state"].lower(), message.words
    if state == "no data":
        return Ignored("the Datadog monitor has no data: neither firing nor resolved")
    tags: dict[str, str] = {}
    for name, value in DATADOG_TAG.findall(f"{match['scope'] or ''}\n{words}".replace("`", " ")):
        tags.setdefault(name, value.rstrip("."))
    service = tags.get("service") or tags.get("functionname") or tags.get("tablename") or tags.get("apiname", "")
    if not service:
        raise Refused(
            422, "The Datadog message does not say which service it is about.", field="service",
            remedy="Add a service:<name> tag to the monitor, or include tags in its Slack notification.",
        )  # fmt: skip
    query, value = DATADOG_QUERY.search(words), DATADOG_VALUE.search(words)
    title = clean(match["title"], 400).strip("*_ ")
    home = next((link for link in message.links if DATADOG_HOME.fullmatch(link)), "")
    labels = {
        "via": "slack", "monitor_query": query.group() if query else "", "value": value.group(1) if value else "",
        **{f"tag.{name}": value for name, value in tags.items()},
    }  # fmt: skip
    return Alert(
        source="datadog",
        external_id=message.event_id,
        title=PRIORITY.sub("", title).strip() or title,
        service=service_of({"service": service}, service),
        environment=tags.get("env") or tags.get("environment") or site.environment,
        region=tags.get("region") or site.region,
        severity=_datadog_severity(title, state),
        status="resolved" if state == "recovered" else "firing",
        description=words[:4_000],
        started_at=_started(message, now),
        received_at=now,
        labels={name: clean(value, 1_000) for name, value in labels.items() if value},
        links=(Link(title="Monitor in Datadog", url=home),) if home else (),
        raw=raw_text(words),
    )


def parse_alert_message(message: PostedMessage, site: Site, now: datetime) -> Alert | Ignored:
    """The alert a message carries.

    Raises:
        Refused: 422 when it is in neither of the two formats, or does not name a service.
    """
    if chatbot := CHATBOT.search(message.words):
        return _from_chatbot(message, chatbot, site, now)
    if datadog := DATADOG.search(message.words):
        return _from_datadog(message, datadog, site, now)
    raise Refused(
        422, "This message is not an alert in a known format.", field="text",
        remedy="Datadog (\"Triggered: …\" with a service tag) and CloudWatch through AWS Chatbot are understood; "
        "other alerts can be posted to /api/incidents.",
    )  # fmt: skip
