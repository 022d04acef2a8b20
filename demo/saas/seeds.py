"""What the vendors contain when a scenario starts, keyed by the scenario's name."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from demo.saas.records import (
    Article,
    ChangedFile,
    Commit,
    CompanyRecords,
    Deployment,
    GitHubRecords,
    Issue,
    JiraIssue,
    PastIncident,
    PullRequest,
    ReviewRemark,
    SlackRecords,
    SlackUser,
)

PEOPLE = (
    SlackUser("U024BE7LH", "kim", "Kim Larsen", "kim@paperplane.example"),
    SlackUser("U024BE7LJ", "noor", "Noor Haddad", "noor@paperplane.example"),
    SlackUser("U024BE7LK", "sam", "Sam Okafor", "sam@paperplane.example"),
)
CHANNELS = (("C024BE91L", "incidents"), ("C024BE92M", "alerts"))
REPOSITORY = "paperplane/checkout"

RECOMMENDATIONS_PATCH = """\
@@ -41,12 +41,27 @@ def checkout(event, table):
     customer = event["customer_id"]
-    orders = table.query(
-        KeyConditionExpression=Key("customer_id").eq(customer),
-        ProjectionExpression="order_id, total, placed_at",
-        Limit=20,
-    )["Items"]
-    return render(orders)
+    ids = recent_order_ids(table, customer, limit=20)
+    orders = []
+    for order_id in ids:
+        # one strongly consistent read per order, so that the stock shown is exact
+        item = table.get_item(
+            Key={"customer_id": customer, "order_id": order_id},
+            ConsistentRead=True,
+        )["Item"]
+        orders.append(item)
+    also_bought = [
+        table.get_item(Key={"customer_id": "catalogue", "order_id": suggestion}).get("Item")
+        for order in orders[:5]
+        for suggestion in order.get("suggestions", [])
+    ]
+    return render(orders, recommendations=also_bought)
"""

TEST_PATCH = """\
@@ -10,3 +10,11 @@ def test_checkout_lists_orders(table):
     assert len(checkout(EVENT, table)["orders"]) == 20
+
+
+def test_checkout_recommends_what_was_bought_together(table):
+    page = checkout(EVENT, table)
+    assert page["recommendations"][0]["sku"] == "LAMP-7"
"""

DOCS_PATCH = "@@ -3,2 +3,3 @@\n # Checkout\n+Run `make local` to try the service against a local table.\n"
CSS_PATCH = "@@ -12,5 +12,5 @@ .basket\n-  margin: 8px;\n+  margin: 12px;\n"
INVENTORY_PATCH = (
    '@@ -8,3 +8,3 @@ def reserve(item):\n-    log.info("reserve %s", item)\n+    log.debug("reserve %s", item)\n'
)
TIMEOUT_PATCH = "@@ -4,3 +4,3 @@ client:\n-  payment_timeout_ms: 900\n+  payment_timeout_ms: 1200\n"


def sha(name: str) -> str:
    """A commit id that is stable for a name."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def _commits(at: datetime) -> tuple[Commit, ...]:
    def commit(
        name: str,
        hours: float,
        login: str,
        author: str,
        message: str,
        files: tuple[ChangedFile, ...],
        pull: int | None = None,
    ) -> Commit:
        return Commit(sha(name), message, author, login, at - timedelta(hours=hours), files, pull)

    return (
        commit("c1", 190, "noor-h", "Noor Haddad", "Retry payments twice (#412)", (
            ChangedFile("config/client.yaml", TIMEOUT_PATCH, additions=1, deletions=1),), 412),
        commit("c2", 172, "sam-ok", "Sam Okafor", "Release v2.4.0", (
            ChangedFile("VERSION", "@@ -1 +1 @@\n-2.3.9\n+2.4.0\n", additions=1, deletions=1),)),
        commit("c3", 30, "lea-m", "Lea Moreau", "docs: how to run the service locally (#415)", (
            ChangedFile("README.md", DOCS_PATCH),), 415),
        commit("c4", 27, "lea-m", "Lea Moreau", "Wider basket margin on phones (#416)", (
            ChangedFile("web/basket.css", CSS_PATCH, additions=1, deletions=1),), 416),
        commit("c5", 6, "sam-ok", "Sam Okafor", "inventory: quieter logs (#417)", (
            ChangedFile("services/inventory/reserve.py", INVENTORY_PATCH, additions=1, deletions=1),), 417),
        commit("c6", 2.2, "noor-h", "Noor Haddad", "Recommend related orders on checkout (#418)", (
            ChangedFile("checkout/orders.py", RECOMMENDATIONS_PATCH, additions=17, deletions=6),
            ChangedFile("tests/test_orders.py", TEST_PATCH, additions=6),), 418),
        commit("c7", 0.5, "sam-ok", "Sam Okafor", "Release v2.4.1", (
            ChangedFile("VERSION", "@@ -1 +1 @@\n-2.4.0\n+2.4.1\n", additions=1, deletions=1),)),
    )  # fmt: skip


def _pulls(at: datetime) -> tuple[PullRequest, ...]:
    hours = lambda n: at - timedelta(hours=n)  # noqa: E731 - reads as a unit of time
    return (
        PullRequest(412, "Retry payments twice", "The provider drops one call in a thousand.", "noor-h",
                    "retry-payments", sha("c1"), hours(200), hours(190)),
        PullRequest(415, "docs: how to run the service locally", "", "lea-m", "docs-local", sha("c3"), hours(31), hours(30)),
        PullRequest(416, "Wider basket margin on phones", "Before and after pictures are in the ticket.", "lea-m",
                    "basket-margin", sha("c4"), hours(28), hours(27)),
        PullRequest(417, "inventory: quieter logs", "", "sam-ok", "inventory-logs", sha("c5"), hours(7), hours(6)),
        PullRequest(
            418, "Recommend related orders on checkout",
            "Shows what was bought together. Replaces the single Query by one read per order, because the stock "
            "has to be exact.\n\nCloses SHOP-231.",
            "noor-h", "recommendations", sha("c6"), hours(26), hours(2.2),
            (
                ReviewRemark("sam-ok", "One get_item per order instead of one Query: that is about 20 times the requests, "
                             "and ConsistentRead doubles the capacity units. `orders` is provisioned; did we check the "
                             "read capacity at the morning peak?", hours(5), "checkout/orders.py", 44),
                ReviewRemark("noor-h", "Staging looked fine. I will watch ConsumedReadCapacityUnits after the release.",
                             hours(4.5), "checkout/orders.py", 44),
                ReviewRemark("sam-ok", "Approving so that it makes the release; please follow up on the reads.",
                             hours(2.5), state="APPROVED"),
            ),
        ),
    )  # fmt: skip


def _github(at: datetime) -> GitHubRecords:
    deployed = at - timedelta(minutes=15)
    earlier = at - timedelta(days=7)
    return GitHubRecords(
        repository=REPOSITORY,
        commits=_commits(at),
        pulls=_pulls(at),
        deployments=(
            Deployment(900_140, "v2.4.0", sha("c2"), "sam-ok", earlier, earlier + timedelta(seconds=70), "Release v2.4.0"),
            Deployment(900_141, "v2.4.1", sha("c7"), "sam-ok", deployed - timedelta(seconds=55), deployed,
                       "Release v2.4.1: recommendations on checkout"),
        ),
        issues=(
            Issue(421, "Read capacity of orders has no head room", "Peak use was 82 % of what is provisioned last "
                  "week; there is no auto scaling on the table.", "sam-ok", at - timedelta(days=3), ("tech-debt",)),
            Issue(398, "Basket total rounds twice", "", "lea-m", at - timedelta(days=12), ("bug",), at - timedelta(days=9)),
        ),
        tags=(("v2.4.0", sha("c2")), ("v2.4.1", sha("c7"))),
    )  # fmt: skip


def _incidents(at: datetime) -> tuple[PastIncident, ...]:
    def days(number: float) -> datetime:
        return at - timedelta(days=number)

    return (
        PastIncident(
            "INC0010042", "checkout slow: DynamoDB throttling on orders",
            "API latency of checkout above 900 ms. Lambda logs show ProvisionedThroughputExceededException on table orders "
            "during the evening campaign.", days(12.3), "checkout", days(12.27), "Solved (Permanently)",
            "Raised the read capacity of the DynamoDB table orders from 300 to 400 RCU; latency returned to normal within "
            "three minutes.", "2",
            ("ThrottledRequests on orders rose to 40 a second.", "update-table done, watching.")),
        PastIncident(
            "INC0010057", "orders table throttled after report query",
            "Reads on the DynamoDB table orders were throttled while the daily report ran; checkout returned 5xx for 4 % of "
            "the requests.", days(6.6), "checkout", days(6.5), "Solved (Permanently)",
            "Optimised the query of the report: it used a Scan with consistent reads, now a Query on the index with "
            "eventually consistent reads. Consumed read capacity fell by 60 %.", "2",
            ("Report job stopped by hand.", "New query deployed.")),
        PastIncident(
            "INC0010031", "inventory: deployment stuck", "ECS service inventory could not place tasks.", days(21), "inventory",
            days(20.9), "Solved (Permanently)", "Raised the instance count of the cluster."),
        PastIncident(
            "INC0010060", "VPN drops for the warehouse", "Scanners lose their connection.", days(2), "network",
            priority="4"),
    )  # fmt: skip


def _jira(at: datetime) -> tuple[JiraIssue, ...]:
    def days(number: float) -> datetime:
        return at - timedelta(days=number)

    return (
        JiraIssue(
            "SHOP-231", "Recommend related orders on checkout",
            "As a customer I want to see what others bought together with my order.\n\nShips with v2.4.1.", "Story", "Done",
            days(20), ("checkout",), ("checkout",), "Done", days(0.1)),
        JiraIssue(
            "SHOP-240", "Enable auto scaling on the orders table",
            "After INC0010042: the table orders has fixed read capacity. Let it scale between 400 and 2000 RCU at 70 %.",
            "Task", "To Do", days(11), ("checkout", "dynamodb"), ("checkout",), priority="High",
            comments=("Postponed to the next sprint.",)),
        JiraIssue(
            "SHOP-236", "Post-incident: orders throttled by report query",
            "Follow-up of INC0010057.\n\nCause: Scan with consistent reads.", "Incident", "Done", days(6.5), ("checkout",),
            ("checkout",), "Done", days(5), "High", ("Query on the index since Tuesday.",)),
        JiraIssue("SHOP-244", "Basket margin on phones", "See pictures.", "Bug", "Done", days(3), ("web",), ("web",), "Done",
                  days(1.1)),
    )  # fmt: skip


def _deploy_throttle(at: datetime) -> CompanyRecords:
    article = Article(
        "KB0010005", "DynamoDB table throttled: what to do",
        "1. Compare ConsumedReadCapacityUnits with ProvisionedReadCapacityUnits. 2. If a release raised the reads per request, "
        "roll it back. 3. Otherwise raise the read capacity (update-table) or enable auto scaling. Decreases are limited "
        "per day, so do not overshoot.", at - timedelta(days=10),
    )  # fmt: skip
    return CompanyRecords(
        slack=SlackRecords(PEOPLE, CHANNELS),
        github=(_github(at),),
        incidents=_incidents(at),
        articles=(article,),
        issues=_jira(at),
    )


SEEDS: dict[str, Callable[[datetime], CompanyRecords]] = {"deploy-throttle": _deploy_throttle}


def company_records(scenario: str, at: datetime) -> CompanyRecords:
    """The contents for a scenario whose alarm comes at `at`. Raises KeyError for an unknown scenario."""
    return SEEDS[scenario](at)
