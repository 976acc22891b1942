"""What can be wrong with data, each with the line that mends it. Pure: frames and numbers in, findings out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

from honeyguide.config import Settings

Level = Literal["error", "warning"]
YEAR_1990 = 631_152_000_000  # what is older: seconds read as milliseconds, or a clock that was never set
_DAY = 86_400_000
_SKEW = 60_000
_FEW = 50
_FLOAT_ID = r"^\d+\.0$"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: how badly, a stable code, what, and how to mend it."""

    level: Level
    code: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Data:
    """The data as the checks read it.

    `events`: user_id, item_id, type, value, ts of the history. `recent`: ts, received_at of the latest events that were
    not imported. `items`: item_id, title, categories (number of them), shown (not hidden, deleted or sold out).
    """

    events: pl.DataFrame
    recent: pl.DataFrame
    items: pl.DataFrame
    now: int


def data_findings(data: Data, settings: Settings) -> list[Finding]:
    """Everything that the checks of this module find."""
    if data.events.is_empty():
        fix = "honeyguide import events FILE, or send them to POST /v1/events"
        return [Finding("error", "no_events", "there are no events that name an item", fix), *_catalogue(data)]
    checks: tuple[Callable[[Data, Settings], Iterator[Finding]], ...] = (_signal, _time, _ids, _spread, _doubles, _skew)
    found = [finding for check in checks for finding in check(data, settings)]
    return [*found, *_catalogue(data)]


def _signal(data: Data, settings: Settings) -> Iterator[Finding]:
    """Do the events say what users like?"""
    types = settings.events.all_types()
    weighty = [name for name, kind in types.items() if kind.weight > 0 and not kind.negative]
    seen = data.events["type"].value_counts().sort("count", descending=True)
    if data.events["type"].is_in(weighty).any():
        return
    there = ", ".join(f"{name} {number:,}" for name, number in seen.head(6).iter_rows())
    most = seen["type"][0]
    fix = f"give the type that matters a weight, in honeyguide.toml: events.types.{most}.weight = 1"
    yield Finding("error", "no_positive_events", f"no event type with a weight above 0 occurs; there are: {there}", fix)


def _time(data: Data, settings: Settings) -> Iterator[Finding]:
    """Are the times in milliseconds, in the past, and not all the same?"""
    ts = data.events["ts"]
    old, total = int((ts < YEAR_1990).sum()), len(ts)
    if old:
        seconds = int((ts < 10_000_000_000).sum())
        what = f"{old:,} of {total:,} events lie before the year 1990"
        if seconds:
            what += f", {seconds:,} of them in January 1970: these are seconds that were taken for milliseconds"
        yield Finding("error", "old_times", what, "multiply ts by 1000, or give ISO 8601 text, and import again")
    late = int((ts > data.now + settings.events.max_future * 1000).sum())
    if late:
        what = f"{late:,} of {total:,} events lie in the future"
        yield Finding("error", "future_times", what, "check the clock and the time zone of the sender; import again")
    if total > 1 and ts.n_unique() == 1:
        fix = "give ts when each event happened; without it models cannot be compared on later events"
        yield Finding("error", "equal_times", f"all {total:,} events have the same time", fix)


def _ids(data: Data, settings: Settings) -> Iterator[Finding]:
    """Did a table program turn the ids into something else?"""
    for column in ("user_id", "item_id"):
        ids = data.events[column].unique()
        floats = ids.filter(ids.str.contains(_FLOAT_ID))
        if len(floats) * 2 > len(ids):
            what = f"{len(floats):,} of {len(ids):,} values of {column} look like numbers with a point: {floats[0]!r}"
            fix = f"export {column} as text or as whole numbers and import again; pandas makes floats of columns with gaps"
            yield Finding("error", "float_ids", what, fix)
        blank = ids.filter(ids.str.strip_chars() != ids)
        if len(blank):
            what = f"{len(blank):,} values of {column} begin or end with a space: {blank[0]!r}"
            yield Finding("warning", "blank_ids", what, f"strip {column} and import again; ids are kept exactly as given")


def _spread(data: Data, settings: Settings) -> Iterator[Finding]:
    """Is there more than one of each, and not one that is nearly all?"""
    for column, name in (("user_id", "user"), ("item_id", "item")):
        counts = data.events[column].value_counts().sort("count", descending=True)
        if len(counts) == 1:
            fix = (
                f"check which column is {column}: honeyguide import events FILE --dry-run shows the guess, --map changes it"
            )
            yield Finding("error", f"one_{name}", f"all events are of one {name}: {counts[column][0]!r}", fix)
        elif len(counts) > _FEW and counts["count"][0] * 5 > data.events.height:
            share = counts["count"][0] / data.events.height
            what = f"{share:.0%} of all events are of one {name}: {counts[column][0]!r}"
            fix = "if it is a placeholder or a robot, leave its events out"
            yield Finding("warning", f"dominant_{name}", what, fix)


def _doubles(data: Data, settings: Settings) -> Iterator[Finding]:
    """Were the same rows brought in twice under other event ids?"""
    total = data.events.height
    doubles = total - data.events.select("user_id", "item_id", "type", "ts").n_unique()
    if doubles * 10 > total:
        what = f"{doubles:,} of {total:,} events equal another one in user, item, type and time"
        fix = "send an event_id with each event, so that a repeated one counts once"
        yield Finding("warning", "duplicates", what, fix)


def _skew(data: Data, settings: Settings) -> Iterator[Finding]:
    """Does the senders' clock agree with ours?"""
    if data.recent.is_empty():
        return
    ahead = data.recent.select((pl.col("ts") - pl.col("received_at")).median()).item()
    if abs(ahead) > _SKEW:
        side = "ahead of" if ahead > 0 else "behind"
        median = f"median of {data.recent.height:,} events"
        what = f"the senders' clock is {abs(ahead) / 1000:,.0f} s {side} this machine's ({median})"
        yield Finding("warning", "clock_skew", what, "set both clocks by NTP, or leave ts out of live events")


def _catalogue(data: Data) -> Iterator[Finding]:
    """Do the items say what they are, and may any be shown?"""
    total = data.items.height
    if not total:
        yield Finding("warning", "no_items", "there are no items", "honeyguide import items FILE")
        return
    bare = data.items.filter(pl.col("categories") == 0).height
    if bare * 2 > total:
        what = f"{bare:,} of {total:,} items have no category, so caps per category and interests do nothing for them"
        yield Finding("warning", "no_categories", what, "honeyguide import items FILE with a column categories")
    untitled = data.items.filter(pl.col("title") == "").height
    if untitled * 2 > total:
        what = f"{untitled:,} of {total:,} items have no title"
        yield Finding("warning", "no_titles", what, "honeyguide import items FILE with a column title")
    if not data.items["shown"].any():
        what = f"all {total:,} items are hidden, deleted or not available"
        yield Finding("error", "nothing_to_show", what, "set available and hidden right, and import the items again")
