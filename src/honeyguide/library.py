"""The three verbs as a library: `with Honeyguide.open("shop.toml") as hg: hg.ingest(df); hg.train(); hg.recommend("u42")`.

Everything is done by the same runtime that the server uses, on an event loop in a thread of its own; the methods here
wait for it. Tables go in and come out as polars frames; pandas and Arrow tables go in as well.
"""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, cast

import msgspec
import polars as pl

from honeyguide.bootstrap import Runtime, open_runtime
from honeyguide.clock import Clock
from honeyguide.config import Settings, load
from honeyguide.errors import FieldError, InvalidInput, Unavailable
from honeyguide.experiments.plan import Results
from honeyguide.features.online import FeatureRead
from honeyguide.features.replay import replay
from honeyguide.messages import (
    EventIn,
    Explanation,
    IngestReport,
    ItemIn,
    Merged,
    Query,
    Ranking,
    Rejected,
    SessionEvent,
    Slate,
    UserIn,
)
from honeyguide.recommend.given import of_session, ranking, to_rank
from honeyguide.recommend.neighbours import Neighbours
from honeyguide.train import TrainReport, train
from honeyguide.types import Job, Json

__all__ = ["Honeyguide"]

T = TypeVar("T")
Kind = Literal["events", "items", "users"]
_MESSAGES: dict[str, type[EventIn] | type[ItemIn] | type[UserIn]] = {"events": EventIn, "items": ItemIn, "users": UserIn}
_CHUNK = 10_000


class Honeyguide:
    """One open project. Use `Honeyguide.open`, as a context manager or with `close`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="honeyguide", daemon=True)
        self._thread.start()
        # polars sets its handler of ctrl-C so that waits begin again: without this, `run` would not hear it.
        signal.siginterrupt(signal.SIGINT, True)
        self.run(runtime.start())

    @classmethod
    def open(
        cls,
        source: str | Path | Settings | None = None,
        *,
        data_dir: str | Path | None = None,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Open a project by its TOML file, its settings, or what `honeyguide` finds in the current folder and environment.

        Raises ConfigError for a configuration that does not fit, Unavailable when the storage does not open."""
        if isinstance(source, Settings):
            settings = source
            if data_dir is not None:
                project = settings.project.model_copy(update={"data_dir": Path(data_dir)})
                settings = settings.model_copy(update={"project": project})
        else:
            overrides = {} if data_dir is None else {"project.data_dir": str(data_dir)}
            path = None if source is None else Path(source)
            settings = load(path, environ=os.environ if environ is None else environ, overrides=overrides).settings
        return cls(open_runtime(settings, clock, config_options=["--data-dir", str(settings.project.data_dir)]))

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.runtime.settings

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine on the runtime's loop."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def ingest(self, data: object, kind: Kind = "events", *, imported: bool = True) -> IngestReport:
        """Append events, or put items or users, from a frame (polars, pandas, Arrow) or an iterable of dicts.

        `imported` marks history that happened before now; pass False for what is happening. A row that does not fit is in
        `rejected` with its position and the cure; the others are taken."""
        report = IngestReport()
        for start, rows in _chunks(data):
            messages, faults = _convert(rows, kind)
            part = self.run(self._take(messages, kind, imported))
            kept = [place for place, message in enumerate(messages) if not isinstance(message, Rejected)]
            _add(report, part, faults, kept, start)
        self.run(self.runtime.baseline.round())
        return report

    async def _take(self, messages: Sequence[Any], kind: Kind, imported: bool) -> IngestReport:
        good = [message for message in messages if not isinstance(message, Rejected)]
        ingest = self.runtime.ingest
        if kind == "events":
            return await ingest.events(good, imported=imported)
        return await (ingest.put_items(good) if kind == "items" else ingest.put_users(good))

    def train(
        self, models: Sequence[str] | None = None, *, progress: Callable[[str, float], None] | None = None
    ) -> TrainReport:
        """Train on the log as it is now, publish, and serve the best. Raises NotEnoughData or GateNotMet."""
        runtime = self.runtime
        report = train(
            runtime.store,
            runtime.artefacts,
            runtime.settings,
            runtime.clock,
            models=models,
            searches=runtime.searches,
            progress=progress,
        )
        self.run(self.runtime.serving.refresh())
        return report

    def recommend(
        self, user_id: str, n: int = 10, *, surface: str = "home", cursor: str | None = None, **fields: Any
    ) -> Slate:
        """A list for a user; `fields` are the other fields of `Query` (filters, explain, model, events, ...).

        `cursor` is the `next_cursor` of a list for the same query: what it has not shown yet."""
        query, path = _query(user_id=user_id, n=n, surface=surface, **fields), self.runtime.recommend
        lineup = path.page(query, cursor) if cursor is not None else None
        return self.run(path.serve(query, lineup)).slate()

    def results(self, experiment: str, phase: int | None = None) -> Results:
        """What an experiment shows, of this moment; `honeyguide.experiments.frames` makes data frames of it.

        Raises NotFound, or Conflict for one that has not begun."""
        self.run(self.runtime.exposures.refresh())
        return self.runtime.judging.results(experiment, phase)

    def similar(self, item_id: str, n: int = 10, *, surface: str = "similar", **fields: Any) -> Slate:
        """The items most similar to an item."""
        return self.run(self.runtime.recommend.recommend(_query(item_id=item_id, n=n, surface=surface, **fields)))

    def together(self, item_id: str, n: int = 10, *, surface: str = "cart", **fields: Any) -> Slate:
        """What is bought together with an item."""
        return self.run(self.runtime.recommend.recommend(_query(item_id=item_id, n=n, surface=surface, **fields)))

    def rank(self, user_id: str, items: Sequence[str], **fields: Any) -> Ranking:
        """Given items in the order for a user; those that are unknown or left out are named. `fields` are those of `Query`.

        Without a user: `user_id=""`, `personalised=False`. Raises InvalidInput for no items, or for more than 500."""
        query = _fitting(to_rank, list(items), user_id=user_id, **fields)
        return ranking(query, self.run(self.runtime.recommend.recommend(query)))

    def session(self, events: Sequence[Mapping[str, Any]], n: int = 10, **fields: Any) -> Slate:
        """A list for events of a session (`item_id`, and if wanted `type`, `ts`, `value`), oldest first; nothing else is
        known, and nothing is kept of them but the slate."""
        told = [_fitting(SessionEvent, **event) for event in events]
        return self.run(self.runtime.recommend.recommend(_fitting(of_session, told, n=n, **fields)))

    def standing(self, name: Literal["popular", "trending", "new"], n: int = 10, **fields: Any) -> Slate:
        """What is popular, rising or new, the same for all, or as a `segment` likes it."""
        query = _query(surface=name, n=n, personalised=False, explore=False, **fields)
        return self.run(self.runtime.recommend.recommend(query))

    def similar_users(self, user_id: str, n: int = 10) -> Neighbours:
        """The users whose latest doings are most like those of a user."""
        return self.run(self.runtime.neighbours.of(user_id, n))

    def features(
        self, users: Sequence[str] = (), items: Sequence[str] = (), views: Sequence[str] | None = None
    ) -> FeatureRead:
        """What the feature views (all, if not named) say of users and items now. Raises NotFound for an unknown view."""
        return self.run(self.runtime.features.read(users, items, views))

    def replay(
        self, entity: Literal["user", "item"], rows: pl.DataFrame, views: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """`rows` (`entity_id`, `t` in ms) with what the views said of each user or item just before t, for training.

        Reads the whole log into memory. Raises NotFound for an unknown view."""
        return replay(self.runtime.past(), entity, rows, views)

    def merge_users(self, user_id: str, into: str) -> Merged:
        """Make `user_id` (a visitor before the login) one person with `into`. Raises Conflict or NotFound."""
        return self.run(self.runtime.ingest.merge_users(user_id, into))

    def erase_user(self, user_id: str) -> Json:
        """Erase a user and the ids merged with it; returns the receipt once nothing is left. Raises InvalidInput.

        A server or worker on this project does it, else this process. Broken off, it goes on with the next of them."""
        return self.run(self._erase(user_id)).result

    async def _erase(self, user_id: str) -> Job:
        job = await self.runtime.queue.finished((await self.runtime.erase_user(user_id)).job_id)
        if job.state != "succeeded":
            raise Unavailable(f"The erasure has {job.state}: {job.message}", cure="Ask for it again; it goes on.")
        return job

    def export_user(self, user_id: str) -> Iterator[Json]:
        """Everything that is held about a user and the ids merged with it, record by record; each names its `table`.

        Memory holds one batch of them. Raises NotFound if nothing is held."""
        self.run(self.runtime.slates.round())
        batches = self.run(self.runtime.export.open(user_id))
        while batch := self.run(_next(batches)):
            yield from batch

    def explain(self, request_id: str) -> Explanation:
        """How a served list came about, made again from the log. Raises NotFound."""
        return self.run(self._explain(request_id))

    async def _explain(self, request_id: str) -> Explanation:
        await self.runtime.slates.round()
        return await self.runtime.recommend.explain(request_id)

    @staticmethod
    def to_frame(slate: Slate) -> pl.DataFrame:
        """A slate as a table: `rank`, `item_id`, `score`, `sources`, `reason`."""
        rows = [
            {"rank": i.rank, "item_id": i.item_id, "score": i.score, "sources": i.sources, "reason": i.reason.text}
            for i in slate.items
        ]
        schema: dict[str, pl.DataType | type[pl.DataType]] = {
            "rank": pl.Int64,
            "item_id": pl.String,
            "score": pl.Float64,
            "sources": pl.List(pl.String),
            "reason": pl.String,
        }
        return pl.DataFrame(rows, schema=schema)

    def close(self) -> None:
        """Write what is waiting and let go of the files."""
        if self._loop.is_closed():
            return
        self.run(self.runtime.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        """The project itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close, whatever happened."""
        self.close()


async def _next(batches: AsyncIterator[list[Json]]) -> list[Json]:
    return await anext(batches, [])


def _query(**fields: Any) -> Query:
    """A query from plain values; raises InvalidInput naming the field that does not fit."""
    try:
        return msgspec.convert(fields, Query)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"The request does not fit: {error}.") from None


def _fitting(make: Callable[..., T], *given: Any, **fields: Any) -> T:
    """What is made of plain values; raises InvalidInput where a field is not one, or does not fit."""
    try:
        made = make(*given, **fields)
        return msgspec.convert(msgspec.to_builtins(made), type(made))
    except (TypeError, msgspec.ValidationError) as error:
        raise InvalidInput(f"The request does not fit: {error}.") from None


def _chunks(data: object) -> Iterable[tuple[int, list[dict[str, Any]]]]:
    """(position of the first row, rows as dicts without nulls) for any kind of table."""
    if not isinstance(data, pl.DataFrame) and (hasattr(data, "__dataframe__") or hasattr(data, "__arrow_c_stream__")):
        data = pl.DataFrame(cast(Any, data))
    if isinstance(data, pl.DataFrame):
        data = _with_plain_values(data)
        for start in range(0, data.height, _CHUNK):
            rows = data.slice(start, _CHUNK).to_dicts()
            yield start, [{name: value for name, value in row.items() if value is not None} for row in rows]
        return
    if isinstance(data, str | bytes | Mapping) or not isinstance(data, Iterable):
        what = type(data).__name__
        raise InvalidInput(f"{what} is not a table.", cure="Pass a polars, pandas or Arrow table, or a list of dicts.")
    rows = [{name: _plain(name, value) for name, value in dict(row).items()} for row in data]
    for start in range(0, len(rows), _CHUNK):
        yield start, rows[start : start + _CHUNK]


def _with_plain_values(frame: pl.DataFrame) -> pl.DataFrame:
    """Whole numbers in id columns become text, points in time become milliseconds."""
    ids = [
        pl.col(name).cast(pl.String)
        for name, kind in frame.schema.items()
        if kind.is_integer() and (name.endswith("_id") or name == "id")
    ]
    times = [pl.col(name).dt.epoch("ms") for name, kind in frame.schema.items() if kind == pl.Datetime or kind == pl.Date]
    return frame.with_columns(*ids, *times)


def _plain(name: str, value: Any) -> Any:
    """The same for one value of a dict."""
    if isinstance(value, int) and not isinstance(value, bool) and name.endswith("_id"):
        return str(value)
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value


def _convert(rows: Sequence[dict[str, Any]], kind: Kind) -> tuple[list[Any], list[Rejected]]:
    """Messages in the rows' order, `Rejected` where a row does not fit, and those rejections again."""
    if kind not in _MESSAGES:
        fault = FieldError("/kind", f"is {kind!r}; use one of {', '.join(_MESSAGES)}.")
        raise InvalidInput("Nothing was taken.", errors=[fault])
    messages: list[Any] = []
    for place, row in enumerate(rows):
        try:
            messages.append(msgspec.convert(row, _MESSAGES[kind]))
        except msgspec.ValidationError as error:
            messages.append(Rejected(place, "invalid_row", "", f"{error}; mend or drop this row."))
    return messages, [message for message in messages if isinstance(message, Rejected)]


def _add(report: IngestReport, part: IngestReport, faults: Sequence[Rejected], kept: Sequence[int], start: int) -> None:
    """Add the outcome of one chunk, its positions made those of the whole table."""
    report.accepted += part.accepted
    report.duplicates += part.duplicates
    report.sequence = max(report.sequence, part.sequence)
    report.rejected += [msgspec.structs.replace(fault, index=start + fault.index) for fault in faults]
    report.rejected += [msgspec.structs.replace(fault, index=start + kept[fault.index]) for fault in part.rejected]
