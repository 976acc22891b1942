"""Sequences of people's steps, cut into windows of a fixed length to train on, and their latest steps to judge by."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.models.rows import sequences
from honeyguide.types import FloatArray, IntArray, Interactions, LongArray

_MOST: Final = 50_000  # windows of one round
_EACH: Final = 16  # windows of one person in a round: a robot is not what everybody does
_SHORT: Final = 16  # targets of a short window
_FEWEST: Final = 20  # batches of one round: small data are seen several times
_ASKED: Final = 1_000  # people whose latest step is held out
_SHARE: Final = 0.2  # at most, of the people


@dataclass(frozen=True, slots=True)
class Windows:
    """The steps of all people one after another, those of person p from `ends[p]` to `ends[p + 1]`.

    A run of events on one item is one step. `asked` are the places of the steps that are held out."""

    items: IntArray
    ends: LongArray
    asked: LongArray
    length: int

    @classmethod
    def of(cls, interactions: Interactions, length: int, seed: int) -> "Windows":
        """Of people with two steps at least; held out is the last one of some who have three."""
        users, items, _, _ = sequences(interactions)
        new = np.append(True, (users[1:] != users[:-1]) | (items[1:] != items[:-1]))[: len(users)]
        users, items = users[new], items[new]
        sizes = np.bincount(users, minlength=interactions.n_users)
        many = sizes > 1
        ends = np.concatenate([[0], np.cumsum(sizes[many])]).astype(np.int64)
        able = np.flatnonzero(np.diff(ends) > 2)
        count = min(_ASKED, int(_SHARE * len(able)))
        asked = np.sort(np.random.default_rng(seed).choice(able, count, replace=False))
        return cls(items[many[users]].astype(np.int32), ends, ends[asked + 1] - 1, length)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def questions(self) -> Iterator[tuple[IntArray, int, IntArray]]:
        """(latest steps, the step that is held out, all steps before it) of each that is asked."""
        starts = self.ends[np.searchsorted(self.ends, self.asked, side="right") - 1]
        for start, place in zip(starts.tolist(), self.asked.tolist(), strict=True):
            yield self.items[max(start, place - self.length) : place], int(self.items[place]), self.items[start:place]

    def batches(self, size: int, generator: np.random.Generator) -> Iterator[dict[str, IntArray | FloatArray]]:
        """A round: `inputs`, `targets` int32 [size, length] and `mass` float32, 1 where there is a target and 0 else.

        Windows of at most 16 targets are batched by themselves, [size, 16]: most people did little, and it costs little.
        Of each person the window at the end, and one before it for each further `length` steps, 16 at most in all, about
        evenly apart."""
        starts, stops = self._drawn(generator)
        while 0 < len(starts) < _FEWEST * size:
            more = self._drawn(generator)
            starts, stops = np.concatenate([starts, more[0]]), np.concatenate([stops, more[1]])
        order = generator.permutation(len(starts))[: max(_MOST, _FEWEST * size)]
        short = (stops - starts)[order] <= _SHORT + 1 if self.length > _SHORT else np.zeros(len(order), np.bool_)
        parts = [
            (group[first : first + size], length)
            for group, length in ((order[short], _SHORT), (order[~short], self.length))
            for first in range(0, len(group), size)
        ]
        for place in generator.permutation(len(parts)).tolist():
            chosen, length = parts[place]
            yield self._batch(starts[chosen], stops[chosen], size, length)

    def _batch(self, starts: LongArray, stops: LongArray, size: int, length: int) -> dict[str, IntArray | FloatArray]:
        """These windows as arrays [size, length], what is missing filled up."""
        places = starts[:, None] + np.arange(length)
        real = np.zeros((size, length), dtype=np.bool_)
        real[: len(starts)] = places + 1 < stops[:, None]
        inputs, targets = np.zeros((2, size, length), dtype=np.int32)
        inputs[real] = self.items[places[real[: len(starts)]]]
        targets[real] = self.items[places[real[: len(starts)]] + 1]
        return {"inputs": inputs, "targets": targets, "mass": real.astype(np.float32)}

    def _drawn(self, generator: np.random.Generator) -> tuple[LongArray, LongArray]:
        """First places of a round's windows, and where their people's steps to learn from stop."""
        stops = self.ends[1:].copy()
        stops[np.searchsorted(self.ends, self.asked, side="right") - 1] -= 1
        targets = stops - self.ends[:-1] - 1
        counts = np.clip(-(-targets // self.length), 1, _EACH)
        person = np.repeat(np.arange(len(self)), counts)
        number = np.arange(len(person)) - np.repeat(np.cumsum(counts) - counts, counts)
        slack = np.maximum(targets - self.length, 0)[person]
        apart = slack / np.maximum(counts[person] - 1, 1)
        drawn = np.rint((number + generator.random(len(person)) - 0.5) * apart).astype(np.int64)
        last = number == counts[person] - 1
        offset = np.where(last, slack, np.clip(drawn, 0, slack))
        return self.ends[:-1][person] + offset, stops[person]
