"""Tests that a hypothesis must survive, made from the dossier alone. Pure; each says what it looked at."""

from collections.abc import Callable, Sequence
from typing import Literal

from autopilot.incident.cause import CAUSE_MEANING, CauseKind
from autopilot.incident.diagnosis import Trial
from autopilot.incident.finding import Dossier, Finding, FindingKind, VersionHealth
from autopilot.incident.investigation import ProbeResult
from autopilot.reasoning.judging import signs
from autopilot.reasoning.judging.answers import answers_for
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.precedent import denied
from autopilot.reasoning.judging.tokens import names

OUT_OF_PROPORTION = 1.2
"""Work per request above this ratio cannot be explained by more requests alone."""
EXHAUSTED = 80.0
"""Percent of a resource from which waiting for it dominates."""


def _trial(
    text: str,
    outcome: Literal["held", "refuted", "silent"],
    finding_ids: tuple[str, ...] = (),
    *,
    decisive: bool = False,
) -> Trial:
    return Trial(text=text, outcome=outcome, finding_ids=finding_ids, decisive=decisive)


def _ids(*findings: Finding | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f.id for f in findings if f is not None))


def _order(claim: Claim, dossier: Dossier) -> Trial | None:
    """A cause comes before its effect."""
    found = signs.change(dossier, claim.change_id)
    if found is None or dossier.onset is None:
        return None
    lead = (dossier.onset - signs.happened(found)).total_seconds()
    if lead >= -found.onset_uncertainty:
        text = f"Order: the change came {max(lead, 0) / 60:.0f} min before the first symptom."
        return _trial(text, "held", _ids(found))
    text = f"Order: the change came {-lead / 60:.0f} min after the first symptom, so it cannot be the cause."
    return _trial(text, "refuted", _ids(found), decisive=True)


def _about(version: VersionHealth, found: Finding | None) -> bool:
    return found is not None and version.version.lower() in found.summary.lower().replace(",", " ").split()


def _versions(claim: Claim, dossier: Dossier) -> Trial | None:
    """A bad version is sick where the one before it was not."""
    own = [v for v in dossier.versions if v.service == claim.service]
    if not own:
        return None
    found = signs.change(dossier, claim.change_id)
    current = next((v for v in own if _about(v, found)), max(own, key=lambda v: v.window.end))
    earlier = [v for v in own if v.window.start < current.window.start and v.version != current.version]
    well = next((v for v in sorted(earlier, key=lambda v: v.window.start, reverse=True) if v.healthy), None)
    ids = tuple(dict.fromkeys(v.finding_id for v in (current, *([well] if well else []))))
    if current.healthy:
        text = f"Versions: {current.version} itself was healthy while it served, which a bad release would not be."
        # An edit that is known to do harm may hurt others before it shows at the service itself.
        hazard = any(f.mechanism for f in dossier.findings if claim.change_id and f.change_id == claim.change_id)
        return _trial(text, "refuted", ids, decisive=not hazard)
    if well is not None:
        text = f"Versions: {well.version} was healthy while it served, {current.version} is not."
        return _trial(text, "held", ids, decisive=True)
    if earlier:
        text = f"Versions: the versions before {current.version} were just as unhealthy."
        return _trial(text, "refuted", tuple(v.finding_id for v in (current, *earlier))[:4], decisive=True)
    return _trial(f"Versions: nothing is known of a version before {current.version}.", "silent")


def _proportion(claim: Claim, dossier: Dossier) -> Trial:
    """More requests alone raise work in proportion; more work per request needs another reason."""
    measured = signs.per_request(dossier, claim.resource)
    if measured is None:
        return _trial("Work per request: no rise of work below the service was measured.", "silent")
    ratio, done, asked = measured
    rise = f"requests rose {asked.size:.1f}x" if asked else "requests did not rise"
    if done.unit == signs.PER_REQUEST:
        seen = f"{done.summary.rstrip('.')}, while {rise}"
    else:
        seen = f"{signs.named(done)} rose {done.size:.1f}x while {rise}: {ratio:.1f}x work per request"
    excess, ids = ratio >= OUT_OF_PROPORTION, _ids(done, asked)
    if claim.cause_kind == "traffic_surge":
        text = f"A traffic rise alone would not raise work per request: {seen}."
        return _trial(text, "refuted" if excess else "held", ids, decisive=True)
    if excess:
        return _trial(f"More work per request than before: {seen}.", "held", ids, decisive=True)
    if signs.limits(dossier):
        return _trial(f"Work per request: {seen}, but a limit caps what can be seen of it.", "silent", ids)
    # A release can also misbehave without more work, so this refutes only the claim that queries got heavier.
    return _trial(
        f"No more work per request than before: {seen}.", "refuted", ids, decisive=claim.cause_kind == "slow_query"
    )


def _surge(_: Claim, dossier: Dossier) -> Trial:
    """Without more requests there is no surge."""
    asked = signs.demand(dossier)
    if asked is not None:
        return _trial(f"Requests did rise: {asked.size:.1f}x the usual.", "held", _ids(asked))
    steady = signs.requests_read(dossier)
    if steady is not None:
        return _trial(f"Requests did not rise: {steady.summary}", "refuted", _ids(steady), decisive=True)
    if any(f.kind == "metric" for f in dossier.findings):
        return _trial("No rise of requests is among what metrics show.", "refuted")
    return _trial("Requests: no metrics to look at.", "silent")


def _limit_reached(claim: Claim, dossier: Dossier) -> Trial:
    """A limit that is the cause rejects work."""
    hits = signs.limits(dossier)
    own = tuple(f for f in hits if claim.resource in ("", f.resource) or f.service == claim.service)
    if own or hits:
        seen = signs.strongest(own or hits)
        text = f"The limit is really hit: {seen.summary if seen else ''}"
        return _trial(text, "held", _ids(seen), decisive=True)
    calm = signs.rejections_read(dossier, claim.service)
    if calm is not None:
        return _trial(f"No more work is rejected than before: {calm.summary}", "refuted", _ids(calm), decisive=True)
    if any(f.service == claim.service and f.kind == "metric" for f in dossier.findings):
        return _trial(f"No rejected work is among what metrics of {claim.service} show.", "refuted")
    return _trial(f"Rejected work: no evidence about {claim.service} either way.", "silent")


def _limit_is_trigger(claim: Claim, dossier: Dossier) -> Trial | None:
    """A limit that nobody lowered does not fail by itself: something raised the demand."""
    measured = signs.per_request(dossier, claim.resource)
    blamed = next((s for s in dossier.suspects if s.change_id and s.cause_kind not in signs.LIMITS), None)
    if measured is None or blamed is None or claim.change_id or measured[0] < OUT_OF_PROPORTION:
        return None
    found = signs.change(dossier, blamed.change_id)
    if found is None or (dossier.onset and signs.happened(found) > dossier.onset):
        return None
    change = found.summary.partition(", ")[0]
    text = f"The limit was not lowered; each request needs {measured[0]:.1f} times the work since {change}."
    return _trial(text, "refuted", _ids(found, measured[1]))


def _reachable(claim: Claim, dossier: Dossier) -> Trial:
    """A rejection is an answer: who answers can be reached."""
    seen = signs.strongest(signs.limits(dossier))
    if seen is None or _own(claim, dossier):
        return _trial("Reachability: no answers from the far side were seen that would rule it out.", "silent")
    text = "The far side answered with rejections, so it was reached; a network fault would lose the calls."
    return _trial(text, "refuted", _ids(seen), decisive=True)


def _used_up(claim: Claim, dossier: Dossier) -> Trial:
    """A resource that is exhausted shows near its maximum or in the logs."""
    pattern = signs.SATURATION[claim.cause_kind]
    own = tuple(
        f
        for f in dossier.findings
        if f.service == claim.service and f.kind in ("metric", "log", "state") and pattern.search(signs.named(f))
    )
    seen = signs.strongest(own)
    if seen is None:
        return _trial(f"Exhaustion: no sign of {claim.cause_kind} at {claim.service} was found.", "silent")
    low = seen.unit.lower() in ("percent", "%") and seen.observed is not None and seen.observed < EXHAUSTED
    if low:
        text = f"Not exhausted: {signs.named(seen)} reached {seen.observed:.0f} % only."
        return _trial(text, "refuted", _ids(seen), decisive=True)
    measured = seen.observed is not None or seen.mechanism is not None
    return _trial(f"Exhaustion shows: {seen.summary}", "held", _ids(seen), decisive=measured)


def _moved_first(claim: Claim, dossier: Dossier) -> Trial | None:
    """What a service calls must fail no later than the service."""
    own = [f for f in dossier.findings if f.service == claim.service and f.onset and f.kind != "change"]
    if not own or dossier.onset is None:
        return None
    first = min(own, key=signs.happened)
    late = (signs.happened(first) - dossier.onset).total_seconds() - first.onset_uncertainty
    if late > 60:  # not against it: what showed first may have been something else, or noise
        text = f"Order: {claim.service} shows signs only {late / 60:.0f} min after the first symptom."
        return _trial(text, "silent", _ids(first))
    return _trial(f"Order: {claim.service} shows signs no later than the first symptom.", "held", _ids(first))


def _own(claim: Claim, dossier: Dossier) -> tuple[Finding, ...]:
    """What shows this very kind of trouble at the claimed place: an object's state, a line of its log, a series."""
    place = (
        f
        for f in dossier.findings
        if f.service == claim.service or (claim.resource and f.resource == claim.resource)
    )
    return tuple(f for f in place if f.cause_kind == claim.cause_kind and f.kind in _SEEN)


def _told(claim: Claim, dossier: Dossier) -> Trial:
    """Trouble of this kind tells of itself: in the state of the object, or in the log of who meets it."""
    meaning = CAUSE_MEANING[claim.cause_kind]
    seen = signs.strongest(_own(claim, dossier))
    announced = claim.cause_kind in ANNOUNCED
    if seen is not None:
        return _trial(
            f"It shows: {seen.summary}", "held", _ids(seen), decisive=announced or seen.mechanism is not None
        )
    elsewhere = signs.strongest(
        tuple(f for f in dossier.findings if f.cause_kind == claim.cause_kind and f.kind in _SEEN)
    )
    if elsewhere is not None and claim.cause_kind == "dependency" and claim.service in elsewhere.summary:
        # A dependency that fails is told of by who calls it.
        return _trial(f"Its caller {elsewhere.service} tells of it: {elsewhere.summary}", "held", _ids(elsewhere))
    if elsewhere is not None:
        text = f"Such trouble shows at {elsewhere.service}, not at {claim.service}: {elsewhere.summary}"
        return _trial(text, "refuted", _ids(elsewhere))
    read = [f for f in dossier.findings if f.service == claim.service and f.kind in ("log", "state")]
    if read and announced:
        text = f"Nothing tells of it ({meaning}) although logs and objects of {claim.service} were read."
        return _trial(text, "refuted", _ids(signs.strongest(tuple(read))), decisive=True)
    return _trial(f"No sign of it ({meaning}) was found at {claim.service}, and little of it was read.", "silent")


def _sets_in(claim: Claim, dossier: Dossier) -> Trial | None:
    """The symptom of a change sets in with the change; one that set in at another moment has another cause."""
    steps = tuple(
        f for f in dossier.findings if claim.change_id and f.change_id == claim.change_id and f.kind in _MEASURED
    )
    seen, found = signs.strongest(steps), signs.change(dossier, claim.change_id)
    if seen is None or found is None:
        return None
    precise = abs((signs.happened(seen) - signs.happened(found)).total_seconds()) <= AT_ONCE
    return _trial(f"It set in with the change: {seen.summary}", "held", _ids(seen, found), decisive=precise)


def _complained_of(claim: Claim, dossier: Dossier) -> Trial | None:
    """Who calls a thing that fails says so; a thing that itself waits for another one is rather a victim."""
    lines = [f for f in dossier.findings if f.kind == "log" and f.cause_kind == "dependency"]
    by_others = tuple(f for f in lines if f.service != claim.service and names(f.summary, claim.service))
    seen = signs.strongest(by_others)
    if seen is not None:
        # Who was changed just before may complain of what it does itself, such as waiting no longer than it did.
        changed = any(f.kind == "change" and f.service == seen.service for f in dossier.findings)
        return _trial(f"Its callers complain of it: {seen.summary}", "held", _ids(seen), decisive=not changed)
    services = {f.service for f in dossier.findings} - {claim.service, ""}
    own = tuple(f for f in lines if f.service == claim.service and any(names(f.summary, s) for s in services))
    waits = signs.strongest(own)
    if waits is None:
        return None
    return _trial(f"{claim.service} itself waits for another: {waits.summary}", "refuted", _ids(waits))


ANNOUNCED: frozenset[CauseKind] = frozenset(
    {"certificate", "permission", "image", "startup", "crash", "scheduling"}
)
"""Kinds that cannot happen in silence: an object's state or an error line always tells of them."""
AT_ONCE = 120.0
"""Seconds within which a symptom sets in with a change."""
_MEASURED: tuple[FindingKind, ...] = ("metric", "log", "trace")
_SEEN: tuple[FindingKind, ...] = (*_MEASURED, "state", "trend")

_Test = Callable[[Claim, Dossier], Trial | None]
_BY_KIND: dict[CauseKind, tuple[_Test, ...]] = {
    "bad_deploy": (_versions, _proportion, _sets_in),
    "config_change": (_sets_in, _told),
    "slow_query": (_proportion,),
    "traffic_surge": (_surge, _proportion),
    "capacity": (_limit_reached, _limit_is_trigger),
    "throttled": (_limit_reached, _limit_is_trigger),
    "quota": (_limit_reached, _limit_is_trigger),
    "network": (_reachable, _told, _moved_first),
    "dependency": (_complained_of, _moved_first),
    "batch_job": (_told, _moved_first),
    "data": (_told, _sets_in),
    **dict.fromkeys(ANNOUNCED, (_told,)),
    **dict.fromkeys(signs.SATURATION, (_used_up,)),
}


def trials_for(claim: Claim, dossier: Dossier, results: Sequence[ProbeResult] = ()) -> tuple[Trial, ...]:
    """Every test that the dossier and the answered probes allow for a claim, in a stable order."""
    tests: tuple[_Test, ...] = (_order, *_BY_KIND.get(claim.cause_kind, (_moved_first,)), denied)
    made = (test(claim, dossier) for test in tests)
    return (*(t for t in made if t is not None), *answers_for(claim, dossier, results))
