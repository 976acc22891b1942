"""The space in which items are alike by content, found with each training."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import HoneyguideError
from honeyguide.outbound import Outbound
from honeyguide.protocols import CatalogueTable, Described
from honeyguide.retrieval.content import ContentSpace, fit_content
from honeyguide.retrieval.embeddings import Embeddings
from honeyguide.retrieval.index import EXACT_BELOW, LEAST_RECALL, Graph, build
from honeyguide.stores.vectors import FileVectors
from honeyguide.types import Item, Json, LongArray

log = structlog.get_logger(__name__)


def embeddings_of(settings: Settings, clock: Clock, outbound: Outbound | None = None) -> Embeddings | None:
    """The embeddings that the configuration names, kept in the data directory. Raises `ConfigError` for an endpoint that may
    not be called."""
    spec, hosts = settings.embeddings, settings.outbound
    if not spec.url:
        return None
    outbound = outbound or Outbound(hosts.hosts, hosts.private_hosts, clock)
    outbound.check(spec.url)
    return Embeddings(
        outbound,
        FileVectors(settings.project.data_dir / "embeddings.db"),
        url=spec.url,
        model=spec.model,
        fields=settings.content.fields,
        key=spec.key.get_secret_value() if spec.key else "",
        batch=spec.batch,
        timeout=spec.timeout,
    )


@dataclass(frozen=True, slots=True)
class FittedContent:
    """The space, and for a large catalogue a graph whose number n is `item_ids[n]` as it was at `changed[n]`."""

    space: ContentSpace
    graph: Graph | None = None
    item_ids: Sequence[str] = ()
    changed: LongArray = field(default_factory=lambda: np.zeros(0, np.int64))

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """All of it but the graph as named arrays; `about` has the rest."""
        return {**self.space.arrays(), "changed": self.changed}

    def about(self) -> Json:
        """What is no array."""
        about = {**self.space.about(), "items": list(self.item_ids)}
        if self.graph is not None:
            about["index"] = {"wide": self.graph.wide, "recall": self.graph.recall}
        return about


def content_of(
    catalogue: CatalogueTable, settings: Settings, clock: Clock, *, exact_below: int = EXACT_BELOW
) -> tuple[FittedContent | None, tuple[str, ...]]:
    """The space of all items that there are, None where nothing says what they are like; and notes: of an endpoint that did
    not say all that it was asked, so that those vectors count that are known already, and of the index."""
    content, notes = settings.content, list[str]()
    embeddings = embeddings_of(settings, clock)
    if embeddings is not None:
        try:
            for batch in _batches(catalogue):
                embeddings.fetch([described(item) for item in batch], len(batch))
        except HoneyguideError as error:
            notes.append(f"Not all texts have their embeddings: {error}")

    def contents() -> Iterator[list[Described]]:
        for batch in _batches(catalogue):
            found = [described(item) for item in batch]
            yield found if embeddings is None else embeddings.filled(found)

    space = fit_content(
        (each for batch in contents() for each in batch), content.fields, content.dimensions, seed=settings.training.seed
    )
    if not space.size:
        return None, tuple(notes)
    about = [(item.item_id, item.sequence) for batch in _batches(catalogue) for item in batch]
    if len(about) <= exact_below:
        return FittedContent(space), tuple(notes)
    vectors = np.concatenate([space.vectors(batch) for batch in contents()])
    graph = build(vectors, seed=settings.training.seed)
    found = f"The index of {len(vectors)} items by content finds {graph.recall:.2%} of the 100 nearest"
    log.info("content index built", items=len(vectors), recall=round(graph.recall, 5), wide=graph.wide)
    if graph.recall < LEAST_RECALL:
        return FittedContent(space), (*notes, f"{found}, which is too few: all items are looked at instead.")
    ids, changed = zip(*about, strict=True)
    return FittedContent(space, graph, ids, np.array(changed, np.int64)), (*notes, f"{found}.")


def _batches(catalogue: CatalogueTable) -> Iterator[list[Item]]:
    for batch in catalogue.scan_items():
        yield [item for item in batch if item.deleted_at is None]


def described(item: Item) -> Described:
    """The content of an item, as the item block has it."""
    vector = None if item.vector is None else np.array(item.vector, np.float32)
    return Described(item.title, item.categories, item.properties, vector)
