"""`scorecard`: how often people agreed with what was proposed, how often it worked, and what runs unasked."""

import argparse
from collections.abc import Iterator

from rich.console import Console

from autopilot.incident.track_record import SURE, Share
from autopilot.knowledge.scorecard import GrantStanding, Saved, Score, Scorecard, scorecard
from autopilot.knowledge.sqlite import KnowledgeBase
from autopilot.playbooks.loading import load_rules
from autopilot.settings import load
from cli.main import print_json

LEGEND = (
    f'"At least" is a lower bound that holds with {SURE:.0%} certainty (Wilson). Only decisions of people whose '
    "identity was proven count, and only what verification found after we acted. Nobody is asked to rate a "
    "proposal: what people think of one is known by what they chose or did."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--service", default="", metavar="NAME", help="of this service only")
    parser.add_argument("--environment", default="", metavar="NAME", help="default: the one of the settings")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    settings = load(args.config)
    environment = args.environment or settings.environment
    playbooks = [
        playbook.model_copy(update={"mode": settings.mode or playbook.mode})
        for playbook in load_rules(settings.playbooks).playbooks
    ]
    found = KnowledgeBase(settings.knowledge).all_experiences(environment)
    wanted = [one for one in found if args.service in ("", one.service)]
    card = scorecard(environment, wanted, playbooks)
    if args.json:
        print_json(_as_json(card))
        return 0
    console = Console(highlight=False)
    for line in _lines(card):
        console.print(line, markup=False, soft_wrap=True)
    return 0


def _as_json(card: Scorecard) -> dict[str, object]:
    scores = [
        score.model_dump(mode="json", exclude={"record": {"incidents"}})
        | {"state": score.state, "bounds": _bounds(score)}
        for score in card.scores
    ]
    return {"environment": card.environment, "sure": SURE, "scores": scores, "unused_grants": list(card.unused)}


def _bounds(score: Score) -> dict[str, float]:
    record = score.record
    shares = {"agreed": record.agreed, "by_hand": record.by_hand, "worked": record.worked}
    return {name: round(share.bound, 4) for name, share in shares.items()}


def _lines(card: Scorecard) -> Iterator[str]:
    if not card.scores:
        yield f"Nothing is known yet in {card.environment}: no closed incident had an option."
    for score in card.scores:
        yield from _score_lines(score)
        yield ""
    if card.unused:
        yield "Granted, and never proposed so far:"
        yield from (f"  {grant}" for grant in card.unused)
        yield ""
    yield LEGEND


def _score_lines(score: Score) -> Iterator[str]:
    record = score.record
    yield f"{record.move.service}: {record.move.tool}"
    yield f"  Proposed first   {_times(record.proposed)}, people decided on {record.decided or 'none'}"
    yield f"  People agreed    {record.agreed.words}"
    yield f"  It worked        {record.worked.words}"
    if record.by_hand.of or score.saved.incidents:
        yield f"  By hand          people did the same {_of(record.by_hand)}{_saved(score.saved)}"
    if record.unasked:
        yield f"  Ran unasked      {_times(record.unasked)}"
    for standing in score.grants or (None,):
        yield f"  Autonomous mode  {_standing(standing)}"


def _times(count: int) -> str:
    return "never" if not count else "once" if count == 1 else f"{count} times"


def _of(share: Share) -> str:
    return f"{share.good} of {share.of} times" if share.of else "nobody knows how often"


def _saved(saved: Saved) -> str:
    if saved.seconds is None:
        return ""
    how = "before" if saved.seconds >= 0 else "after"
    of = f"median of {saved.incidents} incident{'' if saved.incidents == 1 else 's'}"
    return f"; our options stood {abs(saved.seconds) / 60:.1f} min {how} people acted ({of})"


def _standing(standing: GrantStanding | None) -> str:
    if standing is None:
        return "asks: no playbook grants it"
    mode = "" if standing.autonomous else ", which is not in autonomous mode"
    by = f"(playbook {standing.playbook}{mode})"
    if standing.state in ("granted", "earned"):
        return f"runs unasked: {standing.state} {by}" if standing.autonomous else f"asks: {standing.state} {by}"
    return f"asks: {standing.why} {by}"
