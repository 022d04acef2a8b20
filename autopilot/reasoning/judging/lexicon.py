"""Which words mean what: plain words need no citation; a thing may be named only when what is cited is about it."""

import re
from functools import cache
from pathlib import Path

from autopilot.incident.cause import CauseKind


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PRODUCTS = _words("""
redis memcached kafka rabbitmq mysql postgres postgresql mariadb mongodb mongo cassandra elasticsearch
opensearch nginx envoy istio kubernetes docker terraform ansible jenkins github gitlab datadog grafana
prometheus splunk java python nodejs golang ruby php tomcat spring linux windows aurora dynamodb lambda fargate
cloudfront kinesis cloudflare akamai fastly stripe paypal twilio okta azure google oracle salesforce shopify
zookeeper consul vault etcd haproxy traefik celery airflow spark hadoop flink snowflake redshift bigquery sqlite
openai anthropic bedrock sqs sns ec2 s3 rds ecs eks
""")
"""Names of products: they are names wherever they stand, also in small letters."""

ACRONYMS = _words("""
API APIS HTTP HTTPS DNS TLS SSL TCP UDP IP CPU RAM OOM GC JVM SQL DB IO SLO SLA SLI URL UTC ID IDS AWS VPC IAM
RCU WCU QPS RPS TTL MS KB MB GB TB OK NO NOT AND OR PR CI CD SDK
""")
"""Abbreviations of the trade. What they stand for is checked as a thing."""

THINGS: tuple[tuple[str, frozenset[CauseKind], str], ...] = (
    ("disk", frozenset({"disk"}),
     r"\bdisks?\b|\bstorage|\bvolumes? (?:is|are|was)|file ?systems?|\binodes?\b|디스크"),
    ("memory", frozenset({"memory"}),
     r"\bmemory|\bheap|\boom\b|\bram\b|garbage collect|메모리"),
    ("processor time", frozenset({"cpu"}),
     r"\bcpus?\b|\bprocessors?\b|\bvcpu|cpuutil"),
    ("caches", frozenset(),
     r"\bcach(?:e|es|ed|ing)\b|캐시"),
    ("certificates", frozenset({"certificate"}),
     r"\bcertificates?\b|\bcerts?\b|\btls\b|\bssl\b|x\.?509|인증서"),
    ("the network", frozenset({"network"}),
     r"\bnetwork|\bpackets?\b|\bdns\b|\brout(?:es?|ing)\b|\bsubnet|\bfirewall|name resolution"
     r"|\bresolv(?:e|er|ing) names?|\bconnect(?:ion)? refused|네트워크"),
    ("locks", frozenset({"lock_contention"}),
     r"\blocks?\b|\blocked\b|\bdeadlock|lock wait"),
    ("connections", frozenset({"connection_pool", "network"}),
     r"\bconnections?\b|connection ?pool|커넥션"),
    ("permissions", frozenset({"permission"}),
     r"\bpermissions?\b|\biam\b|\bcredentials?\b|\bpasswords?\b|\bforbidden|unauthori[sz]ed|access ?denied"
     r"|not authori[sz]ed|\bdenied\b|권한"),
    ("configuration", frozenset({"config_change"}),
     r"\bconfig|\bsettings?\b|feature flags?|\bflags?\b|env(?:ironment)? variables?|parameter|misconfig|설정"),
    ("a release", frozenset({"bad_deploy"}),
     r"\bdeploy|\breleas|\brolled out|\brollout|\bversions?\b|\bcommit|\bmerg(?:e|ed)\b|\bpull request|\bv\d|배포"),
    ("queues", frozenset(),
     r"\bqueues?\b|\bbacklog|consumer lag|큐"),
    ("throttling", frozenset({"throttled", "capacity", "quota"}),
     r"throttl|\blimits?\b|\blimited\b|\bquotas?\b|capacity|exceed|reject|\b429\b|제한"),
    ("crashes", frozenset({"crash", "memory"}),
     r"\bcrash|\brestart(?:s|ed|ing)?\b|\bkill(?:ed|s)?\b|\bpanic|segfault|segmentation fault|\bexit(?:s|ed)?\b"
     r"|terminat|back-?off|keeps ending|oomkill"),
    ("time-outs", frozenset(),
     r"\btime-?outs?\b|\btimed[ -]out|deadline"),
    ("retries", frozenset(),
     r"\bretr(?:y|ies|ied|ying)"),
    ("scheduled work", frozenset({"batch_job"}),
     r"\bcron|\bbatch|\bbackups?\b|scheduled|nightly job"),
    ("the data itself", frozenset({"data"}),
     r"\bmigrat|\bschema|corrupt|데이터 손상"),
    ("an attack", frozenset(),
     r"\battack|\bddos|\bbreach(?:ed)? (?:by|of security)|\bhack|malware|intru(?:der|sion)|ransom"),
    ("a deletion", frozenset({"data"}),
     r"\bdelet(?:e|ed|es|ion)|\bwiped|\bdropped the (?:table|database|index)|\berased|삭제"),
    ("an outage of a provider", frozenset({"dependency"}),
     r"\boutages?\b|impaired|third[- ]party|\bpower failure|data ?cent(?:er|re)|hardware"),
    ("images", frozenset({"image"}),
     r"\bimages?\b|\bregistry|imagepull"),
    ("nodes", frozenset({"scheduling", "dependency", "network"}),
     r"\bnodes?\b|\bhosts?\b|\bmachines?\b|kubelet"),
    ("health checks", frozenset({"startup", "crash"}),
     r"\breadiness|\bliveness|health ?checks?|\bprobes?\b"),
    ("queries", frozenset({"slow_query", "lock_contention"}),
     r"\bquer(?:y|ies)|\bsql\b|\bindex(?:es)?\b|\bscans?\b|\brows?\b|\breads?\b|\bselect|consumedread|쿼리"),
    ("a database", frozenset({"slow_query", "lock_contention", "connection_pool"}),
     r"\bdatabases?\b|\btables?\b|\bdb\b|\bsql\b|quer(?:y|ies)|dynamo|\brds\b|aurora|postgres|mysql|mongo|\breads?\b"
     r"|\bwrites?\b|\brows?\b|replica(?:tion)? lag|capacity ?units|throttleevents|데이터베이스"),
    ("traffic", frozenset({"traffic_surge"}),
     r"\btraffic|\bsurge|\bdemand|\bvisitors?|\bcampaign|\brequests?\b|\bcount\b|\binvocations?|\bload\b|\bhits\b"
     r"|\bqps\b|\brps\b|트래픽"),
)  # fmt: skip
"""What a statement may speak of only when its citations do: the thing, the causes that are about it, its words."""

NAMED_BY = {
    "a database": r"\bdatabases?\b|데이터베이스|\btables?\b",
    "queries": r"\bquer(?:y|ies)|\bsql\b|\bindex(?:es)?\b|쿼리",
    "traffic": r"\btraffic|\bsurge|\bvisitors?|\bcampaign|트래픽",
    "throttling": r"throttl|\bquotas?\b|\brate limit|제한",
    "crashes": r"\bcrash|\brestarted|\brestarts\b|\bkilled|\bpanic|segfault|segmentation fault",
    "the network": r"\bnetwork|\bpackets?\b|\bdns\b|\bsubnet|\bfirewall|name resolution|네트워크",
    "a release": r"\bdeploy|\breleas(?:e|es|ed)\b|\brollout|\bcommit(?:s|ted)?\b|\bpull request|배포",
    "locks": r"\blocks?\b|\bdeadlock",
    "configuration": r"\bconfig|feature flags?|env(?:ironment)? variables?|misconfig|설정",
    "nodes": r"\bnodes?\b|kubelet",
    "health checks": r"\breadiness|\bliveness|health ?checks?",
}
"""Narrower words for what a *statement* names, where the evidence may say the same in more ways."""

SUFFIXES = ("ingly", "edly", "ings", "ing", "ness", "ers", "est", "ed", "er", "ly", "es", "s")


@cache
def stem(word: str) -> str:
    """A word without its endings, roughly: `retries`, `retried` and `retrying` meet in one."""
    word = word.lower().removesuffix("'s").removesuffix("s'")
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]
    word = f"{word[:-1]}y" if word.endswith("i") else word
    return word.rstrip("e") if len(word) > 3 else word


@cache
def plain_stems() -> frozenset[str]:
    """Stems of words that say nothing of their own about an incident."""
    text = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8")
    return frozenset(w for line in text.splitlines() if not line.startswith("#") for w in line.split())


def is_plain(word: str) -> bool:
    """Whether a word is an everyday word, not a name."""
    return word.lower() not in PRODUCTS and stem(word) in plain_stems()


def things(text: str, *, named: bool) -> frozenset[str]:
    """The things a text is about. `named`: only what a statement itself puts forward."""
    lower = text.lower()
    found: set[str] = set()
    for thing, _, words in THINGS:
        if re.search(NAMED_BY.get(thing, words) if named else words, lower):
            found.add(thing)
    return frozenset(found)


def things_of(kind: CauseKind) -> frozenset[str]:
    """What a hypothesis of this kind is about."""
    return frozenset(thing for thing, kinds, _ in THINGS if kind in kinds)
