"""An approximate index of vectors, for catalogues in which looking at every item takes too long.

A graph of near neighbours in layers (Malkov, Yashunin, "Efficient and robust approximate nearest neighbor search using
hierarchical navigable small world graphs", TPAMI 2020), by the library usearch. It is built once, with a training, and never
changes, so that the same question always gets the same answer; what comes later is looked at exactly beside it. While it is
built, its answers are compared with exact ones: one that finds less than 99 % of the 100 nearest is not used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from usearch.index import Index

from honeyguide.protocols import Items
from honeyguide.types import BoolArray, FloatArray, IntArray, LongArray

EXACT_BELOW: Final = 50_000
"""Items up to which a matrix product is as fast (`python -m benchmarks ann`)."""

GRAPH: Final = "content.usearch"
"""Name of its file."""

LEAST_RECALL: Final = 0.99
_NEAREST: Final = 100
_ASKED: Final = 200
_CONNECTIVITY: Final = 24
_WIDE_ADD: Final = 128
_WIDE: Final = (128, 256, 512)


@dataclass(frozen=True, slots=True)
class Graph:
    """An index of vectors of length 1 by number. `wide` is how many candidates a search follows, `recall` the share of the
    100 nearest that it finds with them, as measured when it was built."""

    index: Index
    wide: int
    recall: float

    def nearest(self, vector: FloatArray, count: int) -> LongArray:
        """int64: the numbers of about the `count` nearest, the nearest first."""
        self.index.expansion_search = max(self.wide, count)  # type: ignore[misc]  # its setter is defined elsewhere
        found: LongArray = self.index.search(vector, count, threads=1).keys.astype(np.int64)
        return found

    def save(self, path: Path) -> None:
        """Write it to a file."""
        self.index.save(str(path))


def build(vectors: FloatArray, *, seed: int = 0, threads: int = 0) -> Graph:
    """The graph of float32 [n, d] vectors, those of length 0 left out, with the narrowest search that finds enough."""
    real = np.flatnonzero(vectors.any(axis=1))
    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=_CONNECTIVITY, expansion_add=_WIDE_ADD)
    index.add(real.astype(np.uint64), vectors[real], threads=threads)
    asked = np.sort(np.random.default_rng(seed).choice(len(real), min(_ASKED, len(real)), replace=False))
    graph = Graph(index, _WIDE[0], 0.0)
    for wide in _WIDE:
        graph = Graph(index, wide, _recall(Graph(index, wide, 0.0), vectors, real[asked]))
        if graph.recall >= LEAST_RECALL:
            break
    return graph


def _recall(graph: Graph, vectors: FloatArray, asked: LongArray) -> float:
    """Share of the nearest that are found; one as near as the last of them counts as one of them."""
    count = min(_NEAREST, len(graph.index))
    found = 0
    for number in asked.tolist():
        scores = vectors @ vectors[number]
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        found += int(np.count_nonzero(scores[graph.nearest(vectors[number], count)] >= least - 1e-6))
    return found / max(1, count * len(asked))


def restored(path: Path, size: int, about: Mapping[str, float]) -> Graph:
    """The graph in a file, mapped and not read through. Raises ValueError where it is not one of `size` dimensions."""
    index = Index.restore(str(path), view=True)
    if index is None or index.ndim != size:
        raise ValueError(f"{path.name} is no index of {size} dimensions")
    return Graph(index, int(about["wide"]), float(about["recall"]))


@dataclass(frozen=True, slots=True)
class Indexed:
    """A graph over the rows of the item block: `rows` int32 [numbers] (-1: gone), and `built_at` int64 [rows when loaded],
    the log position of the last change that the graph knows of a row, -1 where it knows nothing of it."""

    graph: Graph
    rows: IntArray
    built_at: LongArray

    @classmethod
    def over(cls, items: Items, graph: Graph, item_ids: Sequence[str], changed: LongArray) -> "Indexed":
        """Of a graph whose number n is `item_ids[n]`, as it was after its change at log position `changed[n]`."""
        rows = np.array([items.number(item_id) for item_id in item_ids], np.int32)
        built_at = np.full(len(items), -1, np.int64)
        here = (rows >= 0) & (rows < len(built_at))
        built_at[rows[here]] = changed[here]
        return cls(graph, rows, built_at)

    def covers(self, changed: LongArray) -> BoolArray:
        """bool [len(changed)]: the rows that have not changed since."""
        covered = np.zeros(len(changed), np.bool_)
        most = min(len(changed), len(self.built_at))
        covered[:most] = changed[:most] == self.built_at[:most]
        return covered

    def nearest(self, vector: FloatArray, count: int) -> IntArray:
        """int32: rows of about the `count` nearest, those that are gone left out."""
        rows = self.rows[self.graph.nearest(vector, count)]
        found: IntArray = rows[rows >= 0]
        return found
