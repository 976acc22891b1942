"""What the models share: hyper-parameters as checked fields, the trained state as named arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from honeyguide.errors import ConfigError, DamagedArtefact, InvalidInput, NotEnoughMemory
from honeyguide.models.resources import free_memory
from honeyguide.types import Interactions, Json

_EVENT_BYTES: Final = 100  # of an event while events become a matrix: keys, their order, and copies of both


def setting(default: Any, low: float, high: float, doc: str) -> Any:
    """A hyper-parameter: its default, the closed range that it may have, and what it does."""
    return field(default=default, metadata={"low": low, "high": high, "doc": doc})


def choice(default: str, options: Sequence[str], doc: str) -> Any:
    """A hyper-parameter that is one of some words: its default, all of them, and what it does."""
    return field(default=default, metadata={"options": tuple(options), "doc": doc})


def words(default: str, doc: str) -> Any:
    """A hyper-parameter that is a text: its default, and what it does."""
    return field(default=default, metadata={"words": True, "doc": doc})


def table(default: Mapping[str, Any], doc: str) -> Any:
    """A hyper-parameter that is a table of values by name: its default, and what it does."""
    return field(default_factory=lambda: dict(default), metadata={"table": True, "doc": doc})


def take(arrays: Mapping[str, object], name: str, dtype: type[np.generic], *shape: int) -> NDArray[Any]:
    """The array `name`, checked: of this dtype, of this shape (-1: any length). Raises `DamagedArtefact`."""
    array = arrays.get(name)
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != len(shape):
        raise DamagedArtefact(
            f"The model's array {name!r} is missing or is not a {len(shape)}-dimensional {np.dtype(dtype).name}.",
            cure="Train again: honeyguide train.",
        )
    if any(want not in (-1, have) for want, have in zip(shape, array.shape, strict=True)):
        raise DamagedArtefact(
            f"The model's array {name!r} has shape {array.shape}, not {shape}.", cure="Train again: honeyguide train."
        )
    return array


def take_links(arrays: Mapping[str, object]) -> csr_array:
    """A square sparse matrix from `indptr` int64, `indices` int32 and `data` float32, checked. Raises `DamagedArtefact`."""
    indptr = take(arrays, "indptr", np.int64, -1)
    indices = take(arrays, "indices", np.int32, -1)
    data = take(arrays, "data", np.float32, len(indices))
    n = len(indptr) - 1
    rising = n >= 0 and indptr[0] == 0 and indptr[-1] == len(indices) and bool((np.diff(indptr) >= 0).all())
    if not rising or (len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < n):
        raise DamagedArtefact("The model's links point outside of its items.", cure="Train again: honeyguide train.")
    if len(indices) < np.iinfo(np.int32).max:
        indptr = indptr.astype(np.int32)  # the width of `indices`: else scipy widens those with each request
    return csr_array((data, indices, indptr), shape=(n, n))


@dataclass(kw_only=True, eq=False)
class Trained:
    """Base of the models: fields made with `setting` are hyper-parameters, the others are trained state."""

    name: ClassVar[str]
    personal: ClassVar[bool] = True
    """Whether scores depend on the history."""
    quick: ClassVar[bool] = True
    """Whether a fit is a matter of seconds; the others are fitted only where they are named."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            if spec.init:
                self._check(spec.name, getattr(self, spec.name), spec.type, spec.metadata)

    def _check(self, name: str, value: object, kind: object, metadata: Mapping[str, Any]) -> None:
        if "options" in metadata:
            if value not in metadata["options"]:
                cure = f"Set it to one of: {', '.join(metadata['options'])}."
                raise ConfigError(f"models.params.{self.name}.{name} is {value!r}.", cure=cure)
            return
        if "table" in metadata:
            if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
                cure = "Set it to a table of values by name."
                raise ConfigError(f"models.params.{self.name}.{name} is {value!r}.", cure=cure)
            return
        if "words" in metadata:
            if not isinstance(value, str):
                raise ConfigError(f"models.params.{self.name}.{name} is {value!r}.", cure="Set it to a text.")
            return
        number = isinstance(value, int if kind in (int, "int") else int | float) and not isinstance(value, bool)
        low, high = metadata["low"], metadata["high"]
        if not number or not low <= value <= high:
            kind_name = "a whole number" if kind in (int, "int") else "a number"
            raise ConfigError(
                f"models.params.{self.name}.{name} is {value!r}.", cure=f"Set it to {kind_name} from {low:g} to {high:g}."
            )

    def __getattr__(self, name: str) -> Any:
        if any(spec.name == name and not spec.init for spec in fields(self)):
            raise InvalidInput(f"This {self.name} model is not trained.", cure="Call fit first; it returns the model.")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def peak_bytes(self, n_users: int, n_items: int, n_events: int) -> int:
        """About the most memory that `fit` takes at once, beside the data itself: an upper estimate, from sizes alone."""
        return _EVENT_BYTES * n_events + 64 * (n_users + n_items)

    def admitted(self, interactions: Interactions, *, dislikes: bool = False) -> Interactions:
        """The data as a fit takes it: rows that weigh nothing are left out, and those of negative weight, which say that
        somebody disliked an item, where `dislikes` is false.

        Raises `InvalidInput` for numbers that are none or are out of range, `NotEnoughMemory` before anything is begun."""
        _check_rows(self.name, interactions)
        needed, have = self.peak_bytes(interactions.n_users, interactions.n_items, len(interactions.users)), free_memory()
        if needed > have:
            raise NotEnoughMemory(
                f"{self.name} over {interactions.n_users} users, {interactions.n_items} items and "
                f"{len(interactions.users)} events needs about {needed / 1e9:.2f} GB of memory; {have / 1e9:.2f} are free.",
                cure=self._cure_of_memory(interactions, have),
            )
        kept = interactions.weights != 0 if dislikes else interactions.weights > 0
        return interactions if bool(kept.all()) else interactions.only(kept)

    def _cure_of_memory(self, interactions: Interactions, have: int) -> str:
        """What to do about a model that does not fit."""
        return f"Free some, or leave {self.name!r} out of models.train."

    def params(self) -> Json:
        """The hyper-parameters, as JSON; `type(self)(**params)` is an untrained twin."""
        return {spec.name: getattr(self, spec.name) for spec in fields(self) if spec.init}


def _check_rows(name: str, data: Interactions) -> None:
    """Raise `InvalidInput` for data that no model can be fitted on."""
    cure = "Leave such events out; honeyguide import and honeyguide train do."
    bad = int(np.count_nonzero(~np.isfinite(data.weights)))
    if bad:
        raise InvalidInput(f"{bad} of {len(data.weights)} weights given to {name} are not finite numbers.", cure=cure)
    for what, numbers, n in (("user", data.users, data.n_users), ("item", data.items, data.n_items)):
        if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < n:
            raise InvalidInput(f"There are {what} numbers given to {name} that are not in 0 to {n - 1}.", cure=cure)
