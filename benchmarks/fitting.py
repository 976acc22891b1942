"""Fit seconds and peak memory of each model beside its bare arithmetic, and how fast a large artefact is loaded.

    python -m benchmarks fitting [EVENTS [USERS [ITEMS]]]

Each fit, ours and bare, runs in a process of its own on the shop of the training benchmark, so that its peak is its own.
Bare: a library's call, or the products, inverses and solves in numpy and scipy that the method comes down to, with no
weighing, ageing, thinning out or checking. What both need before, the arrays of the data, is taken off.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from benchmarks.report import Report, median
from benchmarks.scoring import PARTS, data_of
from benchmarks.training import cholesky, counts, factors, neighbours, pairs, peak
from honeyguide.models import untrained
from honeyguide.models.artefact import load, save
from honeyguide.protocols import Model
from honeyguide.types import Interactions

SIZES = [1_000_000, 50_000, 10_000]
TURNS = 3
LOADED_ITEMS = 11_200  # a dense matrix between them is 500 MB
_DAY = 86_400_000
_NEAR, _STACK = 100, 100

Fit = Callable[[Interactions, csr_matrix], object]


def decayed(data: Interactions, matrix: csr_matrix) -> object:
    """Two decayed counts and the log of their ratio."""
    age = (data.ts.max() - data.ts) / _DAY
    now, usual = (np.bincount(data.items, 0.5 ** (age / days), minlength=data.n_items) for days in (2.0, 20.0))
    return np.log(now + 1e-30) - 0.3 * np.log(usual + 1.0)


def filtered(data: Interactions, matrix: csr_matrix) -> object:
    """The normalised product of the matrix with itself."""
    touched, degrees = np.maximum(np.diff(matrix.indptr), 1), np.maximum(np.bincount(matrix.indices), 1)
    normal = (diags_array(touched**-0.35) @ matrix @ diags_array(degrees**-0.475)).tocsr().astype(np.float32)
    return normal.T.tocsr() @ normal


def regressions(data: Interactions, matrix: csr_matrix) -> object:
    """A regression of every item on its 100 nearest: one product, then stacks of small systems."""
    gram = (matrix.T @ matrix).toarray()
    lengths = np.sqrt(np.maximum(gram.diagonal(), 1e-9))
    gram /= lengths
    gram /= lengths[:, None]
    np.fill_diagonal(gram, 0)
    near = np.argpartition(-gram, _NEAR, axis=1)[:, :_NEAR]
    np.fill_diagonal(gram, 1)
    found = np.empty(near.shape, np.float32)
    ridge = np.eye(_NEAR, dtype=np.float32)
    for start in range(0, len(near), _STACK):
        part = near[start : start + _STACK]
        systems = gram[part[:, :, None], part[:, None, :]] + ridge * (15 / lengths[part] ** 2)[:, :, None]
        sides = np.take_along_axis(gram[start : start + _STACK], part, axis=1)
        found[start : start + _STACK] = np.linalg.solve(systems, sides[:, :, None])[:, :, 0]
    return found


def witnesses(data: Interactions, matrix: csr_matrix) -> object:
    """Pairs in their order, and the log of each against what would be expected."""
    links = cast("csr_matrix", pairs(data, matrix))
    target = np.bincount(data.items, minlength=data.n_items) + 0.5
    target /= target.sum()
    sums = np.asarray(links.sum(axis=1)).ravel() + 100.0
    links.data = np.log1p(links.data / (np.repeat(sums, np.diff(links.indptr)) * target[links.indices]))
    return links


def blended(data: Interactions, matrix: csr_matrix) -> object:
    """The parts twice: on what is left when items are hidden to find the weights, and on everything."""
    return [fit(data, matrix) for fit in (neighbours, pairs) for _ in range(2)]


BARE: dict[str, Fit] = {
    "popular": counts,
    "trending": decayed,
    "knn": neighbours,
    "graph": filtered,
    "ridge": regressions,
    "ease": cholesky,
    "als": factors,
    "markov": pairs,
    "bayes": witnesses,
    "blend": blended,
}


def ours_of(name: str) -> Model:
    """The untrained model with its defaults; the blend of those that the bare one has."""
    return untrained(name, {"models": {part: {} for part in PARTS}} if name == "blend" else {})


def measured(whose: str, name: str, sizes: list[int]) -> dict[str, float]:
    """The median of the seconds of fits, and the MB by which the first raised this process's peak."""
    data = data_of(*sizes)
    matrix = csr_matrix((np.ones(len(data.users), np.float32), (data.users, data.items)), shape=(data.n_users, data.n_items))
    before, seconds, raised = peak(), [], []
    for _ in range(TURNS):
        started = time.perf_counter()
        if whose == "ours":
            ours_of(name).fit(data)
        else:
            BARE[name](data, matrix)
        seconds.append(time.perf_counter() - started)
        raised.append(peak() - before)
    return {"seconds": median(seconds), "MB": raised[0]}


def loaded(folder: str) -> dict[str, float]:
    """Seconds to load and to score once, and the MB of memory that is this process's alone afterwards."""
    started = time.perf_counter()
    model = load(Path(folder)).model
    seconds = time.perf_counter() - started
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    alone = sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
    assert model.name == "ease"
    return {"seconds": seconds, "MB alone": alone / 1000}


def child(*arguments: str) -> dict[str, float]:
    """What one measurement says, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.fitting", *arguments]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def row_of(name: str, sizes: list[int]) -> dict[str, Any]:
    """Ours and bare."""
    bare, ours = (child(whose, name, json.dumps(sizes)) for whose in ("bare", "ours"))
    return {
        "model": name,
        "fit s": round(ours["seconds"], 2),
        "bare s": round(bare["seconds"], 2),
        "ratio": f"{ours['seconds'] / max(bare['seconds'], 1e-9):.2f}",
        "peak MB": round(ours["MB"]),
        "bare MB": round(bare["MB"]),
    }


def loading() -> list[dict[str, Any]]:
    """An artefact of 500 MB, loaded by one process after another; the first finds its pages in memory, as after a save."""
    with tempfile.TemporaryDirectory() as name:
        weights = np.random.default_rng(0).standard_normal((LOADED_ITEMS, LOADED_ITEMS), dtype=np.float32)
        line = np.ones(LOADED_ITEMS, np.float32)
        arrays = {"weights": weights, "diagonal": line, "places": np.arange(LOADED_ITEMS, dtype=np.int32), "scale": line[:1]}
        model = untrained("ease", {}).with_arrays(arrays)
        save(Path(name), model, [f"item {number}" for number in range(LOADED_ITEMS)], {})
        size = sum(os.path.getsize(entry) for entry in os.scandir(name)) / 1e6
        found = [child("loaded", name) for _ in range(TURNS)]
    return [
        {
            "artefact MB": round(size),
            "load s": f"{median([each['seconds'] for each in found]):.3f}",
            "MB that are the process's alone": round(median([each["MB alone"] for each in found])),
        }
    ]


def main() -> None:
    """Measure, and write the report."""
    sizes = [int(text) for text in sys.argv[1:]] + SIZES[len(sys.argv) - 1 :]
    report = Report(
        "fitting",
        "Fitting each model, beside its bare arithmetic",
        f"{sizes[0]:,} events of {sizes[1]:,} users on {sizes[2]:,} items (power laws), defaults, medians of {TURNS} turns; "
        "target <= 1.5. Peak: what the fit adds to the memory of a process that holds the data. Blend: of knn and markov, "
        "its weights found on hidden items, so its parts are fitted twice.",
    )
    report.table("Fits", [row_of(name, sizes) for name in BARE])
    report.table("Loading", loading())
    report.write()


if __name__ == "__main__":
    if sys.argv[1:2] == ["loaded"]:
        print(json.dumps(loaded(sys.argv[2])))
    elif sys.argv[1:2] in (["ours"], ["bare"]):
        print(json.dumps(measured(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))))
    else:
        main()
