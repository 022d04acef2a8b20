"""Propagation: of the spans of a trace that behave differently, the one in which it began.

A caller whose callee changed has to change as well, and so has whatever is called afterwards with what came back.
So a trace's trouble begins in the span that ends first among those without a changed one below. A callee that goes
on after its caller gave up explains nothing: its caller did not wait for it.
"""

from dataclasses import dataclass

import numpy as np

from autopilot.analysis.traces.call_tree import CallTree, Flags, Ints
from autopilot.analysis.windows import Windows

_MOST = 5
_LOOKED_AT = 20
_HISTORY = 5
"""Earlier calls along a chain from which on a comparison can tell."""


@dataclass(frozen=True)
class NewFailure:
    """An operation in which failing traces begin to fail, by number of service and operation."""

    service: int
    operation: int
    traces: int
    failing: int
    """Failing traces in all."""
    rows: Ints


def origins(tree: CallTree, changed: Ints) -> Ints:
    """The changed spans in which the trouble of their trace begins, in their order."""
    marked: Flags = np.zeros(tree.size, dtype=np.bool_)
    marked[changed] = True
    deepest = np.flatnonzero(marked & ~tree.waiting_for(changed))
    end = tree.start[deepest] + tree.duration[deepest]
    order = np.lexsort((end, tree.trace[deepest]))
    trace = tree.trace[deepest][order]
    first = np.flatnonzero(np.diff(trace, prepend=-1))
    earliest = np.repeat(end[order][first], np.diff(np.append(first, trace.size)))
    return np.sort(deepest[order][end[order] <= earliest]).astype(np.int64)


def failures_without_history(tree: CallTree, windows: Windows) -> list[NewFailure]:
    """Where traces fail along chains of calls that were hardly seen before the incident, most traces first.

    Collections of a few example traces are of this sort: there is little to compare them with, but where a failure
    begins can be read off each.
    """
    early = tree.start < windows.split
    paths, count = np.unique(tree.path[early], return_counts=True)
    known = np.concatenate((paths[count >= _HISTORY], tree.path[early & tree.failed]))
    late = tree.failed & (tree.start >= windows.split)
    unknown = np.flatnonzero(late & ~np.isin(tree.path, known))
    failing = np.unique(tree.trace[late]).size
    rows = np.intersect1d(origins(tree, np.flatnonzero(late)), unknown)
    kinds, count = np.unique(
        np.column_stack((tree.service[rows], tree.operation[rows])), axis=0, return_counts=True
    )
    found: list[NewFailure] = []
    for service, operation in kinds[np.argsort(-count, kind="stable")[:_LOOKED_AT]].tolist():
        mine = rows[(tree.service[rows] == service) & (tree.operation[rows] == operation)]
        found.append(NewFailure(service, operation, np.unique(tree.trace[mine]).size, failing, mine))
    return sorted(found, key=lambda f: (-f.traces, f.service, f.operation))[:_MOST]
