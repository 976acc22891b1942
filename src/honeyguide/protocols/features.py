"""The seams of feature views."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from honeyguide.types import FeatureCheck, FeatureRows, FloatArray, FoldMark, IntArray


class FeatureStates(Protocol):
    """Aggregates of feature views, folded from the log: a state of bytes per user or item, in groups.

    A group belongs to one set of views (`features.plan.Plan.group`); it begins with its entity and a dash."""

    async def read(
        self, users: Collection[str] = (), user_group: str = "", items: Collection[str] = (), item_group: str = ""
    ) -> FeatureRows:
        """What the features of these users and items are read from, in one snapshot and one round trip.

        Users have no events in their state (`user_state` has them), merges are followed; items without a state are left
        out."""

    def mark(self, group: str) -> FoldMark | None:
        """How far a group is folded; None if it was never begun."""

    def groups(self) -> dict[str, FoldMark]:
        """All groups that were begun."""

    def states(self, group: str, ids: Collection[str]) -> dict[str, bytes]:
        """Those states of a group that there are."""

    def scan(self, group: str) -> Iterator[list[tuple[str, bytes]]]:
        """All (id, state) of a group in order of id, in batches of one short read each."""

    def advance(self, group: str, states: Mapping[str, bytes], *, after: int, sequence: int) -> None:
        """Store states that are folded from `after` on up to `sequence`, atomically with the mark.

        Raises `Conflict` if the group is not folded up to `after` (0 for one that was never begun): somebody else folds."""

    def amend(self, group: str, states: Mapping[str, bytes | None], *, at: int) -> None:
        """Replace (None: remove) states otherwise than by folding on, at the position `at` up to which the group is folded;
        its generation rises. Raises `Conflict` if the group is not at `at`."""

    def forget(self, entity: str, ids: Collection[str]) -> None:
        """Remove the states of these users (`entity` is `user`) or items from all groups; generations rise."""

    def drop(self, group: str) -> None:
        """Remove a group; nothing happens if there is none."""

    def checked(self) -> FeatureCheck:
        """How served features last compared with the log; an empty one at first."""

    def note_check(self, check: FeatureCheck) -> None:
        """Keep how they compare."""


class UserFeatures(Protocol):
    """The feature values of the user of a request; worked out when first asked for."""

    def value(self, view: str) -> Any:
        """What a view says, as JSON would hold it; None where nothing is known, and for a view that is not there."""

    def numbers(self, views: Sequence[str]) -> FloatArray:
        """float32 [views]; NaN where nothing is known, and for what is no number."""


class ItemFeatures(Protocol):
    """Feature views of items at one moment (`features.Columns`): it never changes, the next one takes its place.

    `exact` says that nothing is in it from after log position `sequence`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The views that are columns."""

    @property
    def sequence(self) -> int:
        """The log position up to which events are in."""

    @property
    def computed_at(self) -> int:
        """The moment of windows and ages, in ms."""

    @property
    def exact(self) -> bool:
        """Whether nothing is in it from after that position."""

    def gather(self, rows: IntArray, names: Sequence[str]) -> FloatArray:
        """float32 [rows, names]; NaN where nothing is known, and for names that are no column."""
