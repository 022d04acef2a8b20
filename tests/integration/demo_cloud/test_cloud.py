"""The account's front door: what it counts, holds, fails, and what it leaves behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from demo.cloud import Cloud
from tests.integration.demo_cloud.account import KEY, product, until

ROOT = Path(__file__).parents[3]


def _alive(pid: int) -> bool:
    """Whether a process runs; an unreaped one does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _python(script: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _table(cloud: Cloud, name: str) -> None:
    cloud.clients().dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 100, "WriteCapacityUnits": 10},
    )


def _resize(cloud: Cloud, name: str, units: int, key: str = KEY) -> None:
    product(cloud, "dynamodb", key).update_table(
        TableName=name, ProvisionedThroughput={"ReadCapacityUnits": units, "WriteCapacityUnits": 10}
    )


def _units(cloud: Cloud, name: str) -> int:
    table = cloud.clients().dynamodb.describe_table(TableName=name)["Table"]
    return table.get("ProvisionedThroughput", {}).get("ReadCapacityUnits", 0)


def _writes(cloud: Cloud, target: str) -> list[tuple[str, str, int]]:
    return [(w["key"], w["action"], w["count"]) for w in cloud.cloud_writes() if w["target"] == target]


async def test_only_writes_that_a_step_marked_and_the_cloud_accepted_are_counted(cloud: Cloud) -> None:
    def act() -> None:
        _table(cloud, "counted")
        _resize(cloud, "counted", 200, key="")
        product(cloud, "dynamodb").describe_table(TableName="counted")
        with pytest.raises(ClientError):
            _resize(cloud, "missing", 200)
        _resize(cloud, "counted", 300)
        _resize(cloud, "counted", 400)
        product(cloud, "application-autoscaling", "shop-1/1/2/1/do").register_scalable_target(
            ServiceNamespace="dynamodb", ResourceId="table/counted",
            ScalableDimension="dynamodb:table:ReadCapacityUnits", MinCapacity=100, MaxCapacity=900,
        )  # fmt: skip

    await asyncio.to_thread(act)
    assert _writes(cloud, "counted") == [(KEY, "dynamodb:UpdateTable", 2)]
    assert _writes(cloud, "missing") == []
    assert _writes(cloud, "table/counted") == [
        ("shop-1/1/2/1/do", "application-autoscaling:RegisterScalableTarget", 1)
    ]


async def test_rest_and_form_calls_are_recognised_by_operation_and_target(cloud: Cloud) -> None:
    def act() -> None:
        product(cloud, "lambda").put_function_concurrency(FunctionName="ghost", ReservedConcurrentExecutions=5)

    with pytest.raises(ClientError):
        await asyncio.to_thread(act)
    topic = await asyncio.to_thread(lambda: product(cloud, "sns").create_topic(Name="counted-topic"))
    assert topic["TopicArn"].endswith(":counted-topic")
    assert [w["action"] for w in cloud.cloud_writes() if w["action"].startswith("sns")] == ["sns:CreateTopic"]


async def test_a_held_answer_comes_after_the_effect(cloud: Cloud) -> None:
    await asyncio.to_thread(_table, cloud, "answer")
    held = cloud.hold_next_write("response")
    call = asyncio.create_task(asyncio.to_thread(_resize, cloud, "answer", 250))
    assert (await held.wait()).action == "dynamodb:UpdateTable"
    assert await asyncio.to_thread(_units, cloud, "answer") == 250
    assert _writes(cloud, "answer") == [(KEY, "dynamodb:UpdateTable", 1)]
    assert not call.done()
    held.release()
    await call
    await asyncio.to_thread(_resize, cloud, "answer", 260)
    assert _writes(cloud, "answer") == [(KEY, "dynamodb:UpdateTable", 2)]


async def test_a_held_request_has_no_effect_until_released(cloud: Cloud) -> None:
    await asyncio.to_thread(_table, cloud, "request")
    held = cloud.hold_next_write("request", action="dynamodb:UpdateTable")
    call = asyncio.create_task(asyncio.to_thread(_resize, cloud, "request", 250))
    await held.wait()
    assert await asyncio.to_thread(_units, cloud, "request") == 100
    assert _writes(cloud, "request") == []
    held.release()
    await call
    assert await asyncio.to_thread(_units, cloud, "request") == 250


async def test_a_held_request_of_a_dead_sender_never_reaches_the_cloud(cloud: Cloud) -> None:
    await asyncio.to_thread(_table, cloud, "orphan")
    held = cloud.hold_next_write("request")
    script = (
        "import asyncio\nfrom tests.integration.demo_cloud.account import *\n"
        "class C:\n"
        f"    def environment(self): return {cloud.environment()!r}\n"
        "product(C(), 'dynamodb').update_table(TableName='orphan',"
        " ProvisionedThroughput={'ReadCapacityUnits': 250, 'WriteCapacityUnits': 10})\n"
    )
    sender = _python(script)
    await held.wait()
    sender.send_signal(signal.SIGKILL)
    await asyncio.to_thread(sender.communicate)
    held.release()
    await asyncio.sleep(0.2)
    assert await asyncio.to_thread(_units, cloud, "orphan") == 100
    assert _writes(cloud, "orphan") == []


@pytest.mark.parametrize(
    ("service", "operation", "status", "code"),
    [
        ("logs", "describe_log_groups", 503, "ServiceUnavailable"),
        ("cloudwatch", "describe_alarms", 400, "ThrottlingException"),
        ("rds", "describe_db_instances", 400, "ThrottlingException"),
        ("xray", "get_trace_summaries", 429, "ThrottlingException"),
        ("lambda", "list_functions", 500, "InternalFailure"),
    ],
)
async def test_a_failing_service_speaks_its_own_protocol(
    cloud: Cloud, service: str, operation: str, status: int, code: str
) -> None:
    now = datetime.now(UTC)
    arguments = {"StartTime": now - timedelta(minutes=1), "EndTime": now} if service == "xray" else {}

    def ask() -> object:
        return getattr(product(cloud, service, ""), operation)(**arguments)

    cloud.fail(service, status)
    with pytest.raises(ClientError) as refused:
        await asyncio.to_thread(ask)
    assert refused.value.response.get("Error", {}).get("Code") == code
    cloud.heal(service)
    assert await asyncio.to_thread(ask)


async def test_the_trail_names_operations_and_pages(cloud: Cloud) -> None:
    def act() -> list[dict[str, object]]:
        people = cloud.clients("kim")
        people.sns.create_topic(Name="trail")
        for day in range(3):
            people.sns.tag_resource(
                ResourceArn="arn:aws:sns:us-east-1:000000000000:trail", Tags=[{"Key": "day", "Value": str(day)}]
            )
        pages = product(cloud, "cloudtrail", "").get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "kim"}],
            PaginationConfig={"PageSize": 1},
        )  # fmt: skip
        return [event for page in pages for event in page["Events"]]

    events = await asyncio.to_thread(act)
    assert [event["EventName"] for event in events] == ["TagResource"] * 3 + ["CreateTopic"]
    assert len({event["EventId"] for event in events}) == 4
    detail = json.loads(str(events[-1]["CloudTrailEvent"]))
    assert detail["requestParameters"]["name"] == "trail"


async def test_objects_pass_through_whole(cloud: Cloud) -> None:
    def act() -> tuple[bytes, int]:
        s3 = product(cloud, "s3", "")
        s3.create_bucket(Bucket="cases")
        s3.put_object(Bucket="cases", Key="a b/c+d.json", Body=b"x" * 70_000, ContentType="application/json")
        size = s3.head_object(Bucket="cases", Key="a b/c+d.json")["ContentLength"]
        return s3.get_object(Bucket="cases", Key="a b/c+d.json")["Body"].read(), size

    assert await asyncio.to_thread(act) == (b"x" * 70_000, 70_000)


async def test_the_clock_can_be_moved_while_the_account_lives(cloud: Cloud) -> None:
    then = datetime.now(UTC) - timedelta(days=40)
    cloud.set_clock(then)
    await asyncio.to_thread(_table, cloud, "ancient")
    cloud.present()
    await asyncio.to_thread(_table, cloud, "fresh")
    tables = cloud.clients().dynamodb

    def created(name: str) -> float:
        stamp = tables.describe_table(TableName=name)["Table"].get("CreationDateTime")
        return stamp.timestamp() if stamp else 0.0

    assert abs(await asyncio.to_thread(created, "ancient") - then.timestamp()) < 60
    assert abs(await asyncio.to_thread(created, "fresh") - time.time()) < 60


async def test_leaving_ends_every_process_even_with_a_call_held() -> None:
    async with Cloud() as own:
        await asyncio.to_thread(_table, own, "held")
        held = own.hold_next_write("response")
        call = asyncio.create_task(asyncio.to_thread(_resize, own, "held", 200))
        await held.wait()
        processes = own.processes
        assert all(_alive(pid) for pid in processes)
    await call
    assert not any(_alive(pid) for pid in processes)


async def test_emulators_end_when_their_owner_is_killed() -> None:
    script = (
        "import asyncio, pathlib\nfrom demo.cloud.processes import Server, free_port\n"
        "port = free_port()\n"
        "environment = {'BIND_HOST': '127.0.0.1', 'GATEWAY_PORT': str(port)}\n"
        "server = Server('ministack', ['aws'], port, environment, pathlib.Path('/dev/null'))\n"
        "asyncio.run(server.ready())\n"
        "print(server.pid, flush=True)\n"
        "asyncio.run(asyncio.sleep(60))\n"
    )
    owner = _python(script)
    assert owner.stdout is not None
    pids = [int(word) for word in (await asyncio.to_thread(owner.stdout.readline)).split()]
    assert [_alive(pid) for pid in pids] == [True]
    os.kill(owner.pid, signal.SIGKILL)
    await asyncio.to_thread(owner.wait)
    owner.stdout.close()
    await until(lambda: not any(_alive(pid) for pid in pids), seconds=5)
