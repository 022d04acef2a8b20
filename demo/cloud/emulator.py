"""Entry point of an emulator process: it ends with its parent, and its audit trail is as true as AWS's.

Usage: `python -m demo.cloud.emulator aws` or `python -m demo.cloud.emulator autoscaling PORT`.
"""

import importlib
import os
import sys
import threading
from collections.abc import Callable
from urllib.parse import urlencode

from demo.cloud.wire import Request, operation_and_parameters, target_names

SIMULATION = "simulation"
"""The access key of the simulated world itself: physics is not an actor, so CloudTrail does not see it."""

RESOURCE_TYPES = {
    "dynamodb": "AWS::DynamoDB::Table",
    "ecs": "AWS::ECS::Service",
    "lambda": "AWS::Lambda::Function",
    "rds": "AWS::RDS::DBInstance",
    "sns": "AWS::SNS::Topic",
}


def _end_with_parent() -> None:
    """Leave as soon as the parent closes our standard input, however it ended."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def _true_trail() -> None:
    """Mend ministack's CloudTrail records.

    It guesses operations by path (an UpdateAlias becomes ListAliases), forgets parameters in paths and forms, and
    records the simulation's own calls, which would bury what people did.
    """
    app = importlib.import_module("ministack.app")
    trail = importlib.import_module("ministack.services.cloudtrail")
    observe: Callable[..., None] = app._maybe_record_cloudtrail
    record: Callable[..., None] = trail.record_event
    seen = threading.local()

    def observe_exactly(service: str, method: str, path: str, headers: dict[str, str], body: bytes,
                        query: dict[str, object], *rest: object) -> None:  # fmt: skip
        seen.request = Request(method, path, urlencode(query, doseq=True), headers, body)
        observe(service, method, path, headers, body, query, *rest)

    def record_exactly(**event: object) -> None:
        if event.get("access_key_id") == SIMULATION:
            return
        request: Request = seen.request
        operation, parameters = operation_and_parameters(request)
        hidden = {name: value for name, value in parameters.items() if name not in ("Action", "Version", "ZipFile")}
        names = target_names(request.service, parameters)
        kind = RESOURCE_TYPES.get(request.service, "")
        record(**{
            **event,
            "event_name": operation,
            "request_params": {name[:1].lower() + name[1:]: value for name, value in hidden.items()},
            "resources": [{"ResourceName": names[0], "ResourceType": kind}] if names else event["resources"],
        })  # fmt: skip

    vars(app)["_maybe_record_cloudtrail"] = observe_exactly
    vars(trail)["record_event"] = record_exactly


def main(arguments: list[str]) -> None:
    """Serve until stopped."""
    _end_with_parent()
    if arguments[0] == "aws":
        sys.argv = ["ministack"]
        _true_trail()
        importlib.import_module("ministack.app").main()
    else:
        importlib.import_module("moto.server").main(["-H", "127.0.0.1", "-p", arguments[1]])


if __name__ == "__main__":
    main(sys.argv[1:])
