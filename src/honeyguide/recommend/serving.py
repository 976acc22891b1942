"""Loads the versions that aliases point at, beside the loop that answers, and exchanges them in one step of it."""

import asyncio
import json
import threading
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from tempfile import mkstemp

import numpy as np
import structlog

from honeyguide.clock import Clock
from honeyguide.errors import DamagedArtefact, NotFound
from honeyguide.features import ItemBlock
from honeyguide.models.artefact import load, load_parts
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Artefacts, Content, Ranker, Registry, ServedModel
from honeyguide.ranking.learned import VOICE, LearnedRanker, part_of
from honeyguide.recommend.beside import load_companions, load_content
from honeyguide.recommend.lineup import Lineup, Pair
from honeyguide.retrieval.content import Fill
from honeyguide.retrieval.learned import no_history, tie_to_block
from honeyguide.types import LIVE, ModelVersion

__all__ = ["Lineup", "Pair", "ServingModels"]

log = structlog.get_logger(__name__)

_KEPT = 4  # versions held in memory beside those that aliases point at, and line-ups held for the pages of their lists
LAST_POPULAR = 600


class ServingModels:
    """Loads what the aliases point at; a version that does not load leaves the one before it in place.

    `lineup` is what is served now: replaced as a whole on the event loop, so that whoever took it goes on with it. Files
    and log are read on other threads. `count_popular` makes the popularity version `live@S` from the log up to sequence S;
    `on_switch` is told after the served versions have changed; `before_switch`, where it is set, prepares for it; `more`
    knows vectors of items that lack one."""

    def __init__(
        self,
        registry: Registry,
        artefacts: Artefacts,
        items: ItemBlock,
        clock: Clock,
        metrics: Metrics,
        last_popular: Path,
        count_popular: Callable[[int], ServedModel],
        on_switch: Callable[[Lineup], None],
        more: Fill | None = None,
    ) -> None:
        self._registry, self._artefacts, self._items = registry, artefacts, items
        self._clock, self._metrics = clock, metrics
        self._last_popular, self._count_popular, self._on_switch = last_popular, count_popular, on_switch
        self.before_switch: Callable[[Lineup], Awaitable[None]] = _nothing
        self._wanted: dict[str, ModelVersion] = {}
        self._loaded: OrderedDict[str, ServedModel] = OrderedDict()
        self._more = more
        self._contents: dict[str, Content | None] = {}
        self._loading = threading.Lock()
        self._refreshing = asyncio.Lock()
        self._past: deque[Lineup] = deque(maxlen=_KEPT)
        self.lineup = Lineup()

    def aliases(self) -> dict[str, str]:
        """Alias -> label of the version that is served under it."""
        return self.lineup.labels()

    def before(self, digest: str) -> Lineup | None:
        """A line-up that was served until lately, by its digest."""
        return next((past for past in self._past if past.digest == digest), None)

    async def pair(self, name: str, lineup: Lineup | None = None) -> Pair:
        """The versions for an alias or `model@version`; raises NotFound or DamagedArtefact, the former with the names there
        are. What is not in memory is read on another thread."""
        lineup = lineup or self.lineup
        found = lineup.pair(name)
        return found if found is not None else await asyncio.to_thread(self._find, name, lineup)

    def _find(self, name: str, lineup: Lineup) -> Pair:
        model, _, version = name.partition("@")
        if model == LIVE and version.isdigit() and len(version) < 19:
            return Pair(None, self._live(name, int(version), lineup))
        if version.isdigit() and len(version) < 10:
            return self._load_pair(self._registry.version(model, int(version)), lineup)
        versions = self._registry.versions(name) if not version else []
        if versions:
            return self._load_pair(versions[0], lineup)
        known = ", ".join(sorted({*lineup.pairs, *(found.label for found in self._registry.versions()[:20])})) or "none"
        raise NotFound(f"There is no model {name!r}.", cure=f"Known: {known}. Train one with 'honeyguide train'.")

    async def refresh(self) -> bool:
        """Load what the aliases point at now; True if anything served has changed.

        A version that cannot be read leaves what was served under its alias in place, or at the start the version before
        it; `lineup.refused` names it until the alias moves on."""
        async with self._refreshing:
            wanted = await asyncio.to_thread(self._registry.aliases)
            if wanted == self._wanted:
                return False
            loaded = await asyncio.to_thread(self._load_wanted, wanted, self.lineup)
            lineup = replace(self.lineup, pairs=loaded.pairs, refused=loaded.refused)
            if lineup.digest != self.lineup.digest:
                await self.before_switch(lineup)
            self._wanted = wanted
            changed = self._switch(replace(self.lineup, pairs=loaded.pairs, refused=loaded.refused))
        if changed:
            await asyncio.to_thread(self._remember_popular, self.lineup)
        return changed

    async def set_baseline(self, served: ServedModel) -> None:
        """Serve popularity counted from the log while nothing is trained."""
        self._switch(replace(self.lineup, baseline=served))
        await asyncio.to_thread(self._remember_popular, self.lineup)

    def _switch(self, lineup: Lineup) -> bool:
        before, self.lineup = self.lineup, lineup
        if before.digest == lineup.digest:
            return False
        self._past.append(before)
        self._on_switch(lineup)
        return True

    def _load_wanted(self, wanted: dict[str, ModelVersion], now: Lineup) -> Lineup:
        """The line-up after `now` for what the aliases point at."""
        pairs = {alias: now.pairs[alias] for alias in now.pairs if alias in wanted}
        refused = {alias: reason for alias, reason in now.refused.items() if self._wanted.get(alias) == wanted.get(alias)}
        for alias, version in wanted.items():
            if self._wanted.get(alias) == version:
                continue
            if not self._try(alias, version, now, pairs, refused) and alias not in pairs:
                previous = self._registry.previous(alias)
                if previous is not None:
                    self._try(alias, previous, now, pairs, refused)
        return Lineup(pairs, now.baseline, refused)

    def _try(self, alias: str, version: ModelVersion, now: Lineup, pairs: dict[str, Pair], refused: dict[str, str]) -> bool:
        try:
            pairs[alias] = self._load_pair(version, now)
        except DamagedArtefact as error:
            refused.setdefault(alias, f"{version.label}: {error}")
            self._metrics.model_load_failures.labels(version.model).inc()
            log.error("model version refused, the one before it stays", version=version.label, reason=str(error))
            return False
        self._announce(alias, version)
        return True

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

    def _load_pair(self, version: ModelVersion, lineup: Lineup) -> Pair:
        model = self._load(version.label, version.model, version.version)
        if version.model == "popular":
            return Pair(None, model, self._content(version.label, version.model, version.version))
        companions = companions_of(version)
        if "popular" not in companions:
            return Pair(model, lineup.baseline)
        voices = {role[len(VOICE) :]: named for role, named in companions.items() if role.startswith(VOICE)}
        return Pair(
            model,
            self._load(*companions["popular"]),
            self._content(*companions["popular"]),
            self._rankers(version),
            {name: self._load(*named) for name, named in voices.items()},
        )

    def _rankers(self, version: ModelVersion) -> dict[str, Ranker]:
        """Those that training has let pass, by surface."""
        folder = self._artefacts.path(version.model, version.version)
        found = {
            surface: load_parts(folder, part_of(surface), whole=True) for surface in version.manifest.get("rankers", {})
        }
        return {surface: LearnedRanker.of(version.label, *told) for surface, told in found.items() if told is not None}

    def _live(self, label: str, sequence: int, lineup: Lineup) -> ServedModel:
        """Popularity counted up to a log position, kept like any other version since it costs a read of the log."""
        if lineup.baseline is not None and lineup.baseline.label == label:
            return lineup.baseline
        return self._kept(label, lambda: self._count_popular(sequence))

    def _load(self, label: str, model: str, version: int) -> ServedModel:
        def read() -> ServedModel:
            folder = self._artefacts.path(model, version)
            loaded = load(folder)
            served = tie_to_block(label, loaded.model, loaded.item_ids, loaded.manifest.get("segments", []), self._items)
            return replace(served, companions=load_companions(folder, len(loaded.item_ids)))

        return self._kept(label, read)

    def _content(self, label: str, model: str, version: int) -> Content | None:
        """Likeness by content, which a training leaves with its popularity version; kept as long as that is."""
        with self._loading:
            if label not in self._contents:
                found = self._contents[label] = load_content(self._artefacts.path(model, version), self._items, self._more)
                if found is not None:
                    self._metrics.retrieval_recall.labels("content").set(found.recall)
            self._contents = {name: found for name, found in self._contents.items() if name in self._loaded}
            return self._contents[label]

    def _kept(self, label: str, read: Callable[[], ServedModel]) -> ServedModel:
        """The version if it is in memory, else what `read` gives; one at a time, so that nothing is read twice."""
        with self._loading:
            if label in self._loaded:
                self._loaded.move_to_end(label)
                return self._loaded[label]
            served = self._loaded[label] = read()
            self._forget_old()
            return served

    def _forget_old(self) -> None:
        pairs = self.lineup.pairs.values()
        in_use = {id(model) for pair in pairs for model in (pair.model, pair.popular, *pair.voices.values())}
        idle = [label for label, model in self._loaded.items() if id(model) not in in_use]
        for label in idle[:-_KEPT]:
            del self._loaded[label]

    def _remember_popular(self, lineup: Lineup) -> None:
        served = lineup.champion.popular
        if served is None:
            return
        scores = served.model.scores(no_history())[0]
        best = served.rows[np.argsort(-scores, kind="stable")]
        ids = [self._items.ids[row] for row in best[best >= 0][:LAST_POPULAR].tolist()]
        try:
            _write_whole(self._last_popular, json.dumps(ids))
        except OSError as error:
            self._metrics.background_errors.labels("last_popular").inc()
            log.warning("last known popular items not written", reason=str(error))


Named = tuple[str, str, int]
"""A version: label, model, number."""


def companions_of(version: ModelVersion) -> dict[str, Named]:
    """The versions that one is served with, by their role: `popular`, `voice:MODEL`."""
    found: dict[str, Named] = {}
    for role, label in version.manifest.get("companions", {}).items():
        name, _, number = str(label).partition("@")
        if number.isdigit():
            found[role] = (label, name, int(number))
    return found


async def _nothing(lineup: Lineup) -> None:
    return


def _write_whole(path: Path, text: str) -> None:
    """Write beside the file and rename, under a name that no other process on the folder uses."""
    handle, beside = mkstemp(prefix=path.stem, suffix=".new", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(beside).replace(path)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise
