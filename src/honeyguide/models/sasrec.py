"""What comes next, by a transformer over the history: SASRec with many negatives.

Trained by `descent` (jax, the extra `sequential`), served by `attention` (numpy). An event says that somebody chose an item:
neither its weight nor its time is looked at, a run of events on one item is one step, dislikes are left out. Scores are dot
products of the history's state with the items' vectors less their mean, so that 0 says no more than an average item.

A score is no sum over the history's entries, so what an entry adds is said by the score's growth: with the latest step
alone, with the latest two, and so on (`SINGLY`); what all older ones add together is shared among them evenly. That is
exact, cheap, and one order among many: an entry that says what a later one has said already adds little.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np

from honeyguide.clock import Clock, SystemClock
from honeyguide.errors import ConfigError
from honeyguide.models import attention
from honeyguide.models.course import Course, trained
from honeyguide.models.descent import Shape, start
from honeyguide.models.rows import best
from honeyguide.models.trained import Trained, choice, setting, take, words
from honeyguide.models.windows import Windows
from honeyguide.types import BoolArray, FloatArray, Histories, IntArray, Interactions, LongArray

_OF_LENGTH: Final = ("rounds", "patience", "budget", "checkpoint")  # they say how long, not what
SINGLY: Final = 16
"""Latest steps of a history whose contributions are told apart."""
_ROUNDED: Final = 64  # items are rounded up to a multiple: catalogues of about one size share a compiled step


@dataclass(kw_only=True, eq=False)
class Sasrec(Trained):
    """score = vector of the item * state of the history's latest steps."""

    name: ClassVar[str] = "sasrec"
    quick: ClassVar[bool] = False
    clock: ClassVar[Clock] = SystemClock()

    dim: int = setting(64, 4, 1_024, "Length of a vector; a multiple of `heads`.")
    blocks: int = setting(2, 1, 16, "Blocks of attention, one after another.")
    heads: int = setting(2, 1, 16, "Heads of attention in each block.")
    length: int = setting(64, 2, 1_000, "Latest steps of a history that are looked at.")
    loss: str = choice("softmax", ("softmax", "gbce"), "What is made small: softmax, the cross entropy, or gbce.")
    negatives: int = setting(512, 1, 100_000, "Items drawn for each batch that the next one is told from.")
    calibration: float = setting(0.75, 0.0, 1.0, "t of gbce: 0 is plain binary cross entropy, 1 fully calibrated.")
    dropout: float = setting(0.15, 0.0, 0.9, "Share of the inner values that is dropped while training.")
    rate: float = setting(2e-3, 1e-6, 1.0, "Rate of learning.")
    batch: int = setting(128, 1, 10_000, "Windows of one step of training.")
    rounds: int = setting(200, 1, 100_000, "Most passes over the data.")
    patience: int = setting(20, 1, 100_000, "Passes without a better validation after which training ends.")
    budget: float = setting(1_800.0, 0.0, 7 * 86_400.0, "Seconds after which training ends, at the best so far; 0: never.")
    checkpoint: str = words("", "Folder that training leaves its state in after each pass, and goes on from; '': none.")
    _weights: Mapping[str, FloatArray] = field(init=False, repr=False)
    _known: BoolArray = field(init=False, repr=False)
    _told: FloatArray = field(init=False, repr=False)
    _unit: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dim % self.heads:
            cure = f"Set it to a multiple of models.params.sasrec.heads, which is {self.heads}."
            raise ConfigError(f"models.params.sasrec.dim is {self.dim}.", cure=cure)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Learn to tell each step from drawn items; the best of all passes by NDCG@10 on steps that are held out."""
        data = self.admitted(interactions)
        windows = Windows.of(data, self.length, seed)
        shape = self._shape(-(-max(interactions.n_items, 1) // _ROUNDED) * _ROUNDED)
        touched = np.flatnonzero(np.bincount(windows.items, minlength=shape.items)).astype(np.int32)
        weights = start(shape, seed)
        if len(windows):
            course = Course(
                seed=seed,
                batch=self.batch,
                negatives=self.negatives,
                rounds=self.rounds,
                patience=self.patience,
                budget=self.budget,
                checkpoint=Path(self.checkpoint) if self.checkpoint else None,
                mark=self._mark(windows, seed),
            )
            weights = trained(shape, course, windows, touched, self.clock, progress)
        items = np.zeros((interactions.n_items, self.dim), dtype=np.float32)
        items[touched] = weights["items"][touched]
        return self.with_arrays(weights | {"items": items})

    def _shape(self, n_items: int) -> Shape:
        return Shape(
            items=n_items,
            dim=self.dim,
            heads=self.heads,
            blocks=self.blocks,
            length=self.length,
            loss=self.loss,
            calibration=self.calibration,
            dropout=self.dropout,
            rate=self.rate,
        )

    def _mark(self, windows: Windows, seed: int) -> str:
        """What a checkpoint must have been made of to be gone on from: the data, the seed, and what shapes the passes."""
        params = {name: value for name, value in self.params().items() if name not in _OF_LENGTH}
        mark = hashlib.sha256(repr((sorted(params.items()), seed)).encode())
        for array in (windows.items, windows.ends, windows.asked):
            mark.update(array.tobytes())
        return mark.hexdigest()

    def _steps(self, histories: Histories) -> tuple[LongArray, LongArray, LongArray]:
        """(places, step of each, history of each) of the entries that are looked at; steps count through the batch."""
        rows = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
        fits = (histories.items >= 0) & (histories.items < len(self._known)) & (histories.weights > 0)
        fits &= np.isfinite(histories.weights)
        fits[fits] = self._known[histories.items[fits]]
        places = np.flatnonzero(fits)
        rows, items = rows[places], histories.items[places]
        new = np.append(True, (rows[1:] != rows[:-1]) | (items[1:] != items[:-1]))[: len(places)]
        step = np.cumsum(new) - 1
        last = np.zeros(len(histories), dtype=np.int64)
        last[rows] = step  # the last assignment stays
        looked_at = step > last[rows] - self.length
        return places[looked_at], step[looked_at], rows[looked_at]

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; zeros for an empty history."""
        found = np.zeros((len(histories), len(self._known)), dtype=np.float32)
        places, steps, rows = self._steps(histories)
        first = np.unique(steps, return_index=True)[1]
        items, ends = histories.items[places[first]], np.searchsorted(rows[first], np.arange(len(histories) + 1))
        for row in np.flatnonzero(np.diff(ends)).tolist():
            found[row] = self._told @ attention.state(self._weights, items[ends[row] : ends[row + 1]])
        return found

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """Items by cosine of their vectors, less the mean."""
        scores: FloatArray = (self._unit[items] @ self._unit.T).astype(np.float32)
        scores[np.arange(len(items)), items] = 0.0
        return best(scores, k)

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """float32 [entries, items]: how the score grows by each of the latest steps, the latest first, then by all older."""
        gain = np.zeros((len(history.items), len(items)), dtype=np.float32)
        places, steps, _ = self._steps(history)
        if not len(places) or not len(items):
            return gain
        first, step = np.unique(steps, return_index=True)[1], steps - steps[0]
        own, count = history.items[places[first]], len(first)
        depths = [*range(1, min(count, SINGLY) + 1), *([count] if count > SINGLY else [])]
        told = np.stack([attention.state(self._weights, own[count - depth :]) for depth in depths]) @ self._told[items].T
        growth = np.diff(told, axis=0, prepend=np.float32(0))
        from_end = count - 1 - step
        gain[places] = growth[np.minimum(from_end, SINGLY)]
        shared = np.bincount(step)[step] * np.where(from_end >= SINGLY, count - SINGLY, 1)
        gain[places] /= shared[:, None]
        return gain

    def arrays(self) -> Mapping[str, object]:
        """The weights of `attention`, all float32; `items` has zeros for those that nobody touched."""
        return dict(self._weights)

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = replace(self)
        twin._weights = {name: take(arrays, name, np.float32, *size) for name, size in self._sizes(-1).items()}
        vectors = twin._weights["items"]
        twin._known = (vectors != 0).any(axis=1)
        mean = vectors[twin._known].mean(axis=0) if twin._known.any() else np.zeros(self.dim, np.float32)
        twin._told = np.where(twin._known[:, None], vectors - mean, np.float32(0))
        twin._unit = twin._told / np.maximum(np.linalg.norm(twin._told, axis=1, keepdims=True), np.float32(1e-30))
        return twin

    def peak_bytes(self, n_users: int, n_items: int, n_events: int) -> int:
        """The weights with their mean, slopes and moments, the best of them, and the inner values of a batch."""
        kept = sum(int(np.prod(size)) for size in self._sizes(n_items).values())
        inner = self.blocks * (14 * self.dim + 4 * self.heads * self.length) + 4 * self.negatives
        return super().peak_bytes(n_users, n_items, n_events) + 4 * (9 * kept + self.batch * self.length * inner)

    def _sizes(self, n_items: int) -> dict[str, tuple[int, ...]]:
        return attention.shapes(n_items, dim=self.dim, heads=self.heads, blocks=self.blocks, length=self.length)
