"""The passes of training: bounded in time, judged by what is held out, the best kept, gone on from when cut short.

What is judged and kept is the running mean of the weights (Polyak, Juditsky, "Acceleration of stochastic approximation by
averaging", SIAM Journal on Control and Optimization 1992), which is steadier than the weights of the last step.

A checkpoint is one file of numbers, replaced as a whole after a pass. Each pass draws from the seed and its own number
alone: training that was killed and gone on from ends at the same weights as training that was not. A pass that the budget
ends counts as one.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from honeyguide.clock import Clock
from honeyguide.errors import ConfigError
from honeyguide.models import attention
from honeyguide.models.descent import Shape, compiled, library, start
from honeyguide.models.windows import Windows
from honeyguide.types import FloatArray, IntArray

_KEPT: Final = 2  # checkpoints in a folder: training fits on a part to compare, and on everything
_K: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How to train: see the hyper-parameters of `sasrec`. `mark` names the data; only its own checkpoint is gone on from."""

    seed: int
    batch: int
    negatives: int
    rounds: int
    patience: int
    budget: float
    checkpoint: Path | None
    mark: str


@dataclass(slots=True)
class _State:
    """Where training stands: `spent` seconds and `curve`, (seconds, NDCG@10 of what is held out) of each pass."""

    weights: dict[str, Any]
    mean: dict[str, Any]
    moments: Any
    best: dict[str, FloatArray]
    done: int = 0
    spent: float = 0.0
    curve: list[tuple[float, float]] = field(default_factory=list)

    @property
    def unimproved(self) -> int:
        """Passes since the best one."""
        scores = [score for _, score in self.curve]
        return len(scores) - 1 - int(np.argmax(scores)) if scores else 0


def trained(
    shape: Shape,
    course: Course,
    windows: Windows,
    touched: IntArray,
    clock: Clock,
    progress: Callable[[float], None] | None,
) -> dict[str, FloatArray]:
    """The weights of the best pass; drawn are the items that are `touched`."""
    begin, step = compiled(shape)
    state = _begun(shape, course, begin)
    before = clock.monotonic() - state.spent
    told = 0.0

    def spent() -> float:
        nonlocal told
        seconds = clock.monotonic() - before
        share = max(state.done / course.rounds, seconds / course.budget if course.budget else 0.0)
        told = max(told, min(1.0, share))
        if progress is not None:
            progress(told)
        return seconds

    while state.done < course.rounds and state.unimproved < course.patience and not _over(course, spent()):
        for inputs in _drawn(shape, course, windows, touched, state.done):
            state.weights, state.mean, state.moments, _ = step(state.weights, state.mean, state.moments, *inputs)
            if _over(course, spent()):
                break
        state.done += 1
        found = {name: np.asarray(array) for name, array in state.mean.items()}
        score = ndcg(found, windows, touched)
        state.spent = spent()
        if score >= max((old for _, old in state.curve), default=0.0):
            state.best = found
        state.curve.append((round(state.spent, 3), round(score, 6)))
        if course.checkpoint is not None:
            _write(course.checkpoint, course.mark, state)
    return state.best


def ndcg(weights: attention.Weights, windows: Windows, touched: IntArray) -> float:
    """Mean NDCG@10 of the steps that are held out, among the `touched` items less the past; 0 where there are none."""
    vectors, gains = weights["items"][touched], []
    column = np.zeros(int(touched[-1]) + 1, dtype=np.int64)
    column[touched] = np.arange(len(touched))
    for latest, target, past in windows.questions():
        scores = vectors @ attention.state(weights, latest)
        own = scores[column[target]]
        scores[column[past]] = -np.inf
        place = int(np.count_nonzero(scores > own))
        gains.append(1 / np.log2(place + 2) if place < _K else 0.0)
    return float(np.mean(gains)) if gains else 0.0


def _over(course: Course, seconds: float) -> bool:
    return bool(course.budget) and seconds >= course.budget


def _drawn(shape: Shape, course: Course, windows: Windows, touched: IntArray, number: int) -> Any:
    """(batch, key) of each step of a pass."""
    jax, _ = library()
    generator = np.random.default_rng([course.seed, number])
    key = jax.random.fold_in(jax.random.key(course.seed, impl="rbg"), number)
    others = np.float32(max(len(touched) - 1, 1))
    for place, batch in enumerate(windows.batches(course.batch, generator)):
        negatives = np.full(min(course.negatives, shape.items), -1, dtype=np.int32)  # of one length: compiled once
        count = min(len(negatives), len(touched))
        negatives[:count] = np.sort(generator.choice(touched, count, replace=False))
        yield batch | {"negatives": negatives, "others": others}, jax.random.fold_in(key, place)


def _begun(shape: Shape, course: Course, begin: Callable[[Any], Any]) -> _State:
    """The state to go on from: that of the checkpoint where it is of the same data, else a new one."""
    jax, _ = library()
    weights: dict[str, Any] = start(shape, course.seed)
    state = _State(weights, weights, begin(weights), dict(weights))
    if course.checkpoint is None:
        return state
    try:
        course.checkpoint.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cure = "Set models.params.sasrec.checkpoint to a folder that can be written, or leave it out."
        raise ConfigError(f"{course.checkpoint} cannot hold a checkpoint: {error.strerror}.", cure=cure) from error
    path = course.checkpoint / _name(course.mark)
    if not path.exists():
        return state
    try:
        with safe_open(path, framework="numpy") as file:
            told = json.loads(file.metadata()["state"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return state  # cut short while it was first written, or no checkpoint at all: replaced after the first pass
    leaves = jax.tree.leaves(state.moments)
    moments = [arrays[f"moments.{place}"].reshape(np.shape(leaf)) for place, leaf in enumerate(leaves)]
    parts = ({name: arrays[f"{part}.{name}"] for name in weights} for part in ("weights", "mean", "best"))
    own, mean, best = parts
    curve = [(seconds, score) for seconds, score in told["curve"]]
    restored = jax.tree.unflatten(jax.tree.structure(state.moments), moments)
    return _State(own, mean, restored, best, told["done"], told["spent"], curve)


def _name(mark: str) -> str:
    return f"sasrec-{mark[:16]}.safetensors"


def _write(folder: Path, mark: str, state: _State) -> None:
    """The state as one file, whole or not at all."""
    jax, _ = library()
    arrays = {f"moments.{place}": np.atleast_1d(leaf) for place, leaf in enumerate(jax.tree.leaves(state.moments))}
    for part in ("weights", "mean", "best"):
        arrays |= {f"{part}.{name}": np.asarray(array) for name, array in getattr(state, part).items()}
    told = {"done": state.done, "spent": state.spent, "curve": state.curve}
    half = folder / f"{_name(mark)}.{os.getpid()}"
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, half, {"state": json.dumps(told)})
    half.replace(folder / _name(mark))
    for old in sorted(folder.glob(_name("*")), key=lambda path: path.stat().st_mtime_ns)[:-_KEPT]:
        old.unlink()
