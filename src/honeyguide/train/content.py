"""The space in which items are alike by content, found with each training."""

from collections.abc import Iterator

import numpy as np

from honeyguide.config.settings import Settings
from honeyguide.protocols import CatalogueTable, Described
from honeyguide.retrieval.content import ContentSpace, fit_content
from honeyguide.types import Item


def content_of(catalogue: CatalogueTable, settings: Settings) -> ContentSpace | None:
    """The space of all items that there are; None where no field is to be looked at, or none says anything."""
    content = settings.content
    if not content.fields:
        return None
    found = fit_content(_contents(catalogue), content.fields, content.dimensions, seed=settings.training.seed)
    return found if found.size else None


def _contents(catalogue: CatalogueTable) -> Iterator[Described]:
    for batch in catalogue.scan_items():
        yield from (described(item) for item in batch if item.deleted_at is None)


def described(item: Item) -> Described:
    """The content of an item, as the item block has it."""
    vector = None if item.vector is None else np.array(item.vector, np.float32)
    return Described(item.title, item.categories, item.properties, vector)
