"""How often a number that was drawn at random passes for one that was found, by the size of the number.

A check that only asks whether a number occurs accepts small ones by chance: something of nearly that size, in some
unit, is found in every large case. Such a check therefore says little of small numbers and much of large ones, and
how much is told beside what it found.
"""

import random
from math import ceil, floor

from autopilot.incident.finding import Dossier
from autopilot.reasoning.judging.citations import enforce
from benchmarks.claims import Known

SIZES = ((1, 9), (10, 99), (100, 999), (1_000, 9_999), (10_000, 99_999), (100_000, 999_999))
"""The whole numbers of so many digits: from and to."""
DRAWS = 10
"""Sentences per size and case."""


def by_existence(found: Known) -> tuple[float, ...]:
    """Of each size the share of all whole numbers that the benchmark's own check accepts. Exact, not drawn."""
    return tuple(
        sum(
            max(0, floor(min(end, most)) - ceil(max(start, least)) + 1)
            for start, end in found.near if end >= least and start <= most
        ) / (most - least + 1)
        for least, most in SIZES
    )  # fmt: skip


def by_enforcement(dossier: Dossier, seed: str) -> tuple[int, ...]:
    """Of each size how many of `DRAWS` random numbers enforcement lets stand, each with a citation.

    Args:
        dossier: What was found.
        seed: The same one draws the same numbers.
    """
    chance = random.Random(seed)
    measured = [f for f in dossier.findings if f.observed is not None] or list(dossier.findings)
    if not measured:
        return tuple(0 for _ in SIZES)
    passed: list[int] = []
    for least, most in SIZES:
        said = [(chance.choice(measured), chance.randint(least, most)) for _ in range(DRAWS)]
        kept = [enforce(f"It went to {number} ({f.id}).", (f.id,), dossier, f.service) for f, number in said]
        passed.append(sum(bool(one.text) for one in kept))
    return tuple(passed)
