"""Known failure signatures: what software says when it fails, as data. First match wins, so order by precision."""

import re
from dataclasses import dataclass

from autopilot.incident.cause import CauseKind


@dataclass(frozen=True)
class Signature:
    """A pattern (case-insensitive) over a log message or event, and the cause it speaks of."""

    name: str
    cause: CauseKind
    pattern: str
    points_outward: bool = False
    """The writer is the victim: the cause lies in what it calls."""


SIGNATURES: tuple[Signature, ...] = (
    Signature(
        "out of memory",
        "memory",
        r"oom.?killed|out of ?memory|outofmemoryerror|memoryerror|cannot allocate memory|"
        r"memory size: .* max memory used|heap space|runtime exited.*killed",
    ),
    Signature(
        "throttled",
        "throttled",
        r"throttl|provisioned ?throughput|rate exceeded|too many requests|slow ?down\b|"
        r"request limit exceeded|rate limit|\b429\b",
        points_outward=True,
    ),
    Signature(
        "quota reached",
        "quota",
        r"quota|limit ?exceeded|service ?limit|maximum number of .* reached|insufficient ?(instance|"
        r"account) ?capacity",
    ),
    Signature(
        "connection pool exhausted",
        "connection_pool",
        r"pool.{0,30}(exhaust|timed? ?out|timeout|full|is empty|limit)|(exhaust|no (free|"
        r"available)).{0,30}(pool|connection)|too many (clients|connections)|remaining connection slots|"
        r"unable to acquire.{0,20}connection|hikaripool|queuepool",
    ),
    Signature(
        "deadlock",
        "lock_contention",
        r"deadlock|lock wait timeout|could not obtain lock|lock timeout|serialization failure|"
        r"could not serialize",
    ),
    Signature(
        "certificate",
        "certificate",
        r"certificate|x509|ssl ?handshake|tls ?handshake|ssl.*(verif|error|fail)|pkix path|unknown ca\b",
    ),
    Signature(
        "name resolution",
        "network",
        r"no such host|name or service not known|name resolution|getaddrinfo|nxdomain|unknownhostexception|"
        r"enotfound|eai_again|could not resolve|servfail",
        points_outward=True,
    ),
    Signature(
        "disk full",
        "disk",
        r"no space left|disk (is )?full|enospc|disk quota|read-only file ?system|input/output error|"
        r"filesystem.*full",
    ),
    Signature(
        "permission",
        "permission",
        r"access ?denied|not authori[sz]ed|permission denied|unauthorized|forbidden|authentication failed|"
        r"invalid (credentials|token|signature)|expired ?token|\b(401|403)\b",
    ),
    Signature(
        "image pull",
        "image",
        r"imagepullbackoff|errimagepull|cannotpullcontainer|failed to pull image|"
        r"manifest (for .* )?(unknown|not found)",
    ),
    Signature(
        "scheduling",
        "scheduling",
        r"failedscheduling|unable to place a task|insufficient (cpu|memory|pods)|nodes? (are|"
        r"is) (un)?available|evicted|didn.t match.*(affinity|selector)|untolerated taint",
    ),
    Signature(
        "start or probe",
        "startup",
        r"(readiness|liveness|startup) probe failed|health ?check.{0,20}fail|failed to start|"
        r"createcontainerconfigerror|init.{0,20}(error|fail|timed? ?out)|unhealthy",
    ),
    Signature(
        "configuration",
        "config_change",
        r"(invalid|missing|unknown|bad|malformed|could not parse|failed to (load|parse)).{0,40}(config|"
        r"configuration|setting|environment variable|property|yaml|toml)|config(uration)?.{0,30}(error|"
        r"invalid|not found|missing)",
    ),
    Signature(
        "schema or data",
        "data",
        r"(column|relation|table|index|field) .{0,60}(does not exist|not found|unknown)|unknown column|"
        r"no such (table|column)|constraint violation|violates .{0,30}constraint|schema.{0,20}mismatch|"
        r"corrupt",
    ),
    Signature(
        "crash",
        "crash",
        r"crashloopbackoff|panic:|segmentation fault|sigsegv|core dumped|fatal error|process exited|"
        r"exited with (code )?[1-9]|stack overflow|back-off restarting",
    ),
    Signature(
        "slow query",
        "slow_query",
        r"slow quer|query.{0,30}(took|timed? ?out|exceeded)|statement timeout|full (table )?scan|"
        r"canceling statement",
    ),
    Signature(
        "circuit open",
        "dependency",
        r"circuit ?breaker|no healthy upstream|upstream connect error|service unavailable|bad gateway|"
        r"\b50[234]\b",
        points_outward=True,
    ),
    Signature(
        "connection refused",
        "dependency",
        r"connection refused|econnrefused|connection reset|econnreset|broken pipe|no route to host|"
        r"network is unreachable|host.{0,10}unreachable|connection closed|connecttimeout",
        points_outward=True,
    ),
    Signature(
        "timeout",
        "dependency",
        r"time[d]?[ -]?out|deadline exceeded|context canceled|etimedout",
        points_outward=True,
    ),
)


def signature_of(text: str) -> Signature | None:
    """The first signature that a text matches."""
    lowered = text[:1_000].lower()
    return next((s for s in SIGNATURES if re.search(s.pattern, lowered)), None)
