"""The same three explanations from a scripted model over real HTTP: its tests are made on the real tables."""

import json
from pathlib import Path
from typing import Any

from autopilot.reasoning.asking.tokens import count_tokens
from tests.integration.model.conftest import Settings
from tests.integration.model.server import Body, ModelServer, Reply, calls, offered
from tests.unit.reasoning import shop_world
from tests.unit.reasoning.collected import Collected
from tests.unit.reasoning.test_three_hypotheses import about, refuted_by_probe


def _found(case: Collected, text: str) -> str:
    return next(f.id for f in case.found.findings if text in f.summary)


def _hypotheses(case: Collected) -> list[Body]:
    """What a sensible model would say of the shop, with ids from the prompt's own tables."""
    heavier, load = _found(case, "needs"), _found(case, "CPUUtilization (Average) of orders-db rose")
    slow, change = _found(case, "Latency (Average) of checkout rose"), _found(case, "Deploy v3.2.0")
    none: Body = {"resource": "", "change_id": "", "contradicting": []}
    return [
        none | {
            "statement": f"v3.2.0 of checkout needs more Queries of orders-db per request ({heavier}, {change}).",
            "cause_kind": "bad_deploy", "service": "checkout", "change_id": shop_world.DEPLOY,
            "supporting": [heavier, change],
        },
        none | {
            "statement": f"orders-db is overloaded: its CPUUtilization rose ({load}).",
            "cause_kind": "cpu", "service": "orders-db", "supporting": [load],
        },
        none | {
            "statement": f"The network of checkout delays it: Latency rose ({slow}).",
            "cause_kind": "network", "service": "checkout", "supporting": [slow],
        },
    ]  # fmt: skip


def tokens_of(request: Body) -> int:
    """What a request takes at most: its messages, and its functions as JSON."""
    text = "".join(m["content"] for m in request["messages"]) + json.dumps(request.get("tools", []))
    return count_tokens(text, "gpt-4o")


def test_two_fall_to_their_tests_and_the_release_is_confirmed(
    server: ModelServer, settings: Settings, tmp_path: Path
) -> None:
    case = Collected(tmp_path / "cases", shop_world.missing_query_optimisation(1))
    said = {"hypotheses": _hypotheses(case), "causal_chain": []}
    common = {"why": "the other answer would refute it"}
    tests: list[tuple[str, object]] = [
        ("probe_deploy_diff", common | {"hypothesis": 1, "service": "checkout", "change": shop_world.DEPLOY}),
        ("probe_metric", common | {"hypothesis": 2, "service": "orders-db", "metric": "cpu", "region": ""}),
        ("probe_network", common | {"hypothesis": 3, "service": "checkout", "peer": ""}),
    ]

    def script(request: Body) -> Reply:
        first = len(offered(request)) > 1
        return calls(("diagnose", said), *(tests if first else []), tokens=(4_000, 600))

    server.script = script
    diagnosis, investigation, _ = case.investigated(settings())
    best = diagnosis.best
    assert best is not None
    assert (best.standing, best.cause_kind, best.change_id) == ("confirmed", "bad_deploy", shop_world.DEPLOY)
    assert best.statement == said["hypotheses"][0]["statement"]
    assert refuted_by_probe(about(diagnosis, "cpu", "orders-db"), investigation)
    assert refuted_by_probe(about(diagnosis, "network", "checkout"), investigation)
    assert [p.name for p in investigation.turns[0].probes] == ["deploy_diff", "metric", "network"]
    assert (diagnosis.usage.calls, len(server.requests)) == (2, 2)
    assert diagnosis.dropped == 0
    sizes = [tokens_of(request) for request in server.requests]
    assert max(sizes) < 5_000
    assert sum(sizes) < 9_000  # leaves the plan and the summary 6,000 of a typical incident's 15,000
    told: Any = server.requests[1]["messages"][-1]["content"]
    assert "asks once per item of a loop" in told
    assert "P3|3|network checkout|absent|The far side answers" in told
