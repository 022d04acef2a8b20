"""How likely a suspect is right: a logistic map of its score and of its lead over the others (Platt 1999).

A score adds up evidence; how often suspects with such a score were right is another question, and the lead over the
next one answers a good part of it. The constants are those that `python -m benchmarks.accuracy` prints for 278
public incidents, all of which had a cause: for an alarm without one the figure is too high, which is why too little
evidence is told apart from it (`insufficient evidence`), by the score alone.
"""

import math
from collections.abc import Sequence

INTERCEPT = -1.54
OF_SCORE = 6.79
OF_LEAD = 4.9


def leads(scores: Sequence[float]) -> list[float]:
    """Per suspect, best first: how far the first is ahead of the second, and the others are behind the first."""
    ahead = scores[0] - (scores[1] if len(scores) > 1 else 0.0) if scores else 0.0
    return [ahead if place == 0 else score - scores[0] for place, score in enumerate(scores)]


def likelihoods(scores: Sequence[float]) -> list[float]:
    """Per suspect, best first, the share of such suspects that were right; the order of the scores stays."""
    return [
        1 / (1 + math.exp(-(INTERCEPT + OF_SCORE * score + OF_LEAD * lead)))
        for score, lead in zip(scores, leads(scores), strict=True)
    ]
