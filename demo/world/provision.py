"""Builds the company's account step by step through time, so that every stamp fits the story."""

import io
import zipfile
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from demo.cloud import Cloud
from demo.cloud.clients import ACCOUNT, REGION, Clients
from demo.scenarios import Release, Scenario
from demo.world.journal import access_group, application_group

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef

TOPIC = "alerts"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/checkout"
PLATFORM = "platform-team"
"""Who built the account."""
AGE = timedelta(days=30)


def _package(release: Release) -> bytes:
    """The function's code: different bytes for every release."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "checkout.py", f"RELEASE = {release.name!r}\n\n\ndef handle(event, context):\n    return {{}}\n"
        )
    return buffer.getvalue()


class Provisioner:
    """Creates the resources of a scenario. Synchronous; moves the cloud's clock and leaves it in the past."""

    def __init__(self, cloud: Cloud, scenario: Scenario, zero: datetime, deployed_at: datetime) -> None:
        self._cloud, self._scenario = cloud, scenario
        self._zero, self._deployed_at = zero, deployed_at
        self.rest_api = ""
        self.topic = ""

    def build(self) -> None:
        """Everything up to the suspected deploy, in the order of the story."""
        first, *others = [release for release in self._scenario.releases if release.before_alarm is not None]
        self._cloud.set_clock(self._zero - AGE)
        self._foundation(self._cloud.clients(PLATFORM), first)
        steps: list[tuple[timedelta, Release | int]] = [
            (release.before_alarm, release) for release in others if release.before_alarm is not None
        ]
        steps += list(self._scenario.capacities[1:])
        for before, step in sorted(steps, key=lambda entry: -entry[0]):
            self._cloud.set_clock(self._zero - before)
            if isinstance(step, Release):
                self._deploy(step)
            else:
                self.resize(step)

    def deploy_suspect(self) -> None:
        """The suspected release goes out."""
        self._cloud.set_clock(self._deployed_at)
        self._deploy(self._scenario.suspect)

    def resize(self, read_capacity: int) -> None:
        """An engineer sets the table's read capacity by hand."""
        self._cloud.clients(self._scenario.engineer).dynamodb.update_table(
            TableName=self._scenario.resources.table,
            ProvisionedThroughput={
                "ReadCapacityUnits": read_capacity,
                "WriteCapacityUnits": self._scenario.write_capacity,
            },
        )

    def subscribe(self, endpoint: str) -> None:
        """Alarms go to an HTTP endpoint, which has to confirm the subscription."""
        self._cloud.clients(PLATFORM).sns.subscribe(TopicArn=self.topic, Protocol="http", Endpoint=endpoint)

    def _deploy(self, release: Release) -> None:
        names = self._scenario.resources
        functions = self._cloud.clients(self._scenario.deployer).functions
        functions.update_function_code(FunctionName=names.function, ZipFile=_package(release))
        version = functions.publish_version(FunctionName=names.function, Description=release.name)["Version"]
        functions.update_alias(FunctionName=names.function, Name=names.alias, FunctionVersion=version)

    def _foundation(self, clients: Clients, first: Release) -> None:
        names = self._scenario.resources
        clients.dynamodb.create_table(
            TableName=names.table,
            KeySchema=[
                {"AttributeName": "customer_id", "KeyType": "HASH"},
                {"AttributeName": "order_id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "customer_id", "AttributeType": "S"},
                {"AttributeName": "order_id", "AttributeType": "S"},
            ],
            ProvisionedThroughput={
                "ReadCapacityUnits": self._scenario.capacities[0][1],
                "WriteCapacityUnits": self._scenario.write_capacity,
            },
        )
        clients.functions.create_function(
            FunctionName=names.function,
            Runtime="python3.11",
            Role=ROLE,
            Handler="checkout.handle",
            Code={"ZipFile": _package(first)},
            Timeout=10,
            MemorySize=512,
            Environment={"Variables": {"TABLE_NAME": names.table}},
            TracingConfig={"Mode": "Active"},
        )
        version = clients.functions.publish_version(FunctionName=names.function, Description=first.name)["Version"]
        clients.functions.create_alias(FunctionName=names.function, Name=names.alias, FunctionVersion=version)
        self._neighbours(clients)
        self._gateway(clients)
        for group in (application_group(self._scenario), access_group(self._scenario)):
            clients.logs.create_log_group(logGroupName=group)
            clients.logs.create_log_stream(logGroupName=group, logStreamName="all")
        self.topic = clients.sns.create_topic(Name=TOPIC)["TopicArn"]
        self._alarms(clients)

    def _neighbours(self, clients: Clients) -> None:
        names = self._scenario.resources
        clients.ecs.create_cluster(clusterName=names.cluster)
        for image in ("5.10.2", "5.11.0"):
            task = clients.ecs.register_task_definition(
                family=names.neighbour,
                cpu="512",
                memory="1024",
                containerDefinitions=[
                    {"name": names.neighbour, "image": f"paperplane/{names.neighbour}:{image}", "essential": True}
                ],
            )["taskDefinition"]
        clients.ecs.create_service(
            cluster=names.cluster,
            serviceName=names.neighbour,
            taskDefinition=task.get("taskDefinitionArn", names.neighbour),
            desiredCount=3,
        )
        clients.rds.create_db_instance(
            DBInstanceIdentifier=names.database,
            Engine="postgres",
            DBInstanceClass="db.r6g.large",
            AllocatedStorage=200,
            MultiAZ=True,
            MasterUsername="catalog",
            MasterUserPassword="simulated-only",
        )

    def _gateway(self, clients: Clients) -> None:
        names, gateway = self._scenario.resources, clients.api_gateway
        self.rest_api = gateway.create_rest_api(name=names.api)["id"]
        root = gateway.get_resources(restApiId=self.rest_api)["items"][0].get("id", "")
        path = gateway.create_resource(restApiId=self.rest_api, parentId=root, pathPart="checkout")["id"]
        gateway.put_method(restApiId=self.rest_api, resourceId=path, httpMethod="POST", authorizationType="NONE")
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{names.function}:{names.alias}"
        gateway.put_integration(
            restApiId=self.rest_api,
            resourceId=path,
            httpMethod="POST",
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations",
        )
        gateway.create_deployment(restApiId=self.rest_api, stageName=names.stage, description="Checkout API")

    def _alarms(self, clients: Clients) -> None:
        for watch in self._scenario.watches:
            dimensions: list[DimensionTypeDef] = [
                {"Name": name, "Value": value} for name, value in watch.dimensions
            ]
            clients.cloudwatch.put_metric_alarm(
                AlarmName=watch.name,
                AlarmDescription=watch.description,
                Namespace=watch.namespace,
                MetricName=watch.metric,
                Dimensions=dimensions,
                Statistic="Sum" if watch.statistic == "Sum" else "Average",
                Period=60,
                EvaluationPeriods=2,
                Threshold=watch.threshold,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="notBreaching",
                AlarmActions=[self.topic],
                OKActions=[self.topic],
            )
