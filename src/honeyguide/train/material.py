"""What a training works on: the log as numbers, cut into a past and what came after it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from honeyguide.config.settings import Settings
from honeyguide.errors import NotEnoughData
from honeyguide.offline.baskets import baskets_of
from honeyguide.offline.dataset import Dataset, dataset_from
from honeyguide.offline.splits import Split, by_time
from honeyguide.protocols import Store
from honeyguide.train.served import Limit, categories_of, limits_of, surface_of
from honeyguide.types import IntArray


@dataclass(frozen=True, slots=True)
class Material:
    """The history up to a log position, what was bought at one go, its split by time, its items' categories
    (`categories_of`), and what the caps of the surface that models are judged by see of these (`limits_of`).

    `enough`: whether that is enough to compare models on."""

    position: int
    dataset: Dataset
    baskets: csr_array
    split: Split
    categories: IntArray
    limits: Sequence[Limit]
    enough: bool


def material(store: Store, settings: Settings, tell: Callable[[str, float], None]) -> Material:
    """What the log holds. Raises `NotEnoughData` when that is nothing to learn from."""
    frame, position, dataset = _read(store, settings, tell)
    baskets = baskets_of(frame, dataset.item_ids, settings.recommend.basket_gap)
    del frame
    tell("split by time", 0.8)
    split = by_time(dataset.interactions, settings.training.test_share)
    enough = len(split.users) >= settings.training.min_users and len(np.unique(split.train.items)) > 1
    categories = categories_of(store.catalogue, dataset.item_ids)
    limits = limits_of(store.catalogue, dataset.item_ids, surface_of(settings), categories)
    return Material(position, dataset, baskets, split, categories, limits, enough)


def snapshot(store: Store, settings: Settings, tell: Callable[[str, float], None]) -> tuple[int, Dataset]:
    """The log's history as numbers, and the position of its last event. Raises `NotEnoughData`."""
    _, position, dataset = _read(store, settings, tell)
    return position, dataset


def _read(store: Store, settings: Settings, tell: Callable[[str, float], None]) -> tuple[pl.DataFrame, int, Dataset]:
    tell("read the log", 0.0)
    frame = store.log.interactions()
    position = int(frame["sequence"].to_numpy().max(initial=0))
    attributes = settings.segments.attributes
    segments = store.catalogue.user_segments(attributes) if attributes else None
    dataset = dataset_from(frame, settings, segments)
    if not len(dataset.interactions.users):
        what = "no events" if frame.is_empty() else "no positive events (views, purchases, ...)"
        cure = "Import some: honeyguide import events FILE. 'honeyguide doctor' says more."
        raise NotEnoughData(f"The log holds {what}, so there is nothing to learn from.", cure=cure)
    return frame, position, dataset
