"""What a sensible model answers: hypotheses out of the table of suspects, tests for them, options out of steps."""

from dataclasses import dataclass, field
from typing import Any

from demo.saas.model_filling import filled
from demo.saas.model_reading import Request, Row, resolved
from demo.saas.server import Json, as_object

DIAGNOSE = "diagnose"
WITHHELD = "[withheld"
TESTS: dict[str, tuple[str, Json]] = {
    "bad_deploy": ("probe_deploy_diff", {}),
    "config_change": ("probe_deploy_diff", {}),
    "capacity": ("probe_settings", {"setting": ""}),
    "throttled": ("probe_database", {"aspect": "throttling"}),
    "slow_query": ("probe_database", {"aspect": "work_per_request"}),
    "traffic_surge": ("probe_metric", {"metric": "count", "region": ""}),
    "dependency": ("probe_neighbours", {"direction": "callees"}),
    "network": ("probe_network", {"peer": ""}),
}
"""Kind of cause → the probe that could refute it, with its arguments."""
OTHERWISE: tuple[str, Json] = ("probe_logs", {"text": "", "level": "error"})
MOST_SENTENCES = 5
AGAINST = ("absent", "unchanged", "fell")
"""Outcomes of a test after which a sensible model doubts its hypothesis."""


@dataclass
class Said:
    """An answer before it is put on the wire."""

    calls: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    shape: Any = None
    text: str = "The service is degraded."


def answer(request: Request) -> Said:
    """Deterministic and honest: every sentence is one of a finding, with its id."""
    said = Said()
    if request.form == "shape":
        told = request.table("facts")
        wanted = "sentences" in as_object(request.schema.get("properties"))
        said.shape = _retold(told) if told and wanted else filled(request.schema, request.prompt)
    elif request.functions:
        said.calls = _calls(request)
    return said


def _retold(facts: list[Row]) -> Json:
    """A summary that repeats what is known, fact by fact."""
    told = [(row.get("id", ""), row.get("what is known", "")) for row in facts]
    sentences = [{"text": text, "facts": [number]} for number, text in told if _tellable(text)]
    return {"sentences": sentences[:MOST_SENTENCES]}


def _calls(request: Request) -> list[tuple[str, Json]]:
    if DIAGNOSE in request.functions:
        return _diagnosis(request)
    if request.table("steps"):
        return options(request)
    name, schema = next(iter(request.functions.items()))
    return [(name, filled(schema, request.prompt))]


def _summaries(request: Request) -> dict[str, str]:
    rows = [*request.table("findings"), *request.table("new findings")]
    return {row["id"]: row.get("summary", "") for row in rows if "id" in row}


def _statement(row: Row, summaries: dict[str, str]) -> str:
    """At most two sentences, each of one finding; a summary that was cut or withheld is not told."""
    told = [i for i in row.get("findings", "").split() if _tellable(summaries.get(i, ""))]
    sentences = [f"{summaries[i].rstrip('.')} ({i})." for i in told[:2]]
    return " ".join(sentences)[:390] if len(" ".join(sentences)) <= 390 else (sentences or [""])[0]


def _tellable(summary: str) -> bool:
    return bool(summary) and WITHHELD not in summary and not summary.endswith("\u2026") and len(summary) < 300


def hypothesis(row: Row, summaries: dict[str, str]) -> Json:
    """A suspect as a hypothesis."""
    return {
        "statement": _statement(row, summaries) or row.get("reason", ""),
        "cause_kind": row.get("cause kind", "unknown"),
        "service": row.get("service", ""),
        "resource": row.get("resource", ""),
        "change_id": row.get("change", ""),
        "supporting": row.get("findings", "").split(),
        "contradicting": [],
    }


def _diagnosis(request: Request) -> list[tuple[str, Json]]:
    summaries = _summaries(request)
    suspects = request.table("suspects")[:4]
    hypotheses = [hypothesis(row, summaries) for row in suspects] or [_nothing(request)]
    judged = _judged(hypotheses, request) if request.table("tests") else hypotheses
    chain = [
        {"sentence": f"{summaries[i].rstrip('.')}.", "findings": [i]}
        for i in judged[0]["supporting"][:3]
        if _tellable(summaries.get(i, ""))
    ]
    calls = [(DIAGNOSE, {"hypotheses": judged, "causal_chain": chain})]
    again = bool(request.table("tests"))
    return calls if again else calls + _tests(hypotheses[:2], request)


def _nothing(request: Request) -> Json:
    _, _, rest = request.said.partition("alarmed service: ")
    service = rest.splitlines()[0] if rest else ""
    return {
        "statement": "The findings do not explain the incident.", "cause_kind": "unknown", "service": service,
        "resource": "", "change_id": "", "supporting": [], "contradicting": [],
    }  # fmt: skip


def _judged(hypotheses: list[Json], request: Request) -> list[Json]:
    """After the tests: what spoke against a hypothesis is listed, and it is no longer told first."""
    fresh = request.table("new findings")
    failed: list[int] = []
    for test in request.table("tests"):
        number = int(test.get("of hypothesis", "0")) if test.get("of hypothesis", "").isdigit() else 0
        if not 1 <= number <= len(hypotheses):
            continue
        one = hypotheses[number - 1]
        own = [row["id"] for row in fresh if row.get("service") == one["service"]]
        against = test.get("outcome") in AGAINST
        one["contradicting" if against else "supporting"] += own
        failed += [number - 1] if against else []
    return sorted(hypotheses, key=lambda one: hypotheses.index(one) in failed)


def _tests(hypotheses: list[Json], request: Request) -> list[tuple[str, Json]]:
    calls: list[tuple[str, Json]] = []
    for number, one in enumerate(hypotheses, start=1):
        name, arguments = TESTS.get(one["cause_kind"], OTHERWISE)
        if name in request.functions:
            given = {"service": one["service"], "change": one["change_id"], **arguments, "hypothesis": number}
            given["why"] = "an answer that shows nothing unusual would refute it"
            calls.append((name, fitted(request.functions[name], given, request)))
    return calls


def fitted(schema: Json, given: Json, request: Request) -> Json:
    """Arguments of a function: what is given where the schema has it and allows it, else what the prompt names."""
    made: Json = {}
    rest = filled(schema, request.prompt)
    for name, part in as_object(schema.get("properties")).items():
        allowed = resolved(part, schema).get("enum")
        fits = name in given and (allowed is None or given[name] in allowed)
        made[name] = given[name] if fits else rest.get(name)
    return made


def options(request: Request) -> list[tuple[str, Json]]:
    """One call per option: the steps of the table in its order, other tools and targets before the same again."""
    calls: list[tuple[str, Json]] = []
    seen: set[tuple[str, str]] = set()
    for row in request.table("steps"):
        name, target = row.get("function", ""), row.get("target", "")
        if name not in request.functions or (name, target) in seen or len(calls) == 3:
            continue
        seen.add((name, target))
        given: Json = {"option": len(calls) + 1, "target": target, **_arguments(row, request.functions[name])}
        cited = row.get("findings", "").split()
        given["why"] = f"It acts where the cause is ({cited[0]})." if cited else "It acts where the cause is."
        calls.append((name, fitted(request.functions[name], given, request)))
    return calls


def _arguments(row: Row, schema: Json) -> Json:
    """`name=value` pairs of a step as the values that the schema allows."""
    given: Json = {}
    for pair in filter(None, row.get("arguments", "").split(", ")):
        name, _, text = pair.partition("=")
        allowed: list[Any] = as_object(as_object(schema.get("properties")).get(name)).get("enum") or []
        given.update((name, value) for value in allowed if str(value) == text)
    return given
