"""Databases of a cluster, and what those say who call them: a database's trouble is told by its clients."""

import re
from collections.abc import Iterable, Mapping, Sequence

from autopilot.analysis.state.cluster.addresses import Address
from autopilot.analysis.state.cluster.objects import Observed, labels, mapping, selects
from autopilot.analysis.state.cluster.workloads import Workload

_IMAGES = re.compile(
    r"mysql|maria|percona|postgres|mongo|redis|valkey|cassandra|scylla|oracle|mssql|sqlserver|cockroach|couch|clickhouse",
    re.IGNORECASE,
)
_PORTS = frozenset({3306, 5432, 27017, 6379, 1521, 1433, 9042, 26257})
"""Ports that the common databases listen on unless they are told otherwise."""
_IN_VAIN = re.compile(
    r"connection is not available, request timed out|queuepool limit|pool.{0,30}(exhausted|timed? ?out)|"
    r"timeout (exceeded )?(when )?(trying to connect|waiting for (a |idle )?(object|connection))",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"sql|database|connection|client|read.?only|replica|primary|writ|\bora-", re.IGNORECASE)
_LONGEST = 60_000
"""Characters of what clients wrote."""


def is_database(workload: Workload) -> bool:
    """Whether one of its containers is a database, by its image and by the port it listens on."""
    return any(
        _IMAGES.search(str(c["image"]).rpartition("/")[2]) and _PORTS & set(c["ports"]) for c in workload.containers
    )


def clients_of(
    database: Workload,
    workloads: Sequence[Workload],
    services: Iterable[Observed],
    told: Mapping[str, Sequence[Address]],
) -> list[Workload]:
    """The workloads that are told the database's address; all others where it is the only one and none is told."""
    marks = [database.labels, *(p.observed.labels for p in database.pods)]
    names = {
        s.name for s in services for mark in marks if selects(labels(mapping(s.body, "spec"), "selector"), mark)
    }  # fmt: skip
    found = [w for w in workloads if w is not database and any(a.first in names for a in told[w.top.name])]
    if found:
        return found
    others = [w for w in workloads if not is_database(w)]
    return others if len(others) == len(workloads) - 1 else []


def clients_said(clients: Iterable[Workload], said: Mapping[str, str]) -> str:
    """What the clients wrote lately about databases and connections, in one text; each gets the same room."""
    names = sorted({w.top.service for w in clients})
    room = _LONGEST // max(len(names), 1)
    found = ("\n".join(line for line in said.get(s, "").splitlines() if _ABOUT.search(line))[:room] for s in names)
    return "\n".join(text for text in found if text)


def clients_waiting(clients: Iterable[Workload], said: Mapping[str, str]) -> list[str]:
    """Clients that waited for a connection in vain; one alone may have too small a pool of its own."""
    return sorted({w.top.service for w in clients if _IN_VAIN.search(said.get(w.top.service, ""))})
