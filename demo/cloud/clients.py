"""Typed boto3 clients for what the simulation and the people in it do to the cloud."""

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

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
    from mypy_boto3_sns import SNSClient

REGION = "us-east-1"
ACCOUNT = "000000000000"


class Clients:
    """Clients of one user: the access key is the name that CloudTrail shows. Thread-safe."""

    def __init__(self, default: str, others: Mapping[str, str], user: str) -> None:
        self._default, self._others = default, others
        self._lock = threading.Lock()
        # Any: the stubs' overloads name hundreds of services whose stub packages are not installed.
        self._session: Any = boto3.Session(
            aws_access_key_id=user, aws_secret_access_key="simulated", region_name=REGION
        )
        self._config = Config(
            proxies={}, retries={"max_attempts": 2}, max_pool_connections=16, connect_timeout=5, read_timeout=30
        )

    def _client(self, service: str) -> Any:
        # A session must not build clients in two threads at once.
        with self._lock:
            url = self._others.get(service, self._default)
            return self._session.client(service, endpoint_url=url, config=self._config)

    @cached_property
    def api_gateway(self) -> "APIGatewayClient":
        """API Gateway (REST APIs)."""
        return self._client("apigateway")

    @cached_property
    def autoscaling(self) -> "ApplicationAutoScalingClient":
        """Application Auto Scaling."""
        return self._client("application-autoscaling")

    @cached_property
    def cloudtrail(self) -> "CloudTrailClient":
        """CloudTrail."""
        return self._client("cloudtrail")

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """CloudWatch metrics and alarms."""
        return self._client("cloudwatch")

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB."""
        return self._client("dynamodb")

    @cached_property
    def ecs(self) -> "ECSClient":
        """ECS."""
        return self._client("ecs")

    @cached_property
    def functions(self) -> "LambdaClient":
        """Lambda."""
        return self._client("lambda")

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """CloudWatch Logs."""
        return self._client("logs")

    @cached_property
    def rds(self) -> "RDSClient":
        """RDS."""
        return self._client("rds")

    @cached_property
    def sns(self) -> "SNSClient":
        """SNS."""
        return self._client("sns")
