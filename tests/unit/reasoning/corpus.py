"""Sentences as models write them: honest ones in many wordings, and invented ones.

`{Duration of checkout}` stands for the id of the finding whose kind, service, summary and series contain those
  words,
so that the corpus does not depend on how analysis numbers its findings. A line that begins with spaces goes on.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from autopilot.analysis.dossier import analyze
from autopilot.case.case import Case
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Dossier
from tests.unit.analysis import story as worlds
from tests.unit.reasoning import story

WORLDS: dict[str, Callable[[int], Case]] = {
    "throttled": worlds.throttled_checkout,
    "leak": worlds.memory_leak,
    "pool": worlds.pool_exhausted,
    "dependency": worlds.dependency_down,
    "flag": worlds.config_changed,
}


@cache
def dossier(world: str) -> Dossier:
    """What analysis finds in a world; `story` is the demo's story."""
    return story.dossier() if world == "story" else analyze(WORLDS[world](1))


@dataclass(frozen=True)
class Said:
    """A sentence about a world, with the service and the cause it is about."""

    world: str
    service: str
    text: str
    kind: CauseKind | None = None


def _id(world: str, words: str) -> str:
    wanted = words.lower().split()
    for f in dossier(world).findings:
        text = f"{f.kind} {f.service} {f.summary} {f.metric.name if f.metric else ''}".lower()
        if all(word in text for word in wanted):
            return f.id
    raise LookupError(f"no finding of {world!r} says {words!r}")


def written(said: Said) -> str:
    """The sentence with real finding ids."""
    return re.sub(r"\{([^}]+)\}", lambda found: _id(said.world, found[1]), said.text)


_HONEST: dict[tuple[str, str, CauseKind | None], str] = {
    ("throttled", "checkout", "bad_deploy"): """
v2.4.1 of checkout asks the orders table once per item of a loop ({change v2.4.1}, {request needs}).
Since the deploy of v2.4.1 each request needs 1.49 times as many read units ({request needs}, {change v2.4.1}).
Each request to checkout now consumes 5.9 ConsumedReadCapacityUnits instead of 3.97 ({request needs}).
Every request needs about 49 % more reads than before ({request needs}).
The release was deployed at 09:45 UTC, 10 minutes before the first symptom ({change v2.4.1}).
v2.4.1 was rolled out by dana at 09:45 ({change v2.4.1}).
The commit "Recommendations in the basket" touches checkout/orders_repository.py ({change v2.4.1}).
v2.4.0 served without trouble: only 0.167% of its requests failed ({v2.4.0}).
With v2.4.1 the upper-quartile latency is 1320 ms, and 6.2 % of requests fail ({v2.4.1 unhealthy}).
v2.4.0 was healthy, v2.4.1 is not ({v2.4.0}, {v2.4.1 unhealthy}).
The new version is the likely cause, because reads per request rose right after it ({change v2.4.1}, {request
  needs}).
Duration of checkout rose from 847 ms to 1.21 s ({metric Duration checkout}).
The duration grew 1.43x ({metric Duration checkout}).
Latency of checkout climbed by about 400 ms, to 1330 ms ({metric Latency 932}).
checkout returned 151 server errors instead of 1 ({metric 5XXError}).
Requests doubled ({metric Count checkout}).
Traffic is 2.06 times the usual level ({metric Count checkout}).
The demand explains only a part: requests rose 2.06 times, read units per request 1.49 times ({metric Count
  checkout}, {request needs}).
12.2 percent of requests failed since 09:55 ({impact}).
About 12 % of the requests fail ({impact}).
739 of 6,062 requests failed ({impact}).
The log shows ProvisionedThroughputExceededException on table orders ({log checkout}).
30 lines per minute complain about throttling, before there were none ({log checkout}).
Such errors were never seen before 09:55 ({log checkout}).
Duration is 1210 ms, up from 847 ms ({metric Duration checkout}).
Duration is 1210 ms, not 847 ms ({metric Duration checkout}).
Duration reached 1210 ms from 847 ms ({metric Duration checkout}).
Duration and Latency rose to 1210 ms and 1330 ms ({metric Duration checkout}, {metric Latency 932}).
Duration rose to 1210 ms and Latency to 1330 ms ({metric Duration checkout}, {metric Latency 932}).
Duration rose because 1420 reads were throttled ({metric Duration checkout}, {ReadThrottleEvents}).
Duration rose with 30 throttling errors per minute ({metric Duration checkout}, {log checkout}).
Requests did not stay at 600: they rose to 1240 ({metric Count checkout}).
Traffic alone does not explain 1.49 times the reads per request ({request needs}, {metric Count checkout}).
Before v2.4.1 only 600 requests came, and no more than 1 error ({metric Count checkout}, {metric 5XXError},
  {change v2.4.1}).
checkout did not recover within 5 minutes ({metric Duration checkout}).
checkout has not yet fully recovered ({metric Duration checkout}).
checkout is slow because ReadThrottleEvents reached 1420 ({ReadThrottleEvents}, {metric Duration checkout}).
Latency of checkout follows that of orders, which rose to 367 ms ({SuccessfulRequestLatency}, {metric Latency 932}).
""",
    ("throttled", "orders", "throttled"): """
The orders table rejects reads: ReadThrottleEvents rose from 0 to 1420 ({ReadThrottleEvents}).
orders uses 100% of its provisioned read capacity, usually 39.7% ({state orders}).
The table has reached its limit of 100 units per second ({state orders}).
The table is throttled because consumption exceeds the provisioned capacity ({state orders}, {ReadThrottleEvents}).
Reads are throttled since 09:55 UTC ({ReadThrottleEvents}).
More than 1,400 reads were throttled ({ReadThrottleEvents}).
Consumed read units rose by 55 % ({ConsumedReadCapacityUnits Sum}).
The read load increased from 2380 to 3690 units, ten minutes before the errors ({ConsumedReadCapacityUnits Sum},
  {metric 5XXError}).
Latency of orders is sevenfold: 367 ms instead of 50.4 ms ({SuccessfulRequestLatency}).
SuccessfulRequestLatency rose to 0.367 s ({SuccessfulRequestLatency}).
Two earlier incidents of orders looked like this ({recurrence}).
A similar incident was solved by raising the read capacity ({recurrence}).
INC001 was solved by optimising the query ({recurrence}).
Both the throttling and the errors began at 09:55 ({ReadThrottleEvents}, {metric 5XXError}).
""",
    ("leak", "checkout", "memory"): """
Memory of checkout rose from 48% to 75.3% ({MemoryUtilization}).
MemoryUtilization climbed 1.57 times above its baseline ({MemoryUtilization}).
Containers of checkout are killed for lack of memory ({OOMKilled}).
The log says "was OOMKilled" about 3 times per minute ({OOMKilled}).
The first kill was logged at 09:51:14 UTC ({OOMKilled}).
Out-of-memory kills started two minutes after memory began to rise ({OOMKilled}, {MemoryUtilization}).
Since 09:49 UTC 18.4% of the requests failed ({impact}).
Memory grows until the process is killed; then requests fail ({MemoryUtilization}, {OOMKilled}, {impact}).
Latency is nearly 1.8 times the usual ({metric Latency}).
checkout became slower by roughly 670 ms ({metric Duration}).
Server errors rose to 122 ({metric 5XXError}).
This looks like a memory leak ({MemoryUtilization}, {OOMKilled}).
""",
    ("pool", "checkout", "connection_pool"): """
Open connections to catalog-db rose from 22 to 98 ({DatabaseConnections}).
The connection pool of checkout is exhausted ({QueuePool}).
checkout logs that the pool limit is reached and connections time out ({QueuePool}).
The pool ran out of connections at 09:52 ({QueuePool}).
Database connections grew 4.46 times within a minute, before the errors ({DatabaseConnections}, {metric 5XXError}).
20 lines per minute speak of an exhausted pool ({QueuePool}).
Requests wait for a connection: Duration rose from 840 ms to 5.33 s ({metric Duration}, {QueuePool}).
Latency increased more than sixfold ({metric Latency}).
More than a quarter of the requests failed ({impact}).
1,447 requests failed ({impact}).
The errors began one minute after the connections rose ({metric 5XXError}, {DatabaseConnections}).
""",
    ("dependency", "bank-gateway", "dependency"): """
bank-gateway answers slowly: Latency rose from 120 ms to 1.98 s ({Latency bank-gateway metric}).
Latency of bank-gateway is 16.5 times the usual ({Latency bank-gateway metric}).
Calls of payments to bank-gateway time out ({log payments}).
Errors of bank-gateway jumped from 1 to 205 ({metric Errors bank-gateway}).
payments, checkout and bank-gateway are all slow ({Latency bank-gateway metric}, {Latency payments metric},
  {Latency checkout metric}).
Three services are affected ({Latency bank-gateway metric}, {Latency payments metric}, {Latency checkout metric}).
40 % of requests fail since 09:53 UTC ({impact}).
The slowness of bank-gateway cascades to payments ({Latency bank-gateway metric}, {log payments}).
payments is a victim: its latency follows that of bank-gateway ({Latency payments metric}, {Latency bank-gateway
  metric}).
Time-outs appear 30 times a minute in the log of payments ({log payments}).
bank-gateway is the root cause, the other services only wait for it ({Latency bank-gateway metric}, {log payments}).
""",
    ("dependency", "payments", "dependency"): """
Latency of payments rose to 2040 ms as that of bank-gateway rose to 1980 ms ({Latency bank-gateway metric}, {Latency
  payments metric}).
payments waits 2.04 s because bank-gateway needs 1.98 s ({Latency bank-gateway metric}, {Latency payments metric}).
Latency of bank-gateway and payments rose to 1980 ms and 2040 ms ({Latency bank-gateway metric}, {Latency payments
  metric}).
Errors of bank-gateway rose to 205, those of payments to 202 ({metric Errors bank-gateway}, {metric Errors
  payments}).
""",
    ("flag", "checkout", "config_change"): """
new-tax-engine was switched on for everyone at 09:50:30 UTC ({change Flag}).
The flag new-tax-engine caused the errors, which began half a minute later ({change Flag}, {metric 5XXError since}).
Since the flag was switched on, checkout logs "has no rate" 25 times per minute ({log checkout}, {change Flag}).
Errors rose from 1 to 182 with the change ({5XXError with the change}).
30.2 % of requests fail ({impact}).
Duration jumped to 1380 ms right after the flag ({metric Duration since}, {change Flag}).
Latency is 59 % higher than before the change ({Latency with the change}).
search was deployed 19 min before the onset, but nothing connects it with the errors of checkout ({change search},
  {metric 5XXError since}).
The tax rule has no rate for some baskets ({log checkout}).
""",
    ("story", "checkout", "bad_deploy"): """
v2.4.1 was deployed to checkout at 03:00 ({change Deploy}).
After the deploy the read units of orders tripled ({change Deploy}, {ConsumedReadCapacityUnits}).
Requests rose only 1.5x while reads rose 3x ({metric Count}, {ConsumedReadCapacityUnits}).
orders throttles reads, so checkout waits and its Duration reaches 1.2 seconds ({ReadThrottleEvents}, {metric
  Duration}).
The alarm on latency fired at 03:15 because checkout answers too slowly ({alarm}, {metric Duration}).
v2.4.1 failed in 15 % of the requests, v2.4.0 did not ({version}).
배포 v2.4.1 이후 읽기가 3배 늘었다 ({change Deploy}, {ConsumedReadCapacityUnits}).
지연이 850 ms에서 1200 ms로 증가했다 ({metric Duration}).
INC0010 looked the same and was solved by more RCU ({record}).
""",
}


def _lines(text: str) -> list[str]:
    return text.strip().replace("\n  ", " ").splitlines()


def honest() -> Iterator[Said]:
    """Every honest sentence."""
    for (world, service, kind), text in _HONEST.items():
        yield from (Said(world, service, line, kind) for line in _lines(text))


_INVENTED: dict[tuple[str, str, CauseKind | None], str] = {
    ("throttled", "checkout", "bad_deploy"): """
v2.4.2 of checkout asks the orders table once per item ({change v2.4.1}).
v2.4 of checkout caused this ({change v2.4.1}).
v2.4.10 was deployed at 09:45 ({change v2.4.1}).
v2.4.1 was deployed at 09:35 ({change v2.4.1}).
v2.4.1 was deployed at 09:45 KST ({change v2.4.1}).
v2.4.1 was deployed at 9:45 pm ({change v2.4.1}).
v2.4.1 was deployed on 2026-03-08 ({change v2.4.1}).
v2.4.1 was deployed by kim ({change v2.4.1}).
v2.4.1 was deployed two hours before the first symptom ({change v2.4.1}).
The commit "Drop the index" broke it ({change v2.4.1}).
The commit touches checkout/payments.py ({change v2.4.1}).
Commit c8 broke it ({change v2.4.1}).
Commit 3f9a1c2e broke it ({change v2.4.1}).
Each request needs three times as many reads ({request needs}).
Each request needs 149 % more reads ({request needs}).
Duration rose to 1210 s ({metric Duration checkout}).
Duration rose to 1.21 min ({metric Duration checkout}).
Duration rose to 1210 MB ({metric Duration checkout}).
Duration rose to 12.1 s ({metric Duration checkout}).
Duration rose to 2,210 ms ({metric Duration checkout}).
Duration rose by 1210 ms ({metric Duration checkout}).
Duration doubled ({metric Duration checkout}).
Duration tripled ({metric Duration checkout}).
Duration rose to over 3 s ({metric Duration checkout}).
Duration fell to 847 ms ({metric Duration checkout}).
Duration stayed flat ({metric Duration checkout}).
Duration did not rise ({metric Duration checkout}).
The p99 of Duration rose to 1210 ms ({metric Duration checkout}).
MemoryUtilization rose ({metric Duration checkout}).
The orders table is slow ({metric Duration checkout}).
The cache was flushed ({metric Duration checkout}).
The disk is full ({metric Duration checkout}).
A certificate expired ({metric Duration checkout}).
A deadlock holds the rows ({metric Duration checkout}).
The network drops packets ({metric Duration checkout}).
A nightly backup competes with it ({metric Duration checkout}).
Somebody deleted the table ({metric Duration checkout}).
An attack on checkout is under way ({metric Duration checkout}).
redis is slow ({metric Duration checkout}).
The azamikram service is slow ({metric Duration checkout}).
The temporal worker is slow ({metric Duration checkout}).
The numpy version made checkout slow ({metric Duration checkout}).
The kubelet made checkout slow ({metric Duration checkout}).
Redis ran out of keys ({metric Duration checkout}).
ZEBRA is slow ({metric Duration checkout}).
Gremlins slow it down ({metric Duration checkout}).
A quokka sits in the way ({metric Duration checkout}).
No requests failed ({impact}).
1,739 of 6,062 requests failed ({impact}).
Fifty percent of requests failed ({impact}).
Half of the requests failed ({impact}).
Hundreds of thousands of users are affected ({impact}).
Thousands of requests failed because of eu-west-1 ({impact}).
The log shows `OutOfMemoryError` ({log checkout}).
The log says "disk full" ({log checkout}).
300 lines per minute complain ({log checkout}).
30 lines per second complain ({log checkout}).
Duration of checkout went from 1210 ms to 847 ms ({metric Duration checkout}).
Duration rose to 847 ms from 1210 ms ({metric Duration checkout}).
Duration is 847 ms instead of 1.21 s ({metric Duration checkout}).
Duration is 847 ms, up from 1210 ms ({metric Duration checkout}).
Duration가 1210 ms에서 847 ms로 변했다 ({metric Duration checkout}).
checkout returned 1 server errors instead of 151 ({metric 5XXError}).
Duration is not 1210 ms ({metric Duration checkout}).
Duration was never above 847 ms ({metric Duration checkout}).
Duration didn't rise to 1.21 s ({metric Duration checkout}).
Duration가 1210 ms로 늘지 않았다 ({metric Duration checkout}).
Requests did not double ({metric Count checkout}).
None of the 6,062 requests failed ({impact}).
v2.4.1 did not fail in 6.2 % of the requests ({v2.4.1 unhealthy}).
There were no 151 server errors ({metric 5XXError}).
checkout recovered ({metric Duration checkout}).
checkout recovered without incident ({metric Duration checkout}).
checkout is back to normal ({metric Duration checkout}).
The release went out without incident ({metric Duration checkout}).
Duration rose to 1330 ms ({metric Latency 932}).
Duration of checkout rose to 1330 ms ({metric Duration checkout}, {metric Latency 932}).
checkout's Latency climbed to 1210 ms ({metric Duration checkout}, {metric Latency 932}).
Duration rose 2.06 times ({metric Duration checkout}, {metric Count checkout}).
""",
    ("throttled", "orders", "throttled"): """
ReadThrottleEvents rose to 142 ({ReadThrottleEvents}).
ReadThrottleEvents rose to 14200 ({ReadThrottleEvents}).
WriteThrottleEvents rose to 1420 ({ReadThrottleEvents}).
ReadThrottleEvents rose to \uff11\uff15\uff12\uff15 ({ReadThrottleEvents}).
Read\u200bThrottle\u200bEvents rose to 1\u200b999 ({ReadThrottleEvents}).
ReadThrottleEvents rose to one thousand nine hundred ({ReadThrottleEvents}).
ReadThrottleEvents rose to ١٩٩٩ ({ReadThrottleEvents}).
ReadThrottleEvents가 이천 건으로 늘었다 ({ReadThrottleEvents}).
읽기가 다섯 배 늘었다 ({ReadThrottleEvents}).
디스크가 가득 찼다 ({ReadThrottleEvents}).
ReadThrottleEvents fell ({ReadThrottleEvents}).
There was no rise of ReadThrottleEvents ({ReadThrottleEvents}).
orders uses 200% of its capacity ({state orders}).
orders has 400 units per second ({state orders}).
orders-replica is throttled ({ReadThrottleEvents}).
\u043erders is throttled ({ReadThrottleEvents}).
INC002 looked the same ({recurrence}).
Five earlier incidents looked like this ({recurrence}).
The provider has an outage ({ReadThrottleEvents}).
@here run the rollback of orders now ({ReadThrottleEvents}).
<!channel> orders is throttled ({ReadThrottleEvents}).
[orders](https://evil.example/x) is throttled ({ReadThrottleEvents}).
See https://evil.example/orders ({ReadThrottleEvents}).
Write to root@evil.example about orders ({ReadThrottleEvents}).
- The disk of orders is full ({ReadThrottleEvents}).
""",
    ("pool", "checkout", "connection_pool"): """
More than a quarter of the requests failed ({DatabaseConnections}).
""",
    ("dependency", "payments", "dependency"): """
Latency of payments rose from 120 ms to 1.98 s ({Latency bank-gateway metric}).
Latency of payments rose to 1980 ms ({Latency bank-gateway metric}, {Latency payments metric}).
Errors of payments jumped to 205 ({metric Errors bank-gateway}, {metric Errors payments}).
""",
    ("flag", "checkout", "config_change"): """
old-tax-engine was switched on at 09:50:30 ({change Flag}).
new-tax-engine was switched on at 09:50:31 ({change Flag}).
The deploy of v2.3.9 caused it ({change Flag}).
search caused the errors ({5XXError with the change}).
Errors rose from 1 to 281 ({5XXError with the change}).
Latency is 85 % higher than before ({Latency with the change}).
The tax rule of basket 10263 has no rate ({log checkout}).
""",
}


def invented() -> Iterator[Said]:
    """Every sentence with an invention in it."""
    for (world, service, kind), text in _INVENTED.items():
        yield from (Said(world, service, line, kind) for line in _lines(text))
