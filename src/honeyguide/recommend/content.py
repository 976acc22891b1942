"""Likeness by content from the files that a training left."""

from pathlib import Path

import numpy as np

from honeyguide.errors import DamagedArtefact
from honeyguide.models.artefact import load_parts
from honeyguide.protocols import Content, Items
from honeyguide.retrieval.content import CONTENT, ContentIndex, ContentSpace


def load_content(folder: Path, items: Items) -> Content | None:
    """The index over these items, all of their vectors computed; None where the training left none.

    Raises `DamagedArtefact`."""
    found = load_parts(folder, CONTENT)
    if found is None:
        return None
    arrays, about = found
    try:
        space = ContentSpace.of(arrays, about)
    except (ValueError, LookupError, TypeError) as error:
        cure = "Train again: honeyguide train."
        raise DamagedArtefact(f"The likeness by content in {folder} cannot be read: {error}.", cure=cure) from error
    index = ContentIndex(space, items)
    index.vectors(items, np.empty(0, np.int32))
    return index
