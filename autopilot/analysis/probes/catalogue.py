"""The catalogue of probes. A new one is a module of this package, a line here and its name in `ProbeName`."""

from collections.abc import Mapping

from pydantic import ValidationError

from autopilot.analysis.probes import (
    database,
    deploy_diff,
    logs,
    metric,
    neighbours,
    network,
    settings,
    similar_incidents,
    trace,
)
from autopilot.analysis.probes.probe import Answer, ProbeArguments, ProbeKind
from autopilot.incident.base import clean
from autopilot.incident.investigation import Probe, ProbeName

__all__ = ["CATALOGUE", "Answer", "ProbeArguments", "ProbeKind", "arguments_of", "probe_problem"]

CATALOGUE: Mapping[ProbeName, ProbeKind] = {
    "metric": metric.PROBE,
    "logs": logs.PROBE,
    "trace": trace.PROBE,
    "deploy_diff": deploy_diff.PROBE,
    "database": database.PROBE,
    "network": network.PROBE,
    "settings": settings.PROBE,
    "similar_incidents": similar_incidents.PROBE,
    "neighbours": neighbours.PROBE,
}


def arguments_of(probe: Probe) -> ProbeArguments:
    """The typed arguments of a probe. Raises ValidationError when they do not fit its entry."""
    given = {**probe.arguments, "hypothesis": probe.hypothesis, "why": probe.why}
    return CATALOGUE[probe.name].arguments.model_validate(given)


def probe_problem(probe: Probe) -> str:
    """What is wrong with the arguments of a probe, in one sentence; empty when nothing is."""
    try:
        arguments_of(probe)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "arguments"
        return clean(f"{probe.name} cannot be asked: {where}: {first['msg']}", 300)
    return ""
