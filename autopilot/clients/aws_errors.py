"""AWS errors in our words: what sort of failure, who can mend it, and what to do next."""

import re
from typing import Any, Literal

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoAuthTokenError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    SSOError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)
from botocore.parsers import ResponseParserError

from autopilot.clients.iam import action_of
from autopilot.incident.ports import Failure

THROTTLE_PAUSE = 5.0
"""Seconds to leave a throttled API alone after the SDK's own retries were used up."""

AWS_ERRORS = (ClientError, BotoCoreError, ResponseParserError)
"""Everything that the SDK raises when AWS or the way to it fails; garbage from a proxy is the third."""

ErrorKind = Literal["throttled", "denied", "invalid", "missing", "conflict", "unsupported", "unavailable"]

_KINDS: tuple[tuple[ErrorKind, str], ...] = (
    ("throttled", r"Throttl|TooManyRequests|RequestLimitExceeded|ProvisionedThroughputExceeded|SlowDown"),
    ("throttled", r"^LimitExceededException$|RateExceeded|^EC2ThrottledException$"),
    ("denied", r"AccessDenied|UnauthorizedOperation|NotAuthorized|UnrecognizedClient|InvalidClientTokenId"),
    ("denied", r"ExpiredToken|SignatureDoesNotMatch|InvalidSignature|AuthFailure|OptInRequired|^403$"),
    ("unsupported", r"UnknownOperation|UnsupportedOperation|NotImplemented|InvalidAction|^501$"),
    ("conflict", r"ResourceInUse|Conflict|InUse|InvalidDBInstanceState|OperationNotPermitted|OperationAborted"),
    ("missing", r"NotFound|NoSuch|DoesNotExist|^404$|ServiceNotActive"),
    ("invalid", r"Validation|InvalidParameter|InvalidRequest|InvalidInput|BadRequest|Malformed|^400$"),
    ("invalid", r"^Invalid|MissingParameter|SerializationException"),
)


def error_kind(error: Exception) -> ErrorKind:
    """What sort of failure an SDK error is; `unavailable` for network trouble, 5xx and anything unknown."""
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, NoAuthTokenError, SSOError)):
        return "denied"
    if isinstance(error, ParamValidationError):
        return "invalid"
    if not isinstance(error, ClientError):
        return "unavailable"
    code = error.response.get("Error", {}).get("Code", "")
    for kind, form in _KINDS:
        if re.search(form, code):
            return kind
    return "unavailable"


def iam_action(error: ClientError) -> str:
    """The IAM action that an access-denied error is about, such as `dynamodb:UpdateTable`."""
    message = error.response.get("Error", {}).get("Message", "")
    if said := re.search(r"perform: ([a-z0-9-]+:[A-Za-z]+)", message):
        return said.group(1)
    metadata: Any = error.response.get("ResponseMetadata", {})
    service, method = str(metadata.get("Service", "")), str(metadata.get("Method", ""))
    return action_of(service, error.operation_name, method)


def remedy(error: Exception) -> str:
    """What a person should do next about an SDK error."""
    kind = error_kind(error)
    if kind == "denied" and isinstance(error, ClientError):
        return f"Allow {iam_action(error)} for the credentials that the worker uses."
    return {
        "throttled": "AWS limits the request rate; it is tried again later.",
        "denied": "Give the worker AWS credentials: a role, a profile, or AWS_ACCESS_KEY_ID and its secret.",
        "invalid": "The request itself is wrong; report it with this message.",
        "missing": "Check the region and whether the resource still exists.",
        "conflict": "Another change of the resource is under way; it is tried again later.",
        "unsupported": "This endpoint does not offer the operation.",
        "unavailable": "AWS or the network between is not answering; it is tried again later.",
    }[kind]


_WHO: dict[ErrorKind, Literal["retry", "operator", "developer"]] = {
    "throttled": "retry",
    "denied": "operator",
    "invalid": "developer",
    "missing": "operator",
    "conflict": "retry",
    "unsupported": "operator",
    "unavailable": "retry",
}


def explain(error: Exception) -> str:
    """The SDK error in one clause, bounded: code and message."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        message = re.sub(r"<[^>]*>", " ", str(details.get("Message", "")))  # proxies answer in HTML
        return f"{error.operation_name}: {details.get('Code', 'error')}: {' '.join(message.split())}"[:300]
    if isinstance(error, ResponseParserError):
        return "an answer that is not AWS's; is there a proxy between?"
    if isinstance(error, (BotoConnectionError, HTTPClientError)):
        return f"no answer from AWS ({type(error).__name__})"
    return f"{type(error).__name__}: {error}"[:300]


def to_failure(error: Exception, what: str) -> Failure:
    """One of `AWS_ERRORS` for the activity layer. `what` was being done, such as "reading table 'orders'"."""
    kind = error_kind(error)
    pause = THROTTLE_PAUSE if kind == "throttled" else None
    return Failure(f"{what} failed: {explain(error)}. {remedy(error)}", who=_WHO[kind], retry_after=pause)
