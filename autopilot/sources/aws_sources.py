"""All sources of a watched AWS account."""

from autopilot.clients.aws import AwsClients
from autopilot.settings import Aws
from autopilot.sources.api_gateway import ApiGateway
from autopilot.sources.appconfig import AppConfig
from autopilot.sources.application_autoscaling import ApplicationAutoScaling
from autopilot.sources.autoscaling_groups import AutoScalingGroups
from autopilot.sources.aws import Account, AwsSource
from autopilot.sources.cloudformation import CloudFormation
from autopilot.sources.cloudtrail import CloudTrail
from autopilot.sources.cloudwatch import CloudWatchMetrics
from autopilot.sources.cloudwatch_alarms import CloudWatchAlarms
from autopilot.sources.cloudwatch_logs import CloudWatchLogs
from autopilot.sources.codedeploy import CodeDeploy
from autopilot.sources.dynamodb import DynamoDB
from autopilot.sources.ec2 import Ec2
from autopilot.sources.ecs import Ecs
from autopilot.sources.elb import Elb
from autopilot.sources.lambda_ import Lambda
from autopilot.sources.rds import Rds
from autopilot.sources.rds_clusters import RdsClusters
from autopilot.sources.scheduler import Scheduler
from autopilot.sources.ssm_flags import SsmFlags
from autopilot.sources.xray import XRay


def build_aws_sources(settings: Aws, clients: AwsClients) -> list[AwsSource]:
    """The sources, in a stable order; they share one list of the account's resources."""
    account = Account(settings, clients)
    return [
        CloudWatchMetrics(account),
        CloudWatchAlarms(account),
        CloudWatchLogs(account),
        CloudTrail(account),
        XRay(account),
        Lambda(account),
        ApiGateway(account),
        DynamoDB(account),
        Ecs(account),
        Rds(account),
        Elb(account),
        AutoScalingGroups(account),
        Ec2(account),
        RdsClusters(account),
        CloudFormation(account),
        CodeDeploy(account),
        ApplicationAutoScaling(account),
        Scheduler(account),
        AppConfig(account),
        *([SsmFlags(account)] if settings.flag_prefixes else []),
    ]
