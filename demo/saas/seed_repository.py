"""The repository of the simulated company: the release that went wrong, the one before, and unrelated work."""

import hashlib
from datetime import datetime, timedelta

from demo.saas.records import ChangedFile, Commit, Deployment, GitHubRecords, Issue, PullRequest, ReviewRemark

REPOSITORY = "paperplane/checkout"

RECOMMENDATIONS_PATCH = """\
@@ -41,7 +41,16 @@ def checkout(event, table):
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
@@ -10 +10,6 @@ def test_checkout_lists_orders(table):
     assert len(checkout(EVENT, table)["orders"]) == 20
+
+
+def test_checkout_recommends_what_was_bought_together(table):
+    page = checkout(EVENT, table)
+    assert page["recommendations"][0]["sku"] == "LAMP-7"
"""

DOCS_PATCH = "@@ -3 +3,2 @@\n # Checkout\n+Run `make local` to try the service against a local table.\n"
CSS_PATCH = "@@ -12 +12 @@ .basket\n-  margin: 8px;\n+  margin: 12px;\n"
INVENTORY_PATCH = (
    '@@ -8 +8 @@ def reserve(item):\n-    log.info("reserve %s", item)\n+    log.debug("reserve %s", item)\n'
)
TIMEOUT_PATCH = "@@ -4 +4 @@ client:\n-  payment_timeout_ms: 900\n+  payment_timeout_ms: 1200\n"


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
        commit(
            "c1",
            190,
            "noor-h",
            "Noor Haddad",
            "Retry payments twice (#412)",
            (ChangedFile("config/client.yaml", TIMEOUT_PATCH, additions=1, deletions=1),),
            412,
        ),
        commit(
            "c2",
            172,
            "sam-ok",
            "Sam Okafor",
            "Release v2.4.0",
            (ChangedFile("VERSION", "@@ -1 +1 @@\n-2.3.9\n+2.4.0\n", additions=1, deletions=1),),
        ),
        commit(
            "c3",
            30,
            "lea-m",
            "Lea Moreau",
            "docs: how to run the service locally (#415)",
            (ChangedFile("README.md", DOCS_PATCH),),
            415,
        ),
        commit(
            "c4",
            27,
            "lea-m",
            "Lea Moreau",
            "Wider basket margin on phones (#416)",
            (ChangedFile("web/basket.css", CSS_PATCH, additions=1, deletions=1),),
            416,
        ),
        commit(
            "c5",
            6,
            "sam-ok",
            "Sam Okafor",
            "inventory: quieter logs (#417)",
            (ChangedFile("services/inventory/reserve.py", INVENTORY_PATCH, additions=1, deletions=1),),
            417,
        ),
        commit(
            "c6",
            2.2,
            "noor-h",
            "Noor Haddad",
            "Recommend related orders on checkout (#418)",
            (
                ChangedFile("checkout/orders.py", RECOMMENDATIONS_PATCH, additions=17, deletions=6),
                ChangedFile("tests/test_orders.py", TEST_PATCH, additions=6),
            ),
            418,
        ),
        commit(
            "c7",
            0.5,
            "sam-ok",
            "Sam Okafor",
            "Release v2.4.1",
            (ChangedFile("VERSION", "@@ -1 +1 @@\n-2.4.0\n+2.4.1\n", additions=1, deletions=1),),
        ),
    )


def _pulls(at: datetime) -> tuple[PullRequest, ...]:
    def hours(count: float) -> datetime:
        return at - timedelta(hours=count)

    return (
        PullRequest(
            412,
            "Retry payments twice",
            "The provider drops one call in a thousand.",
            "noor-h",
            "retry-payments",
            sha("c1"),
            hours(200),
            hours(190),
        ),
        PullRequest(
            415, "docs: how to run the service locally", "", "lea-m", "docs-local", sha("c3"), hours(31), hours(30)
        ),
        PullRequest(
            416,
            "Wider basket margin on phones",
            "Before and after pictures are in the ticket.",
            "lea-m",
            "basket-margin",
            sha("c4"),
            hours(28),
            hours(27),
        ),
        PullRequest(417, "inventory: quieter logs", "", "sam-ok", "inventory-logs", sha("c5"), hours(7), hours(6)),
        PullRequest(
            418,
            "Recommend related orders on checkout",
            "Shows what was bought together. Replaces the single Query by one read per order, because the stock "
            "has to be exact.\n\nCloses SHOP-231.",
            "noor-h",
            "recommendations",
            sha("c6"),
            hours(26),
            hours(2.2),
            (
                ReviewRemark(
                    "sam-ok",
                    "One get_item per order instead of one Query: that is about 20 times the requests, "
                    "and ConsistentRead doubles the capacity units. `orders` is provisioned; did we check the "
                    "read capacity at the morning peak?",
                    hours(5),
                    "checkout/orders.py",
                    44,
                ),
                ReviewRemark(
                    "noor-h",
                    "Staging looked fine. I will watch ConsumedReadCapacityUnits after the release.",
                    hours(4.5),
                    "checkout/orders.py",
                    44,
                ),
                ReviewRemark(
                    "sam-ok",
                    "Approving so that it makes the release; please follow up on the reads.",
                    hours(2.5),
                    state="APPROVED",
                ),
            ),
        ),
    )


def shop_repository(at: datetime) -> GitHubRecords:
    deployed = at - timedelta(minutes=15)
    earlier = at - timedelta(days=7)
    return GitHubRecords(
        repository=REPOSITORY,
        commits=_commits(at),
        pulls=_pulls(at),
        deployments=(
            Deployment(
                900_140, "v2.4.0", sha("c2"), "sam-ok", earlier, earlier + timedelta(seconds=70), "Release v2.4.0"
            ),
            Deployment(
                900_141,
                "v2.4.1",
                sha("c7"),
                "sam-ok",
                deployed - timedelta(seconds=55),
                deployed,
                "Release v2.4.1: recommendations on checkout",
            ),
        ),
        issues=(
            Issue(
                421,
                "Read capacity of orders has no head room",
                "Peak use was 82 % of what is provisioned last week; there is no auto scaling on the table.",
                "sam-ok",
                at - timedelta(days=3),
                ("tech-debt",),
            ),
            Issue(
                398,
                "Basket total rounds twice",
                "",
                "lea-m",
                at - timedelta(days=12),
                ("bug",),
                at - timedelta(days=9),
            ),
        ),
        tags=(("v2.4.0", sha("c2")), ("v2.4.1", sha("c7"))),
    )
