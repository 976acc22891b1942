"""From how many vectors on an approximate index is worth having: exact products beside it, and what it finds of theirs.

    python -m benchmarks ann [SIZE ...]

Vectors of 64 dimensions around 500 centres, as items of a shop are by content. Both sides find the 100 nearest of vectors
that are there; they take turns, and ratios are of medians.
"""

import sys
import time

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.report import Report, median
from honeyguide.retrieval.index import EXACT_BELOW, LEAST_RECALL, build
from honeyguide.types import FloatArray

SIZES = (10_000, 50_000, 100_000, 1_000_000)
DIMENSIONS, CENTRES, NEAREST, TURNS = 64, 500, 100, 200


def vectors_of(count: int) -> FloatArray:
    """Vectors of length 1 around centres."""
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((CENTRES, DIMENSIONS), dtype=np.float32)
    made = centres[generator.integers(0, CENTRES, count)]
    made += 0.6 * generator.standard_normal((count, DIMENSIONS), dtype=np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def exact(vectors: FloatArray, vector: FloatArray) -> None:
    """A product with all, and the best of it in order."""
    scores = vectors @ vector
    best = np.argpartition(scores, len(scores) - NEAREST)[-NEAREST:]
    best[np.argsort(-scores[best])]


def main() -> None:
    """Build an index of each size, ask both, and write the report."""
    sizes = [int(text) for text in sys.argv[1:]] or SIZES
    report = Report(
        "ann",
        "Nearest vectors: exact products and an approximate index",
        f"{DIMENSIONS} dimensions, the {NEAREST} nearest of one vector, {TURNS} turns, one thread on both sides. "
        f"The index is used above {EXACT_BELOW:,} items, and only if it finds {LEAST_RECALL:.0%} of the {NEAREST} nearest.",
    )
    rows = []
    for size in sizes:
        vectors = vectors_of(size)
        started = time.perf_counter()
        graph = build(vectors)
        built = time.perf_counter() - started
        mine, theirs = [], []
        with threadpool_limits(1, "blas"):
            for vector in vectors[np.random.default_rng(1).integers(0, size, TURNS)]:
                started = time.perf_counter()
                graph.nearest(vector, NEAREST)
                between = time.perf_counter()
                exact(vectors, vector)
                mine.append(between - started)
                theirs.append(time.perf_counter() - between)
        rows.append(
            {
                "items": f"{size:,}",
                "exact: ms": f"{1_000 * median(theirs):.2f}",
                "index: ms": f"{1_000 * median(mine):.2f}",
                "exact / index": f"{median(theirs) / median(mine):.1f}",
                f"recall@{NEAREST}": f"{graph.recall:.4f}",
                "search width": str(graph.wide),
                "build: s": f"{built:.1f}",
                "index: MB": f"{graph.index.memory_usage / 1e6:.0f}",
            }
        )
        print(rows[-1], file=sys.stderr)
    report.table("One question", rows)
    report.write()


if __name__ == "__main__":
    main()
