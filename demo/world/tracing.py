"""Requests as X-Ray segment documents: API Gateway, Lambda, DynamoDB and the neighbour."""

import json
import random
from typing import Any

from demo.cloud.clients import ACCOUNT, REGION
from demo.scenarios import Scenario
from demo.world.model import ATTEMPTS
from demo.world.requests import Visit


class Tracer:
    """Writes the documents of traced requests."""

    def __init__(self, scenario: Scenario, rest_api: str, seeded: random.Random) -> None:
        self._names, self._rest_api, self._seeded = scenario.resources, rest_api, seeded

    def _id(self) -> str:
        return f"{self._seeded.getrandbits(64):016x}"

    def documents(self, visit: Visit) -> list[str]:
        """The segments of one trace, caller first."""
        start = visit.at.timestamp()
        invoked, entered = start + 0.025, start + 0.028
        left = entered + visit.lambda_ms / 1000
        end = start + visit.api_ms / 1000
        call = {**self._part("Lambda", invoked, left + 0.002), "namespace": "aws"}
        call["aws"] = {"function_name": self._names.function, "region": REGION, "operation": "Invoke"}
        call["http"] = {"response": {"status": 500 if visit.outcome == "refused" else 200}}
        gateway = {
            **self._part(f"{self._names.api}/{self._names.stage}", start, end),
            "origin": "AWS::ApiGateway::Stage",
            "resource_arn": f"arn:aws:apigateway:{REGION}::/restapis/{self._rest_api}/stages/{self._names.stage}",
            "http": {
                "request": {"method": "POST", "url": "https://checkout.paperplane.example/prod/checkout"},
                "response": {"status": visit.status},
            },
            "user": visit.user,
            "aws": {"api_gateway": {"account_id": ACCOUNT, "rest_api_id": self._rest_api}},
            "subsegments": [call],
            **_flags(visit.status),
        }
        segments = [gateway]
        if visit.outcome != "refused":
            service = {**self._part(self._names.function, invoked, left), "parent_id": call["id"]}
            service["origin"] = "AWS::Lambda"
            service["resource_arn"] = self._function_arn(self._names.alias)
            service["http"] = {"response": {"status": 200}}
            inside, beyond = self._function(visit, entered, left, str(service["id"]))
            segments += [service, inside, *beyond]
        return [json.dumps({"trace_id": visit.trace_id, **segment}) for segment in segments]

    def _part(self, name: str, start: float, end: float) -> dict[str, Any]:
        return {"id": self._id(), "name": name, "start_time": round(start, 3), "end_time": round(end, 3)}

    def _function_arn(self, qualifier: str) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self._names.function}:{qualifier}"

    def _function(
        self, visit: Visit, start: float, end: float, parent: str
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The function's own segment, and what others saw of its calls."""
        read_from = start + (end - start - visit.table_ms / 1000) * 0.4
        gave_up = visit.throttled >= ATTEMPTS
        read = {
            **self._part("DynamoDB", read_from, read_from + visit.table_ms / 1000),
            "namespace": "aws",
            "aws": {
                "operation": "Query",
                "table_name": self._names.table,
                "region": REGION,
                "retries": min(visit.throttled, ATTEMPTS - 1),
            },
            "http": {"response": {"status": 400 if gave_up else 200}},
            **({"error": True, "throttle": True} if gave_up else {}),
        }
        reserve_to = start + 0.02 + 0.06 * self._seeded.uniform(0.7, 1.4)
        reserve = {**self._part(self._names.neighbour, start + 0.02, reserve_to), "namespace": "remote"}
        reserve["http"] = {
            "request": {"method": "POST", "url": f"http://{self._names.neighbour}.shop.internal/reserve"},
            "response": {"status": 200},
        }
        inside = {
            **self._part(self._names.function, start, end),
            "parent_id": parent,
            "origin": "AWS::Lambda::Function",
            "resource_arn": self._function_arn(visit.version),
            "annotations": {"version": visit.release},
            "aws": {"function_arn": self._function_arn(visit.version), "request_id": visit.request_id},
            "subsegments": [reserve, read],
            **({"fault": True} if visit.status >= 500 else {}),
        }
        seen = {key: value for key, value in read.items() if key not in ("id", "name", "namespace", "aws")}
        table = {
            "id": self._id(),
            "name": self._names.table,
            "parent_id": read["id"],
            "origin": "AWS::DynamoDB::Table",
            "inferred": True,
            **seen,
        }
        stock = {
            **self._part(self._names.neighbour, start + 0.023, reserve_to - 0.003),
            "parent_id": reserve["id"],
            "origin": "AWS::ECS::Container",
            "http": {"response": {"status": 200}},
            "subsegments": [
                {**self._part(self._names.database, start + 0.03, reserve_to - 0.01), "namespace": "remote"}
            ],
        }
        return inside, [table, stock]


def _flags(status: int) -> dict[str, bool]:
    if status >= 500:
        return {"fault": True}
    return {"error": True, **({"throttle": True} if status == 429 else {})} if status >= 400 else {}
