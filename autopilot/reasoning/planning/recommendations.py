"""What to do after the incident, by what exactly is wrong and by kind of cause: the long-term side of a plan."""

from collections.abc import Sequence

from autopilot.incident.cause import CauseKind, Mechanism, family
from autopilot.incident.diagnosis import Hypothesis
from autopilot.incident.finding import Dossier, Finding
from autopilot.reasoning.judging.signs import PER_REQUEST, short_name
from autopilot.reasoning.planning.aims import mechanism_of

EXACT: dict[Mechanism, tuple[str, ...]] = {
    "costly_code": (
        "Pull request for {service}: fetch in one query what {change} fetches per item, with a test of the queries "
        "that one request makes",
        "Load-test {service} before promotion against a budget of work per request",
    ),
    "code_defect": (
        "Pull request for {service}: a test that fails on {change} first, then its correction",
        "Release {service} in steps that its error rate stops by itself",
    ),
    "bad_flag": ("Switch the flags of {service} on for a small share first, with an alarm that switches them off",),
    "memory_leak": (
        "Compare heap profiles of {service} before and after {change}, and correct what grows",
        "Alarm on the slope of memory of {service}, hours before its limit",
    ),
    "out_of_memory": ("Load-test {service} for its peak memory, and set its limit from that with headroom",),
    "connections_exhausted": (
        "Bound the pool of {service} so that all its copies together stay below the limit of {place}, and alarm on "
        "waiting",
    ),
    "cpu_overload": (
        "Profile {service} at the load of the incident, and scale it on processor time with headroom",
    ),
    "disk_full": ("Expire what {place} need not keep, and alarm on its growth days before it is full",),
    "expired_certificate": ("Renew the certificates of {service} automatically, and alarm 30 days ahead",),
    "bad_credentials": ("Rotate the credentials of {service} from one place, and test them before they go live",),
    "name_resolution": ("Probe the names that {service} resolves from where it runs, and alarm on failures",),
    "network_policy": ("Test the network policies of {service} in the pipeline against the calls it makes",),
    "wrong_address": ("Check the addresses in the settings of {service} in the pipeline by calling them",),
    "no_replicas": ("Keep a lower bound on the copies of {service} that no change can undercut",),
    "image_reference": ("Check in the pipeline that the image of {service} exists before it is released",),
    "provider_outage": ("Rehearse running {service} without the region or provider that failed",),
    "database_read_only": ("Alarm when {place} refuses writes, and rehearse its failover",),
}
"""Mechanism → what keeps it from happening again."""

LONG_TERM: dict[CauseKind, tuple[str, ...]] = {
    "bad_deploy": (
        "Optimise the queries that {change} brought to {service}, with a test of the work per request",
        "Load-test {service} before promotion, and release it in steps that its alarms roll back",
    ),
    "config_change": ("Review settings of {service} like code: versioned, tried on a small share first",),
    "capacity": (
        "Plan the capacity of {place} for the forecast peak plus headroom, and alarm at 80 % of it",
        "Let {place} scale by itself between agreed bounds",
    ),
    "throttled": (
        "Let {place} scale by itself between agreed bounds, and alarm at 80 % of its limit",
        "Retry with back-off and jitter in the callers of {place}, so that rejections do not multiply the load",
    ),
    "traffic_surge": (
        "Load-test {service} at twice the observed peak, and shed or queue load beyond what it can serve",
    ),
    "slow_query": ("Add the index or projection that the heavy queries of {place} need, and test their plans",),
    "lock_contention": ("Shorten the transactions of {service} that hold locks on {place}, and lock in one order",),
    "connection_pool": ("Size the connection pool of {service} by its concurrency, and alarm on waiting",),
    "memory": ("Find what holds memory in {service} with a heap profile, and alarm on its growth",),
    "cpu": ("Profile {service} under load, and scale on processor time with headroom",),
    "disk": ("Alarm on the growth of storage of {place} early, and expire what is not needed",),
    "dependency": ("Give the calls of {service} timeouts, a breaker and a fallback for each dependency",),
    "network": ("Probe the route from {service} to what it calls, and alarm on loss and name resolution",),
    "certificate": ("Renew certificates of {service} automatically, and alarm 30 days before they expire",),
    "permission": ("Test the permissions of {service} in the pipeline before they are changed",),
    "quota": ("Track the quotas that {service} uses, and ask for a raise at 70 %",),
    "crash": ("Keep the crash reports of {service}, and hold a release back when they rise",),
    "startup": ("Start {service} in the pipeline with the settings of production before it is released",),
    "scheduling": ("Alarm when {service} has copies that find no place to run, and keep room for one more node",),
    "image": ("Keep the images of {service} in a registry of your own, and check them before a release",),
    "batch_job": ("Move scheduled work away from the peak of {service}, or onto a replica",),
    "data": ("Rehearse migrations of {place} on a copy, with a way back",),
}
EVERY_TIME = "Keep this case as a regression test of the alarms and the runbook of {service}"


def recommendations(hypotheses: Sequence[Hypothesis], dossier: Dossier, limit: int = 6) -> tuple[str, ...]:
    """Up to `limit` recommendations for the hypotheses that stand, the likeliest first, each with its evidence."""
    standing = [h for h in hypotheses if h.standing != "refuted" and h.cause_kind != "unknown"]
    told: dict[str, str] = {}
    for hypothesis in standing:
        exact = mechanism_of(hypothesis, dossier)
        texts = (EXACT.get(exact, ()) if exact else ()) or LONG_TERM.get(hypothesis.cause_kind, ())
        for text in texts:
            told.setdefault(_filled(text, hypothesis), _evidence(hypothesis, dossier))
    if standing:
        told = dict(list(told.items())[: limit - 1])
        told.setdefault(_filled(EVERY_TIME, standing[0]), "")
    return tuple(f"{text}{because}." for text, because in told.items())


def _filled(text: str, hypothesis: Hypothesis) -> str:
    change = f"change {hypothesis.change_id}" if hypothesis.change_id else "the last release"
    place = short_name(hypothesis.resource) or hypothesis.service
    return text.format(service=hypothesis.service, place=place, change=change)


def _evidence(hypothesis: Hypothesis, dossier: Dossier) -> str:
    """The most telling measured finding behind a hypothesis with its numbers, else the ids that support it."""
    found = (dossier.finding(finding_id) for finding_id in hypothesis.supporting)
    cited = [finding for finding in found if finding is not None]
    alike = family(hypothesis.cause_kind)
    own = [f for f in cited if f.cause_kind in alike] or [f for f in cited if f.cause_kind is None] or cited
    work = [f for f in cited if f.unit == PER_REQUEST]
    moved = next((words for f in (*work, *own) if (words := _movement(f))), "")
    return f" ({moved})" if moved else f" ({', '.join(f.id for f in cited[:2])})" if cited else ""


def _movement(finding: Finding) -> str:
    """How far the finding's series moved; empty when it has no two levels."""
    if finding.baseline is None or finding.observed is None:
        return ""
    name = f"{finding.metric.name} " if finding.metric else ""
    unit = f" {finding.unit}" if finding.unit else ""
    return f"{name}{finding.baseline:.4g} → {finding.observed:.4g}{unit}, {finding.id}"
