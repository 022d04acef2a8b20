"""A turn of a model: what it proposes and asks, and the tests that code adds where it asked for none."""

from collections.abc import Sequence
from functools import partial

from autopilot.incident.finding import Dossier
from autopilot.incident.investigation import Probe, Proposed, Turn
from autopilot.incident.ports import InvestigateRequest
from autopilot.reasoning.asking.asker import Asker
from autopilot.reasoning.asking.reading import Called
from autopilot.reasoning.asking.tokens import count_tokens
from autopilot.reasoning.investigating.decoding import Decoded, decode
from autopilot.reasoning.investigating.feedback import same
from autopilot.reasoning.investigating.functions import DIAGNOSE, functions
from autopilot.reasoning.investigating.prompt import messages
from autopilot.reasoning.investigating.testing import PROBES_PER_TURN, attacks_on
from autopilot.reasoning.judging.answers import could_test
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.prompts.redaction import Redaction


def next_turn(asker: Asker, request: InvestigateRequest, dossier: Dossier, service: str, *, ips: bool) -> Turn:
    """Ask for the next turn. At most one paid request; raises Failure when no usable answer came.

    Args:
        asker: Asks on behalf of this incident and attempt.
        request: The rounds so far and their limits.
        dossier: What analysis found, without the findings of probes: the prompt's beginning stays as it was.
        service: The service that alarmed.
        ips: Whether IP addresses are masked too.
    """
    before, number = request.investigation, len(request.investigation.turns) + 1
    last = number >= request.limits.rounds
    redaction = Redaction(ips=ips, key=request.incident_id)
    # Always the first model's counter, so that a fallback reads the same bytes and finds what was stored.
    count = partial(count_tokens, model=asker.models.order(asker.step)[0].name)
    limit = asker.models.settings.max_prompt_tokens
    prompt = messages(dossier, service, request.feedback, before, redaction, last=last, limit=limit, count=count)
    asked = [probe for turn in before.turns for probe in turn.probes]

    def read(calls: Sequence[Called]) -> Decoded:
        return decode(calls, asked, request.limits.probes, redaction)

    def check(calls: Sequence[Called]) -> str:
        return "" if read(calls).proposed else "it has no hypothesis that can be read"

    answer = read(asker.call(prompt, functions(last=last), required=DIAGNOSE, check=check))
    earlier = [one for turn in before.turns for one in turn.proposed]
    probes = (*asked, *answer.probes)
    untested = _untested(answer.proposed, probes, earlier)
    added = attacks_on(untested, probes, request.limits.probes, alarmed=service, each=1)
    return Turn(
        number=number,
        proposed=answer.proposed,
        chain=answer.chain,
        probes=(*answer.probes, *added)[:PROBES_PER_TURN],
        refused=answer.refused,
        analyst=asker.label,
        by_model=True,
        usage=asker.usage,
    )


def _untested(
    proposed: Sequence[Proposed], probes: Sequence[Probe], earlier: Sequence[Proposed]
) -> dict[int, Claim]:
    """The hypotheses that are new and that no probe could speak against, by their number."""
    before = [Claim.of(one) for one in earlier]
    return {
        number: claim
        for number, claim in enumerate(map(Claim.of, proposed), start=1)
        if not any(could_test(probe, claim) for probe in probes) and not any(same(claim, other) for other in before)
    }
