"""Failure signatures: what they recognise, what the file may say, and that no text makes them slow."""

import re
import time

import pytest

from autopilot.analysis.logs.signatures import SIGNATURES, read_signatures, signature_of
from autopilot.incident.cause import MECHANISMS, CauseKind, Mechanism


@pytest.mark.parametrize(
    ("text", "cause", "mechanism"),
    [
        ("container app was OOMKilled", "memory", "out_of_memory"),
        ("write /var/lib/x: no space left on device", "disk", "disk_full"),
        ("Disk quota exceeded", "disk", "disk_full"),
        ('pods "a" is forbidden: exceeded quota: compute', "quota", None),
        ("ERROR 1290: running with the --read-only option", "data", "database_read_only"),
        ("ERROR: cannot execute INSERT in a read-only transaction", "data", "database_read_only"),
        ("Access denied for user 'app'@'10.0.0.4' (using password: YES)", "permission", "bad_credentials"),
        ("AccessDeniedException: not authorized to perform", "permission", None),
        ("listen tcp :8080: bind: address already in use", "config_change", "port_conflict"),
        ("FATAL: sorry, too many clients already", "connection_pool", "connections_exhausted"),
        ("HikariPool-1 - Connection is not available, request timed out", "connection_pool", None),
        ("x509: certificate has expired or is not yet valid", "certificate", "expired_certificate"),
        ("remote error: tls: handshake failure", "certificate", None),
        ("dial tcp: lookup db on 10.96.0.10:53: no such host", "network", "name_resolution"),
        ('Failed to pull image "shop": dial tcp: lookup hub: no such host', "image", "image_registry"),
        ('Failed to pull image "shop:v9": manifest unknown', "image", "image_reference"),
        ("HTTP/1.1 503 from upstream", "dependency", None),
        ("java.lang.NullPointerException", "unknown", None),
        ("panic: runtime error: slice bounds", "crash", None),
    ],
)  # fmt: skip
def test_words_of_a_failure_name_its_cause(text: str, cause: CauseKind, mechanism: Mechanism | None) -> None:
    found = signature_of(text)
    assert found is not None
    assert (found.cause, found.mechanism) == (cause, mechanism)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "took 503 ms",
        "429 items in basket",
        "certificate renewed",
        "pool created",
        "order 404 accepted",
        "disk ok",
    ],
)
def test_ordinary_lines_have_no_signature(text: str) -> None:
    assert signature_of(text) is None


def test_a_mechanism_implies_its_cause() -> None:
    assert all(s.cause == MECHANISMS[s.mechanism][0] for s in SIGNATURES if s.mechanism)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("{name: a, cause: disk, patterns: ['x.*y']}", "without a bound"),
        ("{name: a, cause: disk, patterns: ['x{3,}y']}", "without a bound"),
        ("{name: a, cause: disk, patterns: ['(ab){0,40}y']}", "repeats a group"),
        ("{name: a, cause: disk, patterns: ['x(?=y)']}", "looks around"),
        ("{name: a, cause: disk, patterns: ['x.{0,200}y.{0,200}z']}", "repeats too much"),
        ("{name: a, cause: disk, patterns: ['(x']}", "no regular expression"),
        ("{name: a, cause: disk, patterns: []}", "patterns"),
        ("{name: a, cause: gremlins, patterns: [x]}", "cause"),
        ("{name: a, patterns: [x]}", "either a cause or a mechanism"),
        ("{name: a, cause: disk, mechanism: disk_full, patterns: [x]}", "either a cause or a mechanism"),
        ("{name: a, cause: disk, patterns: [x], color: red}", "color"),
        ("{name: a, cause: disk, patterns: [x]}\n- {name: a, cause: cpu, patterns: [y]}", "stands twice"),
        ("[", "correct the file"),
    ],
)  # fmt: skip
def test_a_file_that_breaks_its_rules_is_refused_with_the_reason(entry: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        read_signatures(f"- {entry}")


def test_literal_signs_and_optional_groups_are_fine() -> None:
    (found,) = read_signatures(r"- {name: a, cause: disk, patterns: ['a\+b(?:c )?[*+]\*']}")
    assert re.search(found.pattern, "a+bc ** ") or re.search(found.pattern, "a+bc +*")


@pytest.mark.parametrize("word", ["pull ", "pool ", "unable ", "(((", "a", "config ", "certificate ", "\x00"])
def test_no_text_makes_the_search_slow(word: str) -> None:
    began = time.perf_counter()
    signature_of(word * 1_000)
    assert time.perf_counter() - began < 2
