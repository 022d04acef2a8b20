"""What the vendors contain when a scenario starts, keyed by the scenario's name."""

from collections.abc import Callable
from datetime import datetime, timedelta

from demo.saas.records import Article, CompanyRecords, JiraIssue, PastIncident, SlackRecords, SlackUser
from demo.saas.seed_repository import REPOSITORY, shop_repository

__all__ = ["CHANNELS", "PEOPLE", "REPOSITORY", "SEEDS", "company_records"]

PEOPLE = (
    SlackUser("U024BE7LH", "kim", "Kim Larsen", "kim@paperplane.example"),
    SlackUser("U024BE7LJ", "noor", "Noor Haddad", "noor@paperplane.example"),
    SlackUser("U024BE7LK", "sam", "Sam Okafor", "sam@paperplane.example"),
)
CHANNELS = (("C024BE91L", "incidents"), ("C024BE92M", "alerts"))


def _incidents(at: datetime) -> tuple[PastIncident, ...]:
    def days(number: float) -> datetime:
        return at - timedelta(days=number)

    return (
        PastIncident(
            "INC0010042",
            "checkout slow: DynamoDB throttling on orders",
            "API latency of checkout above 900 ms. Lambda logs show ProvisionedThroughputExceededException on "
            "table orders during the evening campaign.",
            days(12.3),
            "checkout",
            days(12.27),
            "Solved (Permanently)",
            "Raised the read capacity of the DynamoDB table orders from 300 to 400 RCU; latency returned to normal "
            "within three minutes.",
            "2",
            ("ThrottledRequests on orders rose to 40 a second.", "update-table done, watching."),
        ),
        PastIncident(
            "INC0010057",
            "orders table throttled after report query",
            "Reads on the DynamoDB table orders were throttled while the daily report ran; checkout returned 5xx "
            "for 4 % of the requests.",
            days(6.6),
            "checkout",
            days(6.5),
            "Solved (Permanently)",
            "Optimised the query of the report: it used a Scan with consistent reads, now a Query on the index "
            "with eventually consistent reads. Consumed read capacity fell by 60 %.",
            "2",
            ("Report job stopped by hand.", "New query deployed."),
        ),
        PastIncident(
            "INC0010031",
            "inventory: deployment stuck",
            "ECS service inventory could not place tasks.",
            days(21),
            "inventory",
            days(20.9),
            "Solved (Permanently)",
            "Raised the instance count of the cluster.",
        ),
        PastIncident(
            "INC0010060",
            "VPN drops for the warehouse",
            "Scanners lose their connection.",
            days(2),
            "network",
            priority="4",
        ),
    )


def _jira(at: datetime) -> tuple[JiraIssue, ...]:
    def days(number: float) -> datetime:
        return at - timedelta(days=number)

    return (
        JiraIssue(
            "SHOP-231",
            "Recommend related orders on checkout",
            "As a customer I want to see what others bought together with my order.\n\nShips with v2.4.1.",
            "Story",
            "Done",
            days(20),
            ("checkout",),
            ("checkout",),
            "Done",
            days(0.1),
        ),
        JiraIssue(
            "SHOP-240",
            "Enable auto scaling on the orders table",
            "After INC0010042: the table orders has fixed read capacity. "
            "Let it scale between 400 and 2000 RCU at 70 %.",
            "Task",
            "To Do",
            days(11),
            ("checkout", "dynamodb"),
            ("checkout",),
            priority="High",
            comments=("Postponed to the next sprint.",),
        ),
        JiraIssue(
            "SHOP-236",
            "Post-incident: orders throttled by report query",
            "Follow-up of INC0010057.\n\nCause: Scan with consistent reads.",
            "Incident",
            "Done",
            days(6.5),
            ("checkout",),
            ("checkout",),
            "Done",
            days(5),
            "High",
            ("Query on the index since Tuesday.",),
        ),
        JiraIssue(
            "SHOP-244",
            "Basket margin on phones",
            "See pictures.",
            "Bug",
            "Done",
            days(3),
            ("web",),
            ("web",),
            "Done",
            days(1.1),
        ),
    )


def _deploy_throttle(at: datetime) -> CompanyRecords:
    article = Article(
        "KB0010005",
        "DynamoDB table throttled: what to do",
        "1. Compare ConsumedReadCapacityUnits with ProvisionedReadCapacityUnits. 2. If a release raised the reads "
        "per request, roll it back. 3. Otherwise raise the read capacity (update-table) or enable auto scaling. "
        "Decreases are limited per day, so do not overshoot.",
        at - timedelta(days=10),
    )
    return CompanyRecords(
        slack=SlackRecords(PEOPLE, CHANNELS),
        github=(shop_repository(at),),
        incidents=_incidents(at),
        articles=(article,),
        issues=_jira(at),
    )


SEEDS: dict[str, Callable[[datetime], CompanyRecords]] = {"deploy-throttle": _deploy_throttle}


def company_records(scenario: str, at: datetime) -> CompanyRecords:
    """The contents for a scenario whose alarm comes at `at`. Raises KeyError for an unknown scenario."""
    return SEEDS[scenario](at)
