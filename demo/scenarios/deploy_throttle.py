"""A deploy that reads more, then more traffic: the table's provisioned throughput no longer suffices."""

from datetime import timedelta

from demo.scenarios.story import Behaviour, Release, Resources, Scenario, Spread, Watch

SCENARIO = Scenario(
    name="deploy-throttle",
    service="checkout",
    environment="production",
    resources=Resources(
        api="checkout-api",
        stage="prod",
        function="checkout",
        alias="live",
        table="orders",
        cluster="shop",
        neighbour="inventory",
        database="catalog-db",
    ),
    releases=(
        Release("v2.3.9", Behaviour(), timedelta(days=21)),
        Release("v2.4.0", Behaviour(), timedelta(days=7)),
        # One read per order instead of one query: see the diff in the repository's history.
        Release(
            "v2.4.1",
            Behaviour(
                reads_per_request=9.0,
                layouts=(1, 2),
                notes=("recommendations: loaded {n} related orders one by one",),
            ),
        ),
    ),
    watches=(
        Watch(
            name="checkout-api-latency",
            description="Average latency of checkout-api above one second",
            namespace="AWS/ApiGateway",
            metric="Latency",
            dimensions=(("ApiName", "checkout-api"), ("Stage", "prod")),
            statistic="Average",
            threshold=1000.0,
        ),
        Watch(
            name="checkout-lambda-duration",
            description="Average duration of the checkout function above one second",
            namespace="AWS/Lambda",
            metric="Duration",
            dimensions=(("FunctionName", "checkout"),),
            statistic="Average",
            threshold=1000.0,
        ),
        Watch(
            name="orders-read-throttles",
            description="Reads of the orders table are being throttled",
            namespace="AWS/DynamoDB",
            metric="ReadThrottleEvents",
            dimensions=(("TableName", "orders"),),
            statistic="Sum",
            threshold=50.0,
        ),
    ),
    capacities=((timedelta(days=30), 300), (timedelta(days=12, hours=7), 400)),
    write_capacity=60,
    deployer="github-actions",
    engineer="sam.okafor",
    rise=Spread(1.48, 1.6),
    rise_before=Spread(280.0, 320.0),
    deploy_before=Spread(13 * 60.0, 18 * 60.0),
    utilisation=Spread(1.16, 1.21),
    noise=Spread(0.012, 0.022),
)
