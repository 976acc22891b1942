"""Whether a version still knows the shop: its items held against the catalogue and against the version that it replaces.

A feed that broke off halves the items; a catalogue under new ids has none of them. Models of both score well on the past.
"""

from collections.abc import Collection, Sequence

from honeyguide.config.settings import Training
from honeyguide.errors import GateNotMet
from honeyguide.models.artefact import load
from honeyguide.protocols import Artefacts, CatalogueTable, Registry
from honeyguide.types import ModelVersion

_CURE = "What serves goes on serving. If that is how the shop is now: "


def overlap(items: Collection[str], catalogue: Collection[str]) -> float:
    """How much two sets have in common, as a share of the smaller one (Szymkiewicz, Simpson); 1 where one is empty.

    Items that left the catalogue long ago do not lower it, nor do those that nobody has touched yet."""
    smaller = min(len(items), len(catalogue))
    return len(set(items).intersection(catalogue)) / smaller if smaller else 1.0


class ItemCheck:
    """The part of the gate that looks at items; `training.min_items` and `training.min_overlap` say what passes."""

    def __init__(self, catalogue: CatalogueTable, artefacts: Artefacts, registry: Registry, training: Training) -> None:
        self._catalogue, self._artefacts, self._registry = catalogue, artefacts, registry
        self._training = training

    def version(self, alias: str, version: ModelVersion) -> None:
        """Check a version that is to be served under an alias. Raises `GateNotMet`, or `DamagedArtefact`."""
        loaded = load(self._artefacts.path(version.model, version.version))
        self.items(alias, version.label, loaded.item_ids)

    def items(self, alias: str, label: str, items: Sequence[str]) -> None:
        """The same for the items of one that is not published yet."""
        before = self._registry.aliases().get(alias)
        had = int(before.manifest.get("items", 0)) if before is not None else 0
        if before is not None and before.label != label and len(items) < self._training.min_items * had:
            raise GateNotMet(
                f"{label} knows {len(items)} items, and {before.label}, which it would replace as {alias}, knows {had}: "
                f"fewer than {self._training.min_items:.0%} are left.",
                cure=f"{_CURE}lower training.min_items.",
                code="items_shrunk",
            )
        common = overlap(items, there := self._catalogue.item_ids())
        if common < self._training.min_overlap:
            raise GateNotMet(
                f"{label} knows {len(items)} items and the catalogue has {len(there)}, but only {common:.0%} of the fewer "
                "are the same: it looks as if the ids of the catalogue had changed.",
                cure=f"{_CURE}lower training.min_overlap, or import events under the new ids and train again.",
                code="items_unknown",
            )
