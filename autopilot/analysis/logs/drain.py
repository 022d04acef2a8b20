"""Template mining on arrays: the algorithm of Drain without its stream.

Drain (He, Zhu, Zheng, Lyu: Drain, an online log parsing approach with fixed depth tree, ICWS 2017) keeps texts
apart that differ in their number of tokens or in the first of them; within such a leaf of its tree, texts belong
together when enough tokens are equal at their places, and places that differ become wildcards. Drain reads lines in
the order of their arrival. Here all distinct texts of a leaf are there at once, in alphabetical order, so that the
same texts give the same templates however their rows were stored.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

WILDCARD = "<*>"
SIMILAR = 0.7
"""Share of equal tokens from which texts are of one template. Above Drain's usual 0.4, because numbers and ids are
masked before and count as equal."""
_CLUSTERS = 500
"""Templates of one leaf; what is still left becomes one, so that hostile text cannot make mining slow."""
_TOKENS = 60
"""Tokens that are compared; longer texts are told apart by these and by their length."""
_VARIABLE = r"\d|<"

_Codes = npt.NDArray[np.uint32]
_Rows = npt.NDArray[np.int64]


def mine(texts: pl.Series) -> pl.Series:
    """The template of each text, in their order; tokens are parted by single spaces, numbers were masked before."""
    if texts.is_empty():
        return pl.Series("template", [], dtype=pl.String)
    distinct = texts.unique().sort()
    leaves = _leaves(distinct)
    alone = leaves.filter(pl.col("text").len().over("leaf") == 1)
    crowded = leaves.filter(pl.col("text").len().over("leaf") > 1)
    merged = pl.DataFrame({"text": crowded["text"], "template": _templates(crowded)})
    found = pl.concat([alone.select("text", template="text"), merged])
    asked = pl.DataFrame({"text": texts})
    return asked.join(found, on="text", how="left", maintain_order="left")["template"]


def _leaves(distinct: pl.Series) -> pl.DataFrame:
    """Texts with their tokens, sorted by the leaf of Drain's tree that they fall into."""
    tokens = pl.col("text").str.split(" ")
    return (
        pl.DataFrame({"text": distinct})
        .with_columns(tokens=tokens.list.head(_TOKENS), count=tokens.list.len(), first=tokens.list.first())
        .with_columns(
            first=pl.when(pl.col("first").str.contains(_VARIABLE)).then(pl.lit(WILDCARD)).otherwise("first")
        )
        .sort("count", "first", "text")
        .with_columns(leaf=pl.struct("count", "first").rle_id())
    )


def _templates(leaves: pl.DataFrame) -> pl.Series:
    """The template of each row of leaves with several texts."""
    if leaves.is_empty():
        return pl.Series("template", [], dtype=pl.String)
    tokens = leaves["tokens"].explode()
    words = pl.concat([pl.Series([WILDCARD]), tokens.unique().sort()]).unique(maintain_order=True)
    codes = tokens.replace_strict(words, np.arange(len(words)), return_dtype=pl.UInt32).to_numpy()
    widths = leaves["tokens"].list.len().to_numpy().astype(np.int64)
    ends = np.cumsum(widths)
    filled = codes.copy()
    for first, last in _spans(leaves["leaf"].to_numpy()):
        width = widths[first]
        block = filled[ends[first] - width : ends[last - 1]].reshape(last - first, width)
        _generalise(block)
    text = pl.DataFrame({"row": np.repeat(np.arange(len(widths)), widths), "word": words.gather(filled)})
    return text.group_by("row", maintain_order=True).agg(pl.col("word").str.join(" "))["word"]


def _spans(leaf: npt.NDArray[np.uint32]) -> Iterator[tuple[int, int]]:
    """First and last row (exclusive) of each leaf."""
    edges = np.flatnonzero(np.diff(leaf, prepend=leaf[0] + 1, append=leaf[-1] + 1))
    return zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def _generalise(block: _Codes) -> None:
    """Merge the texts of a leaf in place: rows of one template become equal, with wildcards where they differed."""
    left: _Rows = np.arange(len(block))
    for _ in range(_CLUSTERS):
        if not left.size:
            return
        rows = block[left]
        alike = (rows == rows[0]).mean(axis=1) >= SIMILAR
        alike[0] = True
        block[left[alike]] = _common(rows[alike])
        left = left[~alike]
    block[left] = _common(block[left])


def _common(rows: _Codes) -> _Codes:
    """One row: tokens that all rows share, wildcards elsewhere."""
    return np.where((rows == rows[0]).all(axis=0), rows[0], 0).astype(np.uint32)
