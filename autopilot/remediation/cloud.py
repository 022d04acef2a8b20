"""What all AWS tools share: errors in our words, targets by their ARN, one line a person could type."""

import re
import shlex
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import ClassVar
from uuid import NAMESPACE_URL, uuid5

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from autopilot.clients.aws import AwsClients, marking
from autopilot.clients.aws_errors import THROTTLE_PAUSE, error_kind, iam_action, to_failure
from autopilot.incident.base import Scalar, Time
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation.base import (
    Effect,
    InventoryItem,
    Missing,
    NoAnswer,
    Refusal,
    RepeatGuard,
    argument_problem,
)
from autopilot.remediation.tool import BaseTool

BUSY = {
    "ResourceInUseException", "ResourceConflictException", "ConcurrentUpdateException", "ScalingActivityInProgress",
}  # fmt: skip
"""Another change of the same resource is under way; it passes by itself."""
QUOTAS = {"LimitExceededException"}
"""The services that tools write to throttle under other names: this one is a quota, and waiting is no cure."""

SENDS = 3
"""How often a call is sent that surely did nothing the times before."""


def _answered(error: ClientError, what: str) -> Exception:
    """A vendor's answer as an error that says who can do something about it."""
    details = error.response.get("Error", {})
    code, said = details.get("Code", ""), details.get("Message", "")[:200]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    kind, action = error_kind(error), iam_action(error)
    busy = f"{what}: being changed by somebody ({code}); it is tried again."
    if code in QUOTAS or kind in ("invalid", "conflict") or (kind == "unavailable" and 400 <= status < 500):
        refused = f"{what}: AWS refused {action} ({code}: {said})"
        answer: Exception = Failure(busy, retry_after=THROTTLE_PAUSE) if code in BUSY else Refusal(refused)
    elif kind == "missing":
        answer = Missing(f"{what}: it does not exist ({code}: {said})")
    elif kind == "unavailable":
        answer = NoAnswer(f"{what}: {action} failed inside AWS ({status} {code}); its outcome is not known.")
    else:
        answer = to_failure(error, what)
    return answer


@contextmanager
def asking(what: str) -> Generator[None]:
    """Around vendor calls about `what` ("table orders"): errors leave as Refusal, Missing, NoAnswer or Failure."""
    try:
        yield
    except ClientError as error:
        raise _answered(error, what) from error
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        raise to_failure(error, what) from error
    except BotoCoreError as error:
        failure = to_failure(error, what)
        raise (NoAnswer(str(failure)) if failure.who == "retry" else failure) from error


def send_once(call: Callable[[], Effect], pause: float) -> Effect:
    """Send a call that must not be repeated blindly; a lost answer is `unknown`.

    One that surely did nothing (throttled, not connected) is sent again a few times, here and now: a later attempt
    could not know that. `pause` is in seconds.
    """
    for tried in range(1, SENDS):
        try:
            return _answer_of(call)
        except Failure as failure:
            if failure.who != "retry":
                raise
            time.sleep(pause * tried)
    try:
        return _answer_of(call)
    except Failure as failure:
        if failure.who != "retry":
            raise
        raise Refusal(f"{failure} It was sent {SENDS} times and nothing was changed.") from failure


def _answer_of(call: Callable[[], Effect]) -> Effect:
    try:
        return call()
    except NoAnswer:
        return "unknown"


class AwsTool(BaseTool):
    """A tool on AWS: its targets are ARNs in the configured regions."""

    permissions: tuple[str, ...]
    target: ClassVar[re.Pattern[str]]
    """The ARNs it works on, with named groups; `region` is one of them."""

    def __init__(self, clients: AwsClients) -> None:
        """The tool may act in the regions of the clients' settings only."""
        self._aws = clients

    def problem(self, step: Step) -> str:
        """Why target or arguments do not fit; empty when they do."""
        found = self.target.fullmatch(step.target)
        if found is None:
            return f"{step.target!r} is not a target of {self.name}"
        if step.region and step.region != found["region"]:
            return f"{step.target!r} is not in {step.region!r}"
        if found["region"] not in self._aws.regions:
            return f"{found['region']!r} is not among the configured regions {', '.join(self._aws.regions)}"
        return argument_problem(self.takes, step)

    def _fits(self, item: InventoryItem, kind: str) -> bool:
        """Whether the item is of this kind and its id is one this tool understands."""
        return item.kind == kind and self.target.fullmatch(item.resource) is not None

    def _parts(self, step: Step) -> dict[str, str]:
        """The named parts of the target's ARN."""
        found = self.target.fullmatch(step.target)
        if found is None:
            raise Refusal(f"{step.target!r} is not a target of {self.name}")
        return {name: value or "" for name, value in found.groupdict().items()}


def request_token(key: str) -> str:
    """The idempotency token of a step in the form that AWS takes, a UUID: the same for each attempt."""
    return str(uuid5(NAMESPACE_URL, f"autopilot:{key}"))


class SentOnce(AwsTool):
    """A tool on AWS whose call takes no token and cannot be compared: it is sent at most once."""

    repeat_guard: RepeatGuard = "trace"

    def __init__(self, clients: AwsClients, once: AwsClients, pause: float = 1.0) -> None:
        """`once` never repeats a call by itself; `pause` is in seconds, before a throttled call is sent again."""
        super().__init__(clients)
        self._once, self._pause = once, pause

    def _sent(self, call: Callable[[], object], key: str, what: str) -> Effect:
        """What became of the call about `what`, marked with the step's key. Raises as `execute` does."""

        def act() -> Effect:
            with marking(key), asking(what):
                call()
            return "done"

        return send_once(act, self._pause)


def arn(service: str, resource: str) -> re.Pattern[str]:
    """ARNs of a service whose last part matches `resource`; groups `region` and those of `resource`."""
    return re.compile(rf"arn:aws[a-z-]*:{service}:(?P<region>[a-z0-9-]+):\d{{12}}:{resource}")


def shell(*words: Scalar) -> str:
    """Words as one line that a shell reads back unchanged."""
    return shlex.join(str(word) for word in words)


def now() -> Time:
    """The present, for observations."""
    return datetime.now(UTC)


def changed_lines(before: Mapping[str, Scalar], after: Mapping[str, Scalar]) -> tuple[str, ...]:
    """`setting: before → after` for every setting that differs."""

    def shown(value: Scalar) -> str:
        return "none" if value is None else str(value)

    return tuple(
        f"{name}: {shown(before.get(name))} → {shown(value)}"
        for name, value in after.items()
        if before.get(name) != value
    )
