"""What a scenario is: the company's resources, its releases, how hard traffic hits them. Pure data.

What the vendors' systems say about the same story (commits, tickets, past incidents) is in `demo.saas.seeds`
under the same name.
"""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Behaviour:
    """How a release loads its dependencies. Times in milliseconds."""

    base_ms: float = 800.0
    """Work per request besides the table."""
    reads_per_request: float = 5.0
    """Read capacity units per request."""
    query_ms: float = 50.0
    """An unthrottled table operation."""
    error_share: float = 0.002
    layouts: tuple[int, ...] = (1,)
    """The data layouts that its queries fit."""
    scan_reads: float = 4.0
    """Factor on its reads where the table has another layout: no index fits, so it scans."""
    scan_ms: float = 900.0
    """What scanning adds to an operation."""
    notes: tuple[str, ...] = ()
    """Lines it logs per request besides the usual ones."""


@dataclass(frozen=True)
class Release:
    """A deployed version of the service."""

    name: str
    """Git ref and Lambda version description, such as v2.4.1."""
    behaviour: Behaviour
    before_alarm: timedelta | None = None
    """When it went out, before T. None: the seed decides (the release under suspicion)."""


@dataclass(frozen=True)
class Watch:
    """A CloudWatch alarm: breaching when the statistic exceeds the threshold over two minutes."""

    name: str
    description: str
    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    threshold: float


@dataclass(frozen=True)
class Resources:
    """Names of what exists in the account."""

    api: str
    stage: str
    function: str
    alias: str
    table: str
    cluster: str
    neighbour: str
    """A healthy ECS service that the function calls too."""
    database: str
    """The neighbour's database."""


@dataclass(frozen=True)
class Spread:
    """A parameter that varies by seed, evenly between two values."""

    low: float
    high: float

    def draw(self, seeded: random.Random) -> float:
        """One value."""
        return seeded.uniform(self.low, self.high)


@dataclass(frozen=True)
class Conditions:
    """A scenario's parameters for one seed. Times are seconds before T."""

    base_rate: float
    """Requests per second before the rise."""
    rise: float
    """Factor on the traffic."""
    rise_before: float
    ramp: float
    """How long the rise takes."""
    deploy_before: float
    read_capacity: int
    write_capacity: int
    noise: float
    """Coefficient of variation of what is measured."""
    phase: float
    layout: int
    """The data layout of the table since the suspected deploy; 1 before."""


@dataclass(frozen=True)
class Scenario:
    """One story."""

    name: str
    service: str
    environment: str
    resources: Resources
    releases: tuple[Release, ...]
    """Oldest first; the last is the one under suspicion."""
    watches: tuple[Watch, ...]
    capacities: tuple[tuple[timedelta, int], ...]
    """Read capacity of the table over time: (before T, units), oldest first."""
    write_capacity: int
    deployer: str
    """Who deploys, as CloudTrail knows it."""
    engineer: str
    """Who raises capacity by hand."""
    rise: Spread
    rise_before: Spread
    deploy_before: Spread
    utilisation: Spread
    """Read demand over read capacity once traffic has risen on the suspected release."""
    noise: Spread

    @property
    def suspect(self) -> Release:
        """The release that the story is about."""
        return self.releases[-1]

    @property
    def previous(self) -> Release:
        """What ran before it."""
        return self.releases[-2]

    def release(self, name: str) -> Release:
        """A release by name. An unknown name behaves like the newest."""
        return next((release for release in self.releases if release.name == name), self.suspect)

    def conditions(self, seed: int, fault: str | None = None) -> Conditions:
        """The parameters of a run. `wrong-fix`: the deploy migrated the data, so older queries scan."""
        seeded = random.Random(f"{self.name}/{seed}")
        capacity = self.capacities[-1][1]
        rise, utilisation = self.rise.draw(seeded), self.utilisation.draw(seeded)
        return Conditions(
            base_rate=utilisation * capacity / self.suspect.behaviour.reads_per_request / rise,
            rise=rise,
            rise_before=self.rise_before.draw(seeded),
            ramp=120.0,
            deploy_before=self.deploy_before.draw(seeded),
            read_capacity=capacity,
            write_capacity=self.write_capacity,
            noise=self.noise.draw(seeded),
            phase=seeded.uniform(0.0, 6.28),
            layout=2 if fault == "wrong-fix" else 1,
        )
