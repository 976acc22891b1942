"""A small catalogue and requests on it, for tests of single stages."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from honeyguide.config.settings import Surface
from honeyguide.features import ItemBlock
from honeyguide.messages import Query
from honeyguide.protocols import Content, Request, ServedModel
from honeyguide.types import Found, Item

NOW = 1_700_000_000_000
DAY = 86_400_000


def item(item_id: str, *categories: str, **fields: Any) -> Item:
    return Item(item_id=item_id, title=fields.pop("title", item_id.title()), categories=categories, **fields)


def block(items: Sequence[Item]) -> ItemBlock:
    made = ItemBlock()
    made.put(items)
    return made


def request(
    items: ItemBlock,
    *,
    history: Sequence[tuple[str, str, float]] = (),
    excluded: Sequence[str] = (),
    disliked: Sequence[str] = (),
    model: ServedModel | None = None,
    popular: ServedModel | None = None,
    surface: dict[str, Any] | None = None,
    segment: str = "",
    interests: tuple[str, ...] = (),
    known: bool = True,
    content: Content | None = None,
    **query: Any,
) -> Request:
    """A request; `history` is (item, event type, weight), oldest first, a minute apart and ending now."""
    asked = Query(**{"user_id": "u", **query})
    return Request(
        query=asked,
        surface=Surface(**{"name": "home", **(surface or {})}),
        items=items,
        model=model,
        popular=popular,
        now=NOW,
        new_item_age=14 * DAY,
        segment=segment,
        interests=interests,
        history_rows=items.numbers_of([entry[0] for entry in history]),
        history_weights=np.array([entry[2] for entry in history], dtype=np.float32),
        history_ts=np.array([NOW - 60_000 * back for back in range(len(history), 0, -1)], dtype=np.int64),
        history_types=tuple(entry[1] for entry in history),
        from_session=not known,
        excluded=items.numbers_of(excluded),
        disliked=items.numbers_of(disliked),
        anchor=items.number(asked.item_id) if asked.item_id is not None else -1,
        content=content,
    )


def ids(items: ItemBlock, found: Any) -> list[str]:
    rows = found.rows if isinstance(found, Found) else np.asarray(found)
    return [items.ids[row] for row in rows.tolist()]
