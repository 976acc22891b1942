"""Events: what callers say -> rows of the log, or what is wrong with them.

Every batch passes `EventRules.check`, so the usual event is told by a few cheap tests (`_usual`). Any other is looked at
field by field (`_faults`), which says what is wrong and lets pass what is unusual but right.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from honeyguide.config.settings import Events, EventType
from honeyguide.ingest.faults import Fault, nearest, shown
from honeyguide.ingest.times import LARGEST_MS, SMALLEST_MS, future_fault, read_time
from honeyguide.ingest.validate import id_fault, number_fault, plain_id, read_properties, text_fault
from honeyguide.messages import EventIn, Rejected, Timestamp
from honeyguide.types import MAX_N, LogRow

IMPRESSION: Final = "impression"
_LONGEST_TYPE: Final = 64
_LARGE: Final = 1e300
_OTHER_IDS: Final = ("event_id", "session_id", "device_id", "surface", "request_id")


class EventRules:
    """What the configuration allows in an event. Pure: the moment and the stem of new ids come with the call."""

    def __init__(self, events: Events) -> None:
        self.types = events.all_types()
        self._future = round(events.max_future * 1000)
        self._by_value = frozenset(name for name, rule in self.types.items() if rule.by_value)
        self._itemless = frozenset(name for name, rule in self.types.items() if not rule.needs_item)
        self._undeclared = lru_cache(maxsize=1024)(self._undeclared_fault)

    def check(
        self, events: Sequence[EventIn | Rejected], *, now: int, stem: str, imported: bool = False
    ) -> tuple[list[LogRow], list[Rejected]]:
        """The rows to append, and the events that are refused.

        `stem` is an id that was never used before: events without an id of their own get one that begins with it.
        A `Rejected` among the events (a row that could not be decoded) stays what it is.
        """
        rows: list[LogRow] = []
        rejected: list[Rejected] = []
        latest = min(now + self._future, LARGEST_MS - 1)
        for index, event in enumerate(events):
            if isinstance(event, Rejected):
                rejected.append(event)
                continue
            found = self._take(event, now, latest)
            if isinstance(found, Fault):
                rejected.append(found.at(index))
            else:
                rows.append(_row(event, *found, index, now, stem, imported))
        return rows, rejected

    def _take(self, event: EventIn, now: int, latest: int) -> tuple[int, str | None] | Fault:
        """The event's time and its properties as JSON text, or the first thing that is wrong with it."""
        if type(event) is not EventIn or not self._usual(event):
            for fault in self._faults(event):
                return fault
        ts = event.ts
        if ts is None:
            ts = now
        elif type(ts) is not int or not SMALLEST_MS <= ts <= latest:
            moment = _moment(ts, latest)
            if isinstance(moment, Fault):
                return moment
            ts = moment
        payload = None if event.properties is None else read_properties(event.properties)
        if isinstance(payload, Fault):
            return payload
        return (_impression_fault(event) if event.type == IMPRESSION else None) or (ts, payload)

    def _usual(self, event: EventIn) -> bool:
        """True if type, ids and numbers are clearly in order, by the cheapest tests; False asks for `_faults`."""
        kind, item_id, value, quantity = event.type, event.item_id, event.value, event.quantity
        return (
            type(kind) is str
            and kind in self.types
            and plain_id(event.user_id)
            and (kind in self._itemless if item_id is None else plain_id(item_id))
            and (kind not in self._by_value if value is None else type(value) is float and 0.0 <= value <= _LARGE)
            and (quantity is None or (type(quantity) is float and 0.0 <= quantity <= _LARGE))
            and (event.event_id is None or plain_id(event.event_id))
            and (event.session_id is None or plain_id(event.session_id))
            and (event.request_id is None or plain_id(event.request_id))
            and (event.device_id is None or plain_id(event.device_id))
            and (event.surface is None or plain_id(event.surface))
        )

    def _faults(self, event: object) -> Iterator[Fault]:
        """What is wrong with type, ids and numbers, in the order in which a person would look."""
        if not isinstance(event, EventIn):
            yield Fault("wrong_type", "", f"An event must be an object, not {shown(event)}.")
            return
        kind = event.type
        found = [
            text_fault(kind, "type", _LONGEST_TYPE) or (None if kind in self.types else self._undeclared(kind)),
            id_fault(event.user_id, "user_id"),
            None if event.item_id is None else id_fault(event.item_id, "item_id"),
            *(id_fault(value, name) for name in _OTHER_IDS if (value := getattr(event, name)) is not None),
        ]
        faults = [fault for fault in found if fault]
        yield from faults
        if faults:
            return
        rule = self.types[kind]
        if event.item_id is None and rule.needs_item:
            yield Fault("missing_item", "item_id", f"item_id is missing; a {kind} event names the item it is about.")
        yield from _number_faults(event, rule)

    def _undeclared_fault(self, kind: str) -> Fault:
        meant = nearest(kind, self.types)
        hint = f"did you mean {meant!r}? Otherwise" if meant else "to use it,"
        detail = f"type {shown(kind)} is not declared; {hint} add {declaration(kind)} to honeyguide.toml."
        return Fault("undeclared_type", "type", detail)


def _moment(ts: Timestamp, latest: int) -> int | Fault:
    moment = read_time(ts, "ts")
    return moment if isinstance(moment, Fault) else future_fault(moment, latest) or moment


def declaration(kind: str) -> str:
    """The line of TOML that declares an event type."""
    name = kind if re.fullmatch(r"[A-Za-z0-9_-]+", kind) else json.dumps(kind)
    return f"events.types.{name}.weight = 1"


def _number_faults(event: EventIn, rule: EventType) -> Iterator[Fault]:
    value, quantity = event.value, event.quantity
    if value is None and rule.by_value:
        yield Fault("missing_value", "value", f"value is missing; a {event.type} event needs it: the stars given.")
    if value is not None:
        if fault := number_fault(value, "value"):
            yield fault
        elif rule.by_value and value < 0:
            detail = f"value {shown(value)} is negative; shift the scale of a {event.type} so that it begins at 0."
            yield Fault("negative_value", "value", detail)
    if quantity is not None:
        if fault := number_fault(quantity, "quantity"):
            yield fault
        elif quantity < 0:
            detail = (
                f"quantity {shown(quantity)} is negative; a return is an event of its own: declare a type for it "
                f"(events.types.return.weight = 0) and count what came back upwards."
            )
            yield Fault("negative_quantity", "quantity", detail)


def _impression_fault(event: EventIn) -> Fault | None:
    """An impression says which positions of one slate were seen; it is no event of an item."""
    if event.item_id is not None:
        detail = "an impression is of a slate, not of an item; send one per slate, with its items in properties.items."
        return Fault("impression_item", "item_id", detail)
    if event.request_id is None:
        detail = "request_id is missing; an impression names the slate that was seen, by the request_id of the answer."
        return Fault("impression_request", "request_id", detail)
    seen = event.properties or {}
    items, positions = seen.get("items"), seen.get("positions")
    if isinstance(items, list) and 0 < len(items) <= MAX_N:
        return next((fault for item in items if (fault := id_fault(item, "properties/items"))), None)
    if isinstance(positions, list) and 0 < len(positions) <= MAX_N and all(_is_position(entry) for entry in positions):
        return None
    detail = f"say what was seen: properties.items, a list of item ids, or properties.positions, numbers from 1 to {MAX_N}."
    return Fault("impression_seen", "properties", detail)


def _is_position(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_N


def _row(event: EventIn, ts: int, payload: str | None, index: int, now: int, stem: str, imported: bool) -> LogRow:
    value, quantity = event.value, event.quantity
    return LogRow(
        event_id=event.event_id or f"{stem}-{index:04d}",
        ts=ts,
        received_at=now,
        user_id=event.user_id,
        item_id=event.item_id,
        type=event.type,
        value=None if value is None else float(value),
        quantity=None if quantity is None else float(quantity),
        session_id=event.session_id,
        device_id=event.device_id,
        surface=event.surface,
        request_id=event.request_id,
        payload=payload,
        imported=imported,
    )
