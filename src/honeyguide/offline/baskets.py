"""What was bought at one go: purchases of a user that follow each other closely."""

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import csr_array

PURCHASES: Final = ("purchase",)
LARGEST: Final = 100  # items of a basket that are looked at: nobody chooses more at one go


def baskets_of(frame: pl.DataFrame, item_ids: Sequence[str], gap: float, types: Collection[str] = PURCHASES) -> csr_array:
    """float32 [baskets, len(item_ids)], 1 where the basket has the item; those of a single item are left out.

    `frame` is `EventLog.interactions`. A basket ends where the user's next purchase is more than `gap` seconds later."""
    numbers = pl.DataFrame({"item_id": item_ids, "item": np.arange(len(item_ids), dtype=np.int32)})
    bought = frame.filter(pl.col("type").is_in(list(types))).select("user_id", "item_id", "ts").sort("user_id", "ts")
    begins = (pl.col("user_id") != pl.col("user_id").shift()) | (pl.col("ts").diff() > gap * 1000)
    placed = bought.with_columns(basket=begins.fill_null(value=True).cum_sum())
    pairs = placed.join(numbers.with_columns(pl.col("item_id").cast(pl.String)), on="item_id", maintain_order="left")
    pairs = pairs.unique(["basket", "item"], maintain_order=True)
    kept = pairs.filter((pl.len().over("basket") > 1) & (pl.int_range(pl.len()).over("basket") < LARGEST))
    baskets, items = kept["basket"].to_numpy(), kept["item"].to_numpy()
    _, rows = np.unique(baskets, return_inverse=True)
    count = int(rows.max(initial=-1)) + 1
    return csr_array((np.ones(len(items), np.float32), (rows, items)), shape=(count, len(item_ids)))
