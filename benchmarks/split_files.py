"""Any files as a split: lists of items with a given test part, sequences whose last item is held out, or events with times.

What cannot be read is an `InvalidInput` that names the file, the line and what was expected there.
"""

import contextlib
import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

import numpy as np
import polars as pl

from honeyguide.config.settings import Settings
from honeyguide.errors import InvalidInput
from honeyguide.importers.moments import find_unit
from honeyguide.offline.splits import Split, by_time
from honeyguide.types import Interactions

FORMATS: Final = ("lists", "sequences", "events")
_COLUMNS: Final = ("user_id", "item_id", "timestamp")


def numbered(frame: pl.DataFrame) -> Interactions:
    """Columns user, item, ts and perhaps weight as interactions by time, equal times in the order of the rows."""
    frame = frame.sort("ts", maintain_order=True)
    users, items = (frame[name].rank("dense").cast(pl.Int32).to_numpy() - 1 for name in ("user", "item"))
    weights = frame["weight"].cast(pl.Float32).to_numpy() if "weight" in frame.columns else np.ones(len(users), np.float32)
    ts = frame["ts"].cast(pl.Int64).to_numpy()
    return Interactions(users, items, weights, ts, int(users.max()) + 1, int(items.max()) + 1)


def read_split(kind: str, train: Path, test: Path | None) -> Split:
    """The split of these files: P1 for `lists`, P2 for `sequences`, P5 for `events`."""
    if kind == "lists":
        if test is None:
            raise InvalidInput("Lists need a test part.", cure="Name it with --test FILE.")
        return given_lists(train, test)
    if test is not None:
        cure = f"Leave --test out: {kind} are split by their order in time."
        raise InvalidInput(f"--format {kind} takes --train alone.", cure=cure)
    if kind == "sequences":
        rows = [(user, item) for user, items in _lines(train) for item in items]
        return last_of_sequences(pl.DataFrame(rows, schema={"user": pl.String, "item": pl.String}, orient="row"))
    return by_time(events(train), 0.2)


def given_lists(train: Path, test: Path) -> Split:
    """`user item item ...` per line in both files; P1. The catalogue is every item of either; there is no order in time.

    A user without a past is asked all the same; a held-out item that is in the user's past is never ranked, and counts."""
    past, held = ([(user, item) for user, own in _lines(path) for item in own] for path in (train, test))
    users, items = _ids(user for user, _ in [*past, *held]), _ids(item for _, item in [*past, *held])
    wanted: dict[int, dict[int, None]] = {}
    for user, item in held:
        wanted.setdefault(users[user], {})[items[item]] = None
    asked = np.array(sorted(wanted), dtype=np.int32)
    lists = [list(wanted[user]) for user in asked.tolist()]
    data = Interactions(
        users=np.array([users[user] for user, _ in past], np.int32),
        items=np.array([items[item] for _, item in past], np.int32),
        weights=np.ones(len(past), np.float32),
        ts=np.zeros(len(past), np.int64),
        n_users=len(users),
        n_items=len(items),
    )
    indptr = np.concatenate([[0], np.cumsum([len(own) for own in lists])]).astype(np.int64)
    return Split(data, asked, indptr, np.concatenate([np.empty(0, np.int32), *lists]).astype(np.int32))


def last_of_sequences(frame: pl.DataFrame) -> Split:
    """P2 of columns user and item, each user's rows in order of time: the last row is held out, whatever came before it.

    Users with a single row are learned from and not asked. All times are places in the sequences."""
    if frame.is_empty():
        raise InvalidInput("There are no sequences.", cure="Give lines of: user item item ...")
    whole = numbered(frame.with_columns(ts=pl.int_range(pl.len()).over("user")))
    order = np.lexsort((whole.ts, whole.users))
    sizes = np.bincount(whole.users, minlength=whole.n_users)
    last = order[np.cumsum(sizes) - 1][sizes > 1]
    kept = np.ones(len(order), dtype=np.bool_)
    kept[last] = False
    train = Interactions(
        whole.users[kept], whole.items[kept], whole.weights[kept], whole.ts[kept], whole.n_users, whole.n_items
    )
    return Split(train, whole.users[last], np.arange(len(last) + 1, dtype=np.int64), whole.items[last])


def events(path: Path) -> Interactions:
    """CSV with user_id, item_id, timestamp and perhaps type: in order of time, equal times in that of the file.

    Events weigh what their type weighs by default (view 1, purchase 8, ...), those of other types 1; types that are no
    sign of liking (impression, hide, dislike) are left out."""
    rows = _rows(path)
    try:
        unit = find_unit([time for _, _, _, time, _ in rows])
    except InvalidInput as error:
        cure = "Give seconds or milliseconds since 1970, or ISO 8601."
        raise InvalidInput(f"{path}: the timestamps are written in no way that is known.", cure=cure) from error
    kinds = {name: 0.0 if kind.negative else kind.weight for name, kind in Settings().events.all_types().items()}
    found = []
    for line, user, item, time, kind in rows:
        if not user or not item:
            raise InvalidInput(
                f"{path}, line {line}: user_id or item_id is empty.", cure="Give both, or leave the line out."
            )
        try:
            ts = unit.read(time)
        except (ValueError, TypeError, OverflowError) as error:
            cure = f"Give {unit.name}, as the other lines do."
            raise InvalidInput(f"{path}, line {line}: the timestamp {time!r} cannot be read.", cure=cure) from error
        weight = kinds.get(kind.strip().lower(), 1.0)
        if weight > 0:
            found.append((user, item, ts, weight))
    if not found:  # a file of nothing but impressions, say
        raise InvalidInput(f"{path} holds no events that say what somebody likes.", cure="Give some.")
    schema = {"user": pl.String, "item": pl.String, "ts": pl.Int64, "weight": pl.Float32}
    return numbered(pl.DataFrame(found, schema=schema, orient="row"))


def _rows(path: Path) -> list[tuple[int, str, str, str, str]]:
    """(line, user, item, time, type) of a CSV file; empty where a line is too short, or there are no types."""
    with _opened(path) as file:
        reader = csv.reader(file)
        names = next(reader, [])
        missing = [name for name in _COLUMNS if name not in names]
        if missing:
            cure = f"The first line names the columns: {','.join(_COLUMNS)}, and type if there are any."
            raise InvalidInput(f"{path} has no column {missing[0]!r}.", cure=cure)
        user, item, time, kind = (names.index(name) if name in names else len(names) for name in (*_COLUMNS, "type"))
        empty = [""] * (len(names) + 1)
        full = ((reader.line_num, row[: len(names)] + empty[min(len(row), len(names)) :]) for row in reader if row)
        return [(line, row[user], row[item], row[time], row[kind]) for line, row in full]


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(user, items) of a file of `user item item ...`; blank lines are passed over."""
    with _opened(path) as file:
        for line in file:
            user, *items = line.split() or [""]
            if user:
                yield user, items


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield file
    except (OSError, UnicodeDecodeError) as error:
        cause = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else f"cannot be read ({error.strerror})"
        raise InvalidInput(f"{path} {cause}.", cure="Name a text file that is there.") from error


def _ids(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}
