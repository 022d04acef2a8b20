"""What `doctor` asks AWS: who we are, and one cheap read per source and region."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from autopilot.clients.aws import AwsClients
from autopilot.clients.aws_errors import AWS_ERRORS, explain, remedy
from autopilot.settings import Aws
from cli.probe import Broken, Probe, not_configured


def aws_probes(aws: Aws | None) -> list[Probe]:
    """The questions for the configured account."""
    if aws is None:
        return [Probe("aws", not_configured("aws"))]
    clients = AwsClients(aws.model_copy(update={"retries": 1}))
    reads = [(f"aws {region} {name}", read) for region in aws.regions for name, read in _reads(clients, region)]
    return [Probe("aws identity", lambda: _answered(lambda: _identity(clients)))] + [
        Probe(name, _readable(read)) for name, read in reads
    ]


def _answered(call: Callable[[], str]) -> str:
    """Raises Broken with AWS's own words and the permission to give."""
    try:
        return call()
    except AWS_ERRORS as error:
        raise Broken(explain(error), remedy(error)) from error


def _readable(read: Callable[[], object]) -> Callable[[], str]:
    def call() -> str:
        read()
        return "readable"

    return lambda: _answered(call)


def _identity(clients: AwsClients) -> str:
    answer = clients.sts().get_caller_identity()
    return f"{answer['Arn']} (account {answer['Account']})"


def _reads(clients: AwsClients, region: str) -> list[tuple[str, Callable[[], object]]]:
    """One call per source, with the permission that the source needs most."""
    now = datetime.now(UTC)
    since = now - timedelta(minutes=5)
    return [
        ("tags", lambda: clients.tagged("service", region)),
        ("cloudwatch metrics", lambda: clients.cloudwatch(region).list_metrics(Namespace="AWS/Lambda")),
        ("cloudwatch alarms", lambda: clients.cloudwatch(region).describe_alarms(MaxRecords=1)),
        ("cloudwatch logs", lambda: clients.logs(region).describe_log_groups(limit=1)),
        ("cloudtrail", lambda: clients.cloudtrail(region).lookup_events(StartTime=since, MaxResults=1)),
        ("xray", lambda: clients.xray(region).get_trace_summaries(StartTime=since, EndTime=now)),
        ("lambda", lambda: clients.lambda_(region).list_functions(MaxItems=1)),
        ("apigateway", lambda: clients.apigateway(region).get_rest_apis(limit=1)),
        ("dynamodb", lambda: clients.dynamodb(region).list_tables(Limit=1)),
        ("ecs", lambda: clients.ecs(region).list_clusters(maxResults=1)),
        ("rds", lambda: clients.rds(region).describe_db_instances(MaxRecords=20)),
        (
            "application-autoscaling",
            lambda: clients.application_autoscaling(region).describe_scalable_targets(
                ServiceNamespace="dynamodb", MaxResults=1
            ),
        ),
    ]
