"""What a training leaves beside its popularity version: likeness by content, and what is bought together."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from honeyguide.errors import DamagedArtefact
from honeyguide.models.artefact import load_parts
from honeyguide.protocols import Companions, Content, Items
from honeyguide.retrieval import together
from honeyguide.retrieval.content import CONTENT, ContentIndex, ContentSpace, Fill
from honeyguide.retrieval.index import GRAPH, Indexed, restored
from honeyguide.types import Json

Made = TypeVar("Made")


def load_content(folder: Path, items: Items, more: Fill | None = None) -> Content | None:
    """The index over these items, all of their vectors computed (`more` may know some that they lack); None where the
    training left none.

    Raises `DamagedArtefact`."""
    made = _made(folder, CONTENT, lambda arrays, about: _space_and_index(folder, items, arrays, about))
    if made is None:
        return None
    index = ContentIndex(made[0], items, more, made[1])
    index.vectors(items, np.empty(0, np.int32))
    return index


def _space_and_index(
    folder: Path, items: Items, arrays: Mapping[str, NDArray[Any]], about: Json
) -> tuple[ContentSpace, Indexed | None]:
    space, told = ContentSpace.of(arrays, about), about.get("index")
    if told is None:
        return space, None
    graph = restored(folder / GRAPH, space.size, told)
    return space, Indexed.over(items, graph, about["items"], arrays["changed"])


def load_companions(folder: Path, n_items: int) -> Companions | None:
    """What is bought together, of a version of so many items; None where none was left. Raises `DamagedArtefact`."""
    return _made(folder, together.TOGETHER, lambda arrays, _: together.Companions.of_arrays(arrays, n_items))


def _made(folder: Path, name: str, make: Callable[[Mapping[str, NDArray[Any]], Json], Made]) -> Made | None:
    found = load_parts(folder, name)
    if found is None:
        return None
    try:
        return make(*found)
    except (ValueError, LookupError, TypeError) as error:
        cure = "Train again: honeyguide train."
        raise DamagedArtefact(f"The part {name!r} in {folder} cannot be used: {error}.", cure=cure) from error
