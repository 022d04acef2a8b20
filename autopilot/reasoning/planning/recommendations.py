"""What to do after the incident, by kind of cause: the long-term side of a plan, as data."""

from autopilot.incident.cause import CauseKind
from autopilot.incident.diagnosis import Hypothesis
from autopilot.reasoning.judging.signs import short_name

LONG_TERM: dict[CauseKind, tuple[str, ...]] = {
    "bad_deploy": (
        "Optimise the queries that the release of {service} changed, with a test of the work per request.",
        "Load-test {service} before promotion and release it in steps with an automatic rollback on its alarms.",
    ),
    "config_change": ("Review settings of {service} like code: versioned, tried on a small share first.",),
    "capacity": (
        "Plan the capacity of {place} for the forecast peak plus headroom, and alarm at 80 % of it.",
        "Let {place} scale by itself between agreed bounds.",
    ),
    "throttled": (
        "Let {place} scale by itself between agreed bounds, and alarm at 80 % of its limit.",
        "Retry with back-off and jitter in the callers of {place}, so that rejections do not multiply the load.",
    ),
    "traffic_surge": (
        "Load-test {service} at twice the observed peak, and shed or queue load beyond what it can serve.",
    ),
    "slow_query": ("Add the index or projection that the heavy queries of {place} need, and test their plans.",),
    "lock_contention": ("Shorten the transactions of {service} and lock in one order.",),
    "connection_pool": ("Size the connection pool of {service} by its concurrency, and alarm on waiting.",),
    "memory": ("Find what holds memory in {service} with a heap profile, and alarm on its growth.",),
    "cpu": ("Profile {service} under load, and scale on processor time with headroom.",),
    "disk": ("Alarm on the growth of storage of {place} early, and expire what is not needed.",),
    "dependency": ("Give the calls of {service} timeouts, a breaker and a fallback for each dependency.",),
    "network": ("Probe the route from {service} to what it calls, and alarm on loss and name resolution.",),
    "certificate": ("Renew certificates of {service} automatically, and alarm 30 days before they expire.",),
    "permission": ("Test the permissions of {service} in the pipeline before they are changed.",),
    "quota": ("Track the quotas that {service} uses, and ask for a raise at 70 %.",),
    "crash": ("Keep the crash reports of {service}, and hold a release back when they rise.",),
    "batch_job": ("Move scheduled work away from the peak of {service}, or onto a replica.",),
    "data": ("Rehearse migrations of {place} on a copy, with a way back.",),
}
EVERY_TIME = "Keep this case as a regression test of the alarms and the runbook of {service}."


def recommendations(hypotheses: tuple[Hypothesis, ...], limit: int = 6) -> tuple[str, ...]:
    """Up to `limit` recommendations for the hypotheses that stand, the likeliest first."""
    standing = [h for h in hypotheses if h.standing != "refuted" and h.cause_kind != "unknown"]
    texts: dict[str, None] = {}
    for hypothesis in standing:
        place = short_name(hypothesis.resource) or hypothesis.service
        for text in LONG_TERM.get(hypothesis.cause_kind, ()):
            texts[text.format(service=hypothesis.service, place=place)] = None
    services = [h.service for h in standing][:1]
    texts.update(dict.fromkeys(EVERY_TIME.format(service=s) for s in services))
    return tuple(texts)[:limit]
