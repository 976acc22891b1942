"""From the log's history to numbers: ids become row numbers, events become weights."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from honeyguide.config.settings import Settings
from honeyguide.types import IntArray, Interactions

MAX_SEGMENTS = 200
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Interactions with the ids behind their numbers. `segments` names the rows of segment scores, `other` first."""

    interactions: Interactions
    user_ids: list[str]
    item_ids: list[str]
    segments: list[str] = field(default_factory=lambda: [OTHER])


def dataset_from(frame: pl.DataFrame, settings: Settings, segments: pl.DataFrame | None = None) -> Dataset:
    """The events of `frame` (`EventLog.interactions`) that say something, as numbers, in its order.

    Weights are those of the event types; a `by_value` type scales its weight by value / `events.rating_middle`. Events that
    weigh nothing are left out, and so is all that a user did with an item before they hid or disliked it: what is left of it
    is one row of negative weight, if they did nothing with the item later. Users and items are numbered in order of first
    sight of something positive; who or what has nothing positive is left out.
    `segments` (`CatalogueTable.user_segments`) gives each user's segment: the 199 largest, the rest are `other`.
    """
    liked = _not_taken_back(frame, settings).with_columns(weight=_weight(settings))
    liked = liked.filter(pl.col("weight").is_finite() & (pl.col("weight") > 0))
    users, items = (liked[name].unique(maintain_order=True) for name in ("user_id", "item_id"))
    weighed = _with_dislikes(liked, frame, settings)
    names, of_user = _segments(users, segments)
    interactions = Interactions(
        users=_numbers(weighed["user_id"], users),
        items=_numbers(weighed["item_id"], items),
        weights=weighed["weight"].cast(pl.Float32).to_numpy(),
        ts=weighed["ts"].cast(pl.Int64).to_numpy(),
        n_users=len(users),
        n_items=len(items),
        segments=of_user,
        n_segments=len(names),
    )
    return Dataset(interactions, users.to_list(), items.to_list(), names)


def _not_taken_back(frame: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """`frame` without the events that came before the same user's last negative event on the same item."""
    negative = [name for name, kind in settings.events.all_types().items() if kind.negative]
    if not frame["type"].is_in(negative).any():
        return frame
    pair = ["user_id", "item_id"]
    placed = frame.with_row_index("place")
    last = placed.filter(pl.col("type").is_in(negative)).group_by(pair).agg(until=pl.col("place").max())
    joined = placed.join(last, on=pair, how="left", maintain_order="left")
    return joined.filter(pl.col("until").is_null() | (pl.col("place") > pl.col("until"))).drop("place", "until")


def _with_dislikes(liked: pl.DataFrame, frame: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """`liked` and, of each user and item in it that do not occur together there, the last negative event on the pair."""
    kinds = settings.events.all_types().items()
    against = {name: -kind.weight for name, kind in kinds if kind.negative and kind.weight > 0}
    found = frame.filter(pl.col("type").is_in(list(against))) if against else frame.clear()
    if found.is_empty():
        return liked
    pair = ["user_id", "item_id"]
    last = found.unique(pair, keep="last", maintain_order=True).join(liked, on=pair, how="anti")
    known = last.join(liked, on="user_id", how="semi").join(liked, on="item_id", how="semi")
    weighed = known.with_columns(weight=pl.col("type").replace_strict(against, return_dtype=pl.Float64))
    return pl.concat([liked, weighed.select(liked.columns)], how="vertical_relaxed").sort("ts", maintain_order=True)


def _weight(settings: Settings) -> pl.Expr:
    kinds = {name: kind for name, kind in settings.events.all_types().items() if kind.weight > 0 and not kind.negative}
    if not kinds:
        return pl.lit(0.0)
    weight = pl.col("type").replace_strict({name: kind.weight for name, kind in kinds.items()}, default=0.0)
    scaled = [name for name, kind in kinds.items() if kind.by_value]
    share = (pl.col("value").fill_null(settings.events.rating_middle) / settings.events.rating_middle).clip(lower_bound=0.0)
    return weight * pl.when(pl.col("type").is_in(scaled)).then(share).otherwise(1.0)


def _numbers(column: pl.Series, ids: pl.Series) -> IntArray:
    """The place of each value of `column` in `ids`."""
    places = pl.DataFrame({"id": ids, "number": np.arange(len(ids), dtype=np.int32)})
    joined = column.to_frame("id").join(places, on="id", how="left", maintain_order="left")
    return joined["number"].cast(pl.Int32).to_numpy()


def _segments(users: pl.Series, segments: pl.DataFrame | None) -> tuple[list[str], IntArray | None]:
    """Names of the segments (`other` first, then by size) and each user's number."""
    if segments is None or segments.width < 2:
        return [OTHER], None
    attributes = [name for name in segments.columns if name != "user_id"]
    complete = segments.drop_nulls().select("user_id", segment=pl.concat_str(attributes, separator="|"))
    known = users.to_frame("user_id").join(complete, on="user_id", how="left", maintain_order="left")
    sizes = known.drop_nulls()["segment"].value_counts().sort(["count", "segment"], descending=[True, False])
    names = [OTHER, *sizes["segment"].head(MAX_SEGMENTS - 1).to_list()]
    numbers = {name: number for number, name in enumerate(names)}
    return names, np.array([numbers.get(name, 0) for name in known["segment"].to_list()], dtype=np.int32)
