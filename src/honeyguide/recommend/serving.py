"""The model versions that are served now, and how they are exchanged without a failed request."""

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog

from honeyguide.clock import Clock
from honeyguide.errors import DamagedArtefact, NotFound
from honeyguide.features import ItemBlock
from honeyguide.models.artefact import load
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Artefacts, Registry, ServedModel
from honeyguide.retrieval.learned import no_history, tie_to_block
from honeyguide.types import LIVE, ModelVersion

log = structlog.get_logger(__name__)

_KEPT = 4  # versions held in memory beside those that aliases point at
LAST_POPULAR = 600


@dataclass(frozen=True, slots=True)
class Pair:
    """A version and the popularity version of the same training run; what one list is made with."""

    model: ServedModel | None
    popular: ServedModel | None

    @property
    def label(self) -> str:
        """`ease@7`, `popular@7`, or nothing."""
        served = self.model or self.popular
        return served.label if served else ""


class ServingModels:
    """Loads what the aliases point at; a version that does not load leaves the one before it in place.

    `count_popular` makes the popularity version `live@S` from the log up to sequence S; `on_switch` is called after the
    served versions have changed."""

    def __init__(
        self,
        registry: Registry,
        artefacts: Artefacts,
        items: ItemBlock,
        clock: Clock,
        metrics: Metrics,
        last_popular: Path,
        count_popular: Callable[[int], ServedModel],
        on_switch: Callable[[], None],
    ) -> None:
        self._registry, self._artefacts, self._items = registry, artefacts, items
        self._clock, self._metrics = clock, metrics
        self._last_popular, self._count_popular, self._on_switch = last_popular, count_popular, on_switch
        self._wanted: dict[str, ModelVersion] = {}
        self._pairs: dict[str, Pair] = {}
        self._loaded: OrderedDict[str, ServedModel] = OrderedDict()
        self._baseline: ServedModel | None = None
        self.refused: dict[str, str] = {}

    @property
    def champion(self) -> Pair:
        """What is served where nothing else is asked for."""
        return self._pairs.get("champion", Pair(None, self._baseline))

    def aliases(self) -> dict[str, str]:
        """Alias -> label of the version that is served under it."""
        return {alias: pair.label for alias, pair in self._pairs.items()}

    def pair(self, name: str) -> Pair:
        """The versions for an alias or `model@version`; raises NotFound or InvalidInput with the names there are."""
        if name in self._pairs:
            return self._pairs[name]
        if name == "champion":
            return self.champion
        model, _, version = name.partition("@")
        if model == LIVE and version.isdigit() and len(version) < 19:
            return Pair(None, self._live(name, int(version)))
        if version.isdigit() and len(version) < 10:
            return self._load_pair(self._registry.version(model, int(version)))
        if not version and name in {found.model for found in self._registry.versions(name)}:
            return self._load_pair(self._registry.versions(name)[0])
        known = ", ".join(sorted({*self._pairs, *(found.label for found in self._registry.versions()[:20])})) or "none"
        raise NotFound(f"There is no model {name!r}.", cure=f"Known: {known}. Train one with 'honeyguide train'.")

    def refresh(self) -> bool:
        """Load what the aliases point at now; True if anything served has changed.

        A version that cannot be read leaves what was served under its alias in place, or at the start the version before
        it; `refused` names it until the alias moves on."""
        wanted = self._registry.aliases()
        changed = False
        for alias, version in wanted.items():
            if self._wanted.get(alias) == version:
                continue
            self._wanted[alias] = version
            self.refused.pop(alias, None)
            changed |= self._try(alias, version) or self._try_previous(alias)
        for alias in set(self._wanted) - set(wanted):
            self.refused.pop(alias, None)
            del self._wanted[alias]
            changed |= self._pairs.pop(alias, None) is not None
        if changed:
            self._remember_popular()
            self._on_switch()
        return changed

    def _try(self, alias: str, version: ModelVersion) -> bool:
        try:
            self._pairs[alias] = self._load_pair(version)
        except DamagedArtefact as error:
            self.refused.setdefault(alias, f"{version.label}: {error}")
            self._metrics.model_load_failures.labels(version.model).inc()
            log.error("model version refused, the one before it stays", version=version.label, reason=str(error))
            return False
        self._announce(alias, version)
        return True

    def _try_previous(self, alias: str) -> bool:
        previous = None if alias in self._pairs else self._registry.previous(alias)
        return previous is not None and self._try(alias, previous)

    def set_baseline(self, served: ServedModel) -> None:
        """Serve popularity counted from the log while nothing is trained."""
        self._baseline = served
        self._remember_popular()
        self._on_switch()

    def last_known_popular(self) -> list[str]:
        """Ids from the file that the last good popularity left behind; empty if there is none."""
        try:
            found = json.loads(self._last_popular.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return [item_id for item_id in found if isinstance(item_id, str)] if isinstance(found, list) else []

    def _announce(self, alias: str, version: ModelVersion) -> None:
        for labels in list(self._metrics.model_info._metrics):
            if labels[1] == alias:
                self._metrics.model_info.remove(*labels)
        self._metrics.model_info.labels(version.model, alias, str(version.version)).set(1)
        self._metrics.model_loaded.labels(version.model, alias).set(self._clock.now_ms() / 1000)
        self._metrics.model_trained.labels(version.model).set(version.created_at / 1000)

    def _load_pair(self, version: ModelVersion) -> Pair:
        model = self._load(version.label, version.model, version.version)
        companion = version.manifest.get("companions", {}).get("popular", "")
        name, _, number = companion.partition("@")
        if version.model == "popular":
            return Pair(None, model)
        return Pair(model, self._load(companion, name, int(number)) if number.isdigit() else self._baseline)

    def _live(self, label: str, sequence: int) -> ServedModel:
        """Popularity counted up to a log position, kept like any other version since it costs a read of the log."""
        if self._baseline is not None and self._baseline.label == label:
            return self._baseline
        if label not in self._loaded:
            self._loaded[label] = self._count_popular(sequence)
            self._forget_old()
        return self._loaded[label]

    def _load(self, label: str, model: str, version: int) -> ServedModel:
        if label in self._loaded:
            self._loaded.move_to_end(label)
            return self._loaded[label]
        loaded = load(self._artefacts.path(model, version))
        served = tie_to_block(label, loaded.model, loaded.item_ids, loaded.manifest.get("segments", []), self._items)
        self._loaded[label] = served
        self._forget_old()
        return served

    def _forget_old(self) -> None:
        in_use = {id(model) for pair in self._pairs.values() for model in (pair.model, pair.popular)}
        idle = [label for label, model in self._loaded.items() if id(model) not in in_use]
        for label in idle[:-_KEPT]:
            del self._loaded[label]

    def _remember_popular(self) -> None:
        served = self.champion.popular
        if served is None:
            return
        scores = served.model.scores(no_history())[0]
        best = served.rows[np.argsort(-scores, kind="stable")]
        ids = [self._items.ids[row] for row in best[best >= 0][:LAST_POPULAR].tolist()]
        beside = self._last_popular.with_suffix(".new")
        try:
            beside.write_text(json.dumps(ids), encoding="utf-8")
            beside.replace(self._last_popular)
        except OSError as error:
            self._metrics.background_errors.labels("last_popular").inc()
            log.warning("last known popular items not written", reason=str(error))
