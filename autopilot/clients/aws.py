"""The only place that builds AWS sessions and clients, marks our writes, and names AWS errors for people."""

import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
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

from autopilot.incident.ports import Failure
from autopilot.settings import Aws

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sts import STSClient
    from mypy_boto3_xray import XRayClient

USER_AGENT = "aiops-auto-pilot"
CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
PREPARED = (
    "cloudtrail", "lambda", "ecs", "cloudwatch", "dynamodb", "apigateway", "rds", "resourcegroupstaggingapi",
    "logs", "xray", "application-autoscaling",
)  # fmt: skip
"""What an incident needs, the first message's questions first."""
THROTTLE_PAUSE = 5.0
"""Seconds to leave a throttled API alone after the SDK's own retries were used up."""

_MARK_FORM = re.compile(r"[\x21-\x7e]{1,300}")
_mark: ContextVar[str] = ContextVar("aws_mark", default="")


@contextmanager
def marking(key: str) -> Generator[None]:
    """AWS calls made inside (in this thread) end their User-Agent with ` step/<key>`, as CloudTrail records it.

    Raises:
        ValueError: the key has characters that cannot stand in a header.
    """
    if not _MARK_FORM.fullmatch(key):
        raise ValueError(f"{key!r} cannot mark AWS calls: use 1 to 300 printable ASCII characters without spaces.")
    token = _mark.set(key)
    try:
        yield
    finally:
        _mark.reset(token)


def _append_mark(request: Any, **_: object) -> None:
    """Before sending: add the mark. SigV4 does not sign the User-Agent, so the signature holds."""
    if key := _mark.get():
        agent = request.headers.get("User-Agent", USER_AGENT)
        agent = agent.decode() if isinstance(agent, bytes) else agent
        request.headers["User-Agent"] = f"{agent} step/{key}"


def _note_action(parsed: dict[str, Any], model: Any, **_: object) -> None:
    """After a call: remember which service was asked, so that an error can name the IAM action."""
    if "Error" in parsed:
        metadata = parsed.setdefault("ResponseMetadata", {})
        metadata["Service"] = model.service_model.signing_name
        metadata["Method"] = model.http.get("method", "")


class AwsClients:
    """Clients of the watched account: one per service and region, shared by all threads.

    Credentials, profiles and endpoints come from the SDK's own chain (AWS_* variables, roles).
    """

    def __init__(self, settings: Aws) -> None:
        """Nothing is contacted yet."""
        self.regions = settings.regions
        self._session: Any = boto3.Session()
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": settings.retries},
            user_agent_extra=USER_AGENT,
            max_pool_connections=20,
        )

    def _client(self, service: str, region: str) -> Any:
        """The cached client. Creation is serialised: a session must not be used by two threads."""
        where = region or self.regions[0]
        with self._lock:
            if (service, where) not in self._clients:
                client = self._session.client(service, region_name=where, config=self._config)
                client.meta.events.register("before-send", _append_mark)
                client.meta.events.register("after-call", _note_action)
                self._clients[service, where] = client
            return self._clients[service, where]

    def prepare(self) -> None:
        """Build the clients of the first region ahead of need: each costs some tenths of a second."""
        for service in PREPARED:
            self._client(service, "")

    def apigateway(self, region: str = "") -> "APIGatewayClient":
        """API Gateway (REST APIs)."""
        return self._client("apigateway", region)

    def application_autoscaling(self, region: str = "") -> "ApplicationAutoScalingClient":
        """Application Auto Scaling."""
        return self._client("application-autoscaling", region)

    def cloudtrail(self, region: str = "") -> "CloudTrailClient":
        """CloudTrail."""
        return self._client("cloudtrail", region)

    def cloudwatch(self, region: str = "") -> "CloudWatchClient":
        """CloudWatch metrics and alarms."""
        return self._client("cloudwatch", region)

    def dynamodb(self, region: str = "") -> "DynamoDBClient":
        """DynamoDB."""
        return self._client("dynamodb", region)

    def ecs(self, region: str = "") -> "ECSClient":
        """ECS."""
        return self._client("ecs", region)

    def lambda_(self, region: str = "") -> "LambdaClient":
        """Lambda."""
        return self._client("lambda", region)

    def logs(self, region: str = "") -> "CloudWatchLogsClient":
        """CloudWatch Logs."""
        return self._client("logs", region)

    def rds(self, region: str = "") -> "RDSClient":
        """RDS."""
        return self._client("rds", region)

    def s3(self, region: str = "") -> "S3Client":
        """S3."""
        return self._client("s3", region)

    def sns(self, region: str = "") -> "SNSClient":
        """SNS."""
        return self._client("sns", region)

    def sts(self, region: str = "") -> "STSClient":
        """STS."""
        return self._client("sts", region)

    def tagged(self, key: str, region: str, after: str = "") -> tuple[list[tuple[str, str]], str]:
        """One page of (ARN, value) of all resources that carry tag `key`, and where the next page starts."""
        answer: dict[str, Any] = self._client("resourcegroupstaggingapi", region).get_resources(
            TagFilters=[{"Key": key}], ResourcesPerPage=100, PaginationToken=after
        )
        pairs = [
            (str(item["ResourceARN"]), str(tag["Value"]))
            for item in answer.get("ResourceTagMappingList", [])
            for tag in item.get("Tags", [])
            if tag.get("Key") == key
        ]
        return pairs, str(answer.get("PaginationToken") or "")

    def xray(self, region: str = "") -> "XRayClient":
        """X-Ray."""
        return self._client("xray", region)


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


_IAM_PREFIX = {"monitoring": "cloudwatch"}
_IAM_ACTION = {
    "s3:HeadObject": "s3:GetObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "tagging:GetResources": "tag:GetResources",
}


def iam_action(error: ClientError) -> str:
    """The IAM action that an access-denied error is about, such as `dynamodb:UpdateTable`."""
    message = error.response.get("Error", {}).get("Message", "")
    if said := re.search(r"perform: ([a-z0-9-]+:[A-Za-z]+)", message):
        return said.group(1)
    metadata: Any = error.response.get("ResponseMetadata", {})
    service = str(metadata.get("Service", ""))
    if service == "apigateway":
        return f"apigateway:{metadata.get('Method') or 'GET'}"
    action = f"{_IAM_PREFIX.get(service, service)}:{error.operation_name}".lstrip(":")
    return _IAM_ACTION.get(action, action)


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
