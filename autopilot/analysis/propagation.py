"""Propagation: of the spans of a trace that behave differently, the one in which it began.

A caller whose callee changed has to change as well, and so has whatever is called afterwards with what came back.
So a trace's trouble begins in the span that ends first among those without a changed one below.
"""

import numpy as np

from autopilot.analysis.call_tree import CallTree, Flags, Ints


def origins(tree: CallTree, changed: Ints) -> Ints:
    """The changed spans in which the trouble of their trace begins, in their order."""
    marked: Flags = np.zeros(tree.size, dtype=np.bool_)
    marked[changed] = True
    deepest = np.flatnonzero(marked & ~tree.above(changed))
    end = tree.start[deepest] + tree.duration[deepest]
    order = np.lexsort((end, tree.trace[deepest]))
    trace = tree.trace[deepest][order]
    first = np.flatnonzero(np.diff(trace, prepend=-1))
    earliest = np.repeat(end[order][first], np.diff(np.append(first, trace.size)))
    return np.sort(deepest[order][end[order] <= earliest]).astype(np.int64)
