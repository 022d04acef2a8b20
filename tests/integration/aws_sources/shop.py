"""The contents of the simulated account."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"
MINUTES = 90
"""Minutes of history behind every series."""


class Cloud:
    """Writes the watched account, outside of the product's own clients."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str) -> Any:
        session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        return session.client(service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 2}))


def code() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return {'statusCode': 200}\n")
    return packed.getvalue()


def build(cloud: Cloud, scaling: Cloud) -> None:
    table(cloud, scaling)
    functions(cloud)
    api(cloud)
    neighbours(cloud)
    metrics(cloud)
    logs(cloud)
    alarms(cloud)


def table(cloud: Cloud, scaling: Cloud) -> None:
    cloud.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 100, "WriteCapacityUnits": 50},
    )
    cloud.client("dynamodb").create_table(
        TableName="carts",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "service", "Value": "basket"}],
    )
    scaling.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="dynamodb",
        ResourceId="table/carts",
        ScalableDimension="dynamodb:table:ReadCapacityUnits",
        MinCapacity=5,
        MaxCapacity=500,
    )


def function(cloud: Cloud) -> None:
    cloud.client("lambda").create_function(
        FunctionName="checkout",
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="index.handler",
        Code={"ZipFile": code()},
        MemorySize=256,
        Timeout=10,
        Environment={"Variables": {"TABLE_NAME": "orders", "API_SECRET": "hunter2-do-not-store"}},
    )


def functions(cloud: Cloud) -> None:
    function(cloud)
    client = cloud.client("lambda")
    client.publish_version(FunctionName="checkout", Description="v2.4.0")
    client.update_function_configuration(FunctionName="checkout", MemorySize=512)
    client.publish_version(FunctionName="checkout", Description="v2.4.1")
    client.create_alias(FunctionName="checkout", Name="live", FunctionVersion="1")
    client.update_alias(FunctionName="checkout", Name="live", FunctionVersion="2")
    client.put_function_concurrency(FunctionName="checkout", ReservedConcurrentExecutions=40)


def api(cloud: Cloud) -> None:
    client = cloud.client("apigateway")
    api_id = client.create_rest_api(name="checkout-api")["id"]
    root = client.get_resources(restApiId=api_id)["items"][0]["id"]
    target = "arn:aws:lambda:us-east-1:000000000000:function:checkout:live"
    client.put_method(restApiId=api_id, resourceId=root, httpMethod="POST", authorizationType="NONE")
    client.put_integration(
        restApiId=api_id,
        resourceId=root,
        httpMethod="POST",
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{target}/invocations",
    )
    client.create_deployment(restApiId=api_id, stageName="prod", description="first")


def neighbours(cloud: Cloud) -> None:
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="shop")
    for image in ("inventory:1", "inventory:2"):
        ecs.register_task_definition(
            family="inventory", containerDefinitions=[{"name": "app", "image": image, "memory": 128}]
        )
    ecs.create_service(cluster="shop", serviceName="inventory", taskDefinition="inventory:2", desiredCount=0)
    database(cloud)


def database(cloud: Cloud) -> None:
    cloud.client("rds").create_db_instance(
        DBInstanceIdentifier="catalog-db",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="shop",
        MasterUserPassword="not-a-real-one",
        Tags=[{"Key": "service", "Value": "catalog"}],
    )


def metrics(cloud: Cloud) -> None:
    client = cloud.client("cloudwatch")
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=MINUTES)
    live = [
        {"Name": "FunctionName", "Value": "checkout"},
        {"Name": "Resource", "Value": "checkout:live"},
        {"Name": "ExecutedVersion", "Value": "2"},
    ]
    series = [
        ("AWS/Lambda", "Duration", [{"Name": "FunctionName", "Value": "checkout"}], 850.0),
        ("AWS/Lambda", "Duration", live, 1200.0),
        ("AWS/Lambda", "Errors", [{"Name": "FunctionName", "Value": "checkout"}], 3.0),
        ("AWS/DynamoDB", "ReadThrottleEvents", [{"Name": "TableName", "Value": "orders"}], 7.0),
        ("AWS/ApiGateway", "5XXError", [{"Name": "ApiName", "Value": "checkout-api"}], 0.12),
        ("Shop", "OrdersPlaced", [{"Name": "service", "Value": "checkout"}], 20.0),
        ("AWS/Usage", "CallCount", [{"Name": "Service", "Value": "Lambda"}], 1.0),
    ]
    for namespace, name, dimensions, value in series:
        client.put_metric_data(
            Namespace=namespace,
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": dimensions,
                    "Timestamp": start + timedelta(minutes=minute),
                    "Value": value + minute % 3,
                }
                for minute in range(MINUTES)
            ],
        )


def logs(cloud: Cloud) -> None:
    client = cloud.client("logs")
    now = datetime.now(UTC)
    lines = [
        {
            "level": "INFO",
            "message": "order placed",
            "trace_id": "1-65a1b2c3-0123456789abcdef01234567",
            "user": "u1",
        },
        {"level": "ERROR", "message": "query failed", "error": "ProvisionedThroughputExceededException"},
    ]
    access = {"requestId": "r1", "httpMethod": "POST", "resourcePath": "/checkout", "status": "504", "user": "u1"}
    for group, messages in (
        ("/aws/lambda/checkout", [*map(json.dumps, lines), "[WARNING] plain text \x1b[31mred\x1b[0m"]),
        ("checkout-api-access", [json.dumps(access)]),
        ("/aws/lambda/unrelated", ["noise"]),
    ):
        client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName="s")
        for ago in (60, 5):
            at = int((now - timedelta(minutes=ago)).timestamp() * 1000)
            client.put_log_events(
                logGroupName=group,
                logStreamName="s",
                logEvents=[{"timestamp": at + n, "message": m} for n, m in enumerate(messages)],
            )


def alarms(cloud: Cloud) -> None:
    client = cloud.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName="checkout-duration",
        Namespace="AWS/Lambda",
        MetricName="Duration",
        Dimensions=[{"Name": "FunctionName", "Value": "checkout"}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=100_000,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    for state in ("OK", "ALARM"):
        client.set_alarm_state(AlarmName="checkout-duration", StateValue=state, StateReason=f"forced {state}")
