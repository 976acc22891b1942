"""What became of served lists: which places were seen, clicked and led to a conversion.

A list and an item on it are one pair, however often either is told. A place was seen if an impression of the list says so,
or a click or conversion proves it; on a surface that tells no impressions, every place that was served counts as shown.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from honeyguide.config.quality import Quality
from honeyguide.types import LogRow, ServedSlate

Pair = tuple[int, int]
"""A slate and a place on it, both from 0."""
CART = "add_to_cart"
EARLY = 60_000
"""Milliseconds by which an event may seem to come before its list: senders have clocks of their own."""


class _Seen(msgspec.Struct):
    items: list[Any] = []
    positions: list[Any] = []


_seen = msgspec.json.Decoder(_Seen).decode


class Outcomes:
    """What events say of slates. `seen` are the places that impressions name, by slate; `clicked`, `carted` pairs;
    `converted` pairs with their revenue; `told` the surfaces that tell impressions."""

    def __init__(self, slates: Sequence[ServedSlate], events: Sequence[LogRow], rules: Quality) -> None:
        self._slates, self._rules = slates, rules
        self._number = {slate.request_id: number for number, slate in enumerate(slates)}
        self._last: dict[tuple[str | None, str], tuple[str, int]] = {}
        self.seen: dict[int, set[int]] = {}
        self.clicked: set[Pair] = set()
        self.carted: set[Pair] = set()
        self.converted: dict[Pair, float] = {}
        clicks, conversions = frozenset(rules.clicks), frozenset(rules.conversions)
        for event in sorted(events, key=lambda event: (event.ts, event.sequence)):
            if event.type == "impression":
                self._saw(event)
            if event.type in clicks:
                self._clicked(event)
            if event.type in conversions:
                self._converted(event)
            if event.type == CART and (pair := self._pair(event, rules.conversion_window)) is not None:
                self.carted.add(pair)
        self.told = {slates[number].surface for number in self.seen}
        self._acted: dict[int, set[int]] = {}
        for number, place in (*self.clicked, *self.carted, *self.converted):
            self._acted.setdefault(number, set()).add(place)

    def shown(self, number: int) -> list[int]:
        """The places of a slate that count as shown."""
        slate = self._slates[number]
        if slate.surface not in self.told:
            return list(range(len(slate.items)))
        return sorted(self.seen.get(number, set()) | self._acted.get(number, set()))

    def _saw(self, event: LogRow) -> None:
        number = self._number.get(event.request_id or "")
        if number is None or not self._within(event, number, self._rules.click_window):
            return
        try:
            told = _seen(event.payload or "{}")
        except msgspec.DecodeError:
            return
        items = self._slates[number].items
        places = {items.index(item) for item in told.items if item in items}
        places |= {at - 1 for at in told.positions if isinstance(at, int) and 1 <= at <= len(items)}
        if places:
            self.seen.setdefault(number, set()).update(places)

    def _clicked(self, event: LogRow) -> None:
        if event.request_id and event.item_id:
            self._last[event.user_id, event.item_id] = (event.request_id, event.ts)
        pair = self._pair(event, self._rules.click_window)
        if pair is not None:
            self.clicked.add(pair)

    def _converted(self, event: LogRow) -> None:
        """Of the list that the event names; else of the list on which the user clicked the item last."""
        pair = self._pair(event, self._rules.conversion_window)
        if pair is None and event.item_id:
            touched = self._last.get((event.user_id, event.item_id))
            if touched is not None and not self._names_a_list_of_its_own(event):
                pair = self._pair(event, self._rules.conversion_window, touched[0])
        if pair is not None:
            self.converted[pair] = self.converted.get(pair, 0.0) + (event.value or 0.0)

    def _names_a_list_of_its_own(self, event: LogRow) -> bool:
        number = self._number.get(event.request_id or "")
        return number is not None and event.item_id in self._slates[number].items

    def _pair(self, event: LogRow, window: float, request_id: str | None = None) -> Pair | None:
        number = self._number.get(request_id or event.request_id or "")
        if number is None or event.item_id is None or not self._within(event, number, window):
            return None
        items = self._slates[number].items
        return (number, items.index(event.item_id)) if event.item_id in items else None

    def _within(self, event: LogRow, number: int, window: float) -> bool:
        return -EARLY <= event.ts - self._slates[number].ts <= window * 1000
