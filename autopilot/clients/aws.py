"""The only place that builds AWS sessions and clients; it marks our writes."""

import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from autopilot.settings import Aws

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_appconfig import AppConfigClient
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_codedeploy import CodeDeployClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient
    from mypy_boto3_xray import XRayClient

USER_AGENT = "aiops-auto-pilot"
CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
PREPARED = (
    "cloudtrail", "lambda", "ecs", "cloudwatch", "dynamodb", "apigateway", "rds", "resourcegroupstaggingapi",
    "logs", "xray", "application-autoscaling", "scheduler", "appconfig",
    "elbv2", "autoscaling", "ec2", "cloudformation", "codedeploy",
)  # fmt: skip
"""What an incident needs, the first message's questions first."""

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

    def appconfig(self, region: str = "") -> "AppConfigClient":
        """AppConfig."""
        return self._client("appconfig", region)

    def autoscaling(self, region: str = "") -> "AutoScalingClient":
        """EC2 Auto Scaling groups."""
        return self._client("autoscaling", region)

    def cloudformation(self, region: str = "") -> "CloudFormationClient":
        """CloudFormation."""
        return self._client("cloudformation", region)

    def codedeploy(self, region: str = "") -> "CodeDeployClient":
        """CodeDeploy."""
        return self._client("codedeploy", region)

    def ec2(self, region: str = "") -> "EC2Client":
        """EC2."""
        return self._client("ec2", region)

    def eks(self, region: str = "") -> "EKSClient":
        """EKS."""
        return self._client("eks", region)

    def elbv2(self, region: str = "") -> "ElasticLoadBalancingv2Client":
        """Load balancers and target groups."""
        return self._client("elbv2", region)

    def scheduler(self, region: str = "") -> "EventBridgeSchedulerClient":
        """EventBridge Scheduler."""
        return self._client("scheduler", region)

    def ssm(self, region: str = "") -> "SSMClient":
        """Systems Manager."""
        return self._client("ssm", region)

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
