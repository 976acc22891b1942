"""What is counted of lists and events, against a slow reference and against figures worked out by hand."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honeyguide.config.quality import Quality
from honeyguide.features import ItemBlock
from honeyguide.monitoring.quality.fold import World, fold
from honeyguide.monitoring.quality.measures import MEASURES, measured
from honeyguide.monitoring.quality.tally import Tally, decoded, merged
from honeyguide.protocols.quality import Slice
from honeyguide.types import Item, Json, LogRow, ServedFeatures, ServedSlate
from tests.monitoring.quality import reference

NOW = 1_780_000_000_000
HOUR = 3_600_000
RULES = Quality(k=3)
NAMES = ["a", "b", "c", "d", "e", "f", "g"]
ITEMS = {
    name: Item(
        item_id=name,
        categories=(("tea", "pots", "gifts")[place % 3], *(("new",) if place % 2 else ())),
        available=name != "g",
        created_at=NOW - (place - 1) * 3 * 86_400_000,
    )
    for place, name in enumerate(NAMES)
}
KNOWN = {name: 3 * place % 8 for place, name in enumerate(NAMES)}
USERS = 11


def world() -> World:
    block = ItemBlock()
    block.put(ITEMS.values())
    known = np.array([KNOWN[name] for name in block.ids])
    return World(
        numbers=block.numbers,
        categories=block.categories,
        created_at=block.created_at,
        eligible=~block.blocked,
        known_to=known,
        n_users=USERS,
        tail=known < 6,
        consumed=float((known**2).sum() / known.sum()),
    )


ELIGIBLE = {name for name in NAMES if name != "g"}


def slate(number: int, items: list[str], **given: Any) -> ServedSlate:
    fields: dict[str, Any] = {"ts": NOW, "user_id": "u1", "surface": "home", "served_from": "l1", "rung": "personal"}
    fields |= {"model": "ease@1", "as_of": 1, "computed_at": NOW - 5000, "seed": 0, "config": "", "n": 5}
    return ServedSlate(request_id=f"r{number}", items=items, **(fields | given))


def event(number: int, kind: str, request: str | None, item: str | None = None, **given: Any) -> LogRow:
    payload = given.pop("told", None)
    return LogRow(
        event_id=f"e{number}",
        ts=given.pop("ts", NOW + 1000),
        received_at=NOW,
        user_id=given.pop("user_id", "u1"),
        type=kind,
        item_id=item,
        request_id=request,
        payload=None if payload is None else json.dumps(payload),
        sequence=number,
        **given,
    )


@st.composite
def histories(draw: Any) -> tuple[list[ServedSlate], list[LogRow], dict[str, Json]]:
    """Lists, and events on them: in time and late, of items that stand on the list and that do not, told twice."""
    slates = [
        slate(
            number,
            draw(st.permutations(NAMES))[: draw(st.integers(0, 6))],
            ts=NOW + draw(st.integers(0, HOUR - 1)),
            user_id=draw(st.sampled_from(["u1", "u2", "u3"])),
            surface=draw(st.sampled_from(["home", "cart"])),
            served_from=draw(st.sampled_from(["l1", "stale", "computed", "fallback"])),
            rung=draw(st.sampled_from(["personal", "session", "popular"])),
            model=draw(st.sampled_from(["ease@1", "als@2"])),
            arm=draw(st.sampled_from(["", "A", "B"])),
        )
        for number in range(draw(st.integers(1, 6)))
    ]
    events, payloads = list[LogRow](), dict[str, Json]()
    for number in range(draw(st.integers(0, 14))):
        kind = draw(st.sampled_from(["impression", "click", "click", "purchase", "add_to_cart"]))
        fields: Json = {"ts": NOW + draw(st.integers(-120_000, 26 * HOUR)), "user_id": draw(st.sampled_from(["u1", "u2"]))}
        request = draw(st.sampled_from([None, "elsewhere", *(each.request_id for each in slates)]))
        if kind == "impression":
            fields["told"] = {
                "items": draw(st.lists(st.sampled_from([*NAMES, "?"]))),
                "positions": draw(st.lists(st.integers(1, 8))),
            }
            payloads[f"e{number}"] = fields["told"]
        else:
            fields["value"] = draw(st.sampled_from([None, 2.5, 4.0]))
        item = None if kind == "impression" else draw(st.sampled_from([*NAMES, "?"]))
        events.append(event(number, kind, request, item, **fields))
    return slates, events, payloads


@settings(max_examples=60, deadline=None)
@given(histories())
def test_all_measures_are_those_of_the_slow_reference(
    history: tuple[list[ServedSlate], list[LogRow], dict[str, Json]],
) -> None:
    slates, events, payloads = history
    tallies = fold(slates, events, world(), RULES, seed=1)
    for each, tally in tallies.items():
        inside = [
            one
            for one in slates
            if each.surface in ("", one.surface) and each.arm in ("", one.arm) and each.model in ("", one.model)
        ]
        wanted = reference.figures(inside, slates, events, payloads, ITEMS, KNOWN, USERS, RULES)
        found = measured(tally, ELIGIBLE)
        told = {name: found[name].value for name in wanted}
        assert told == pytest.approx(wanted, abs=1e-9), each


@settings(max_examples=20, deadline=None)
@given(histories(), histories())
def test_the_tally_of_two_stretches_is_the_sum_of_theirs(
    one: tuple[list[ServedSlate], list[LogRow], Any], other: tuple[list[ServedSlate], list[LogRow], Any]
) -> None:
    """Of two hours that tell each other nothing: counted apart and added, or counted together."""
    later = [
        slate(100 + number, each.items, surface=f"{each.surface}-2", ts=each.ts, user_id=each.user_id)
        for number, each in enumerate(other[0])
    ]
    apart = merged(fold(part, [], world(), RULES, 1)[Slice()] for part in (one[0], later))
    together = fold([*one[0], *later], [], world(), RULES, 1)[Slice()]
    for tally in (apart, together):
        tally.overlap_sum, tally.overlap_pairs = 0.0, 0  # drawn
    values = [{name: each.value for name, each in measured(tally, ELIGIBLE).items()} for tally in (apart, together)]
    assert values[0] == pytest.approx(values[1])
    assert decoded(apart.encode()) == apart


def test_a_list_counts_for_its_slices() -> None:
    found = fold([slate(1, ["a"], arm="B"), slate(2, ["b"], surface="cart")], [], world(), RULES, 1)
    assert {each: tally.requests for each, tally in found.items()} == {
        Slice(): 2,
        Slice("home"): 1,
        Slice("cart"): 1,
        Slice("", "", "ease@1"): 2,
        Slice("home", "", "ease@1"): 1,
        Slice("cart", "", "ease@1"): 1,
        Slice("home", "B"): 1,
    }


def test_a_click_and_a_conversion_by_hand() -> None:
    """Three of four items are seen; one is clicked twice; what is late or strange does not count; the purchase names no
    list."""
    events = [
        event(1, "impression", "r1", told={"positions": [1, 2, 3, 99]}),
        event(2, "click", "r1", "a"),
        event(3, "click", "r1", "a"),
        event(4, "click", "r1", "b", ts=NOW + HOUR),
        event(5, "click", "r1", "z"),
        event(6, "purchase", None, "a", ts=NOW + 2 * HOUR, value=30.0),
        event(7, "purchase", None, "b", ts=NOW + 25 * HOUR, value=99.0),
        event(8, "purchase", None, "c", value=99.0),
    ]
    tally = fold([slate(1, ["a", "b", "c", "d"])], events, world(), RULES, 1)[Slice()]
    assert (tally.shown, tally.seen, tally.clicks, tally.conversions, tally.revenue) == (3, 3, 1, 1, 30.0)
    assert (tally.shown_at, tally.clicked_at) == ({1: 1, 2: 1, 3: 1}, {1: 1})


def test_the_last_list_that_was_clicked_gets_the_conversion() -> None:
    slates = [slate(1, ["a"]), slate(2, ["a"], ts=NOW + 5000, surface="cart")]
    events = [
        event(1, "click", "r1", "a"),
        event(2, "click", "r2", "a", ts=NOW + 6000),
        event(3, "purchase", None, "a", ts=NOW + 7000),
    ]
    found = fold(slates, events, world(), RULES, 1)
    assert (found[Slice("home")].conversions, found[Slice("cart")].conversions) == (0, 1)


def test_lists_of_all_alike_are_not_personal_and_of_none_alike_are() -> None:
    same = [slate(number, ["a", "b"], user_id=f"u{number}") for number in range(5)]
    apart = [slate(number, [NAMES[number]], user_id=f"u{number}") for number in range(5)]
    assert measured(fold(same, [], world(), RULES, 1)[Slice()], ELIGIBLE)["personalisation"].value == 0.0
    assert measured(fold(apart, [], world(), RULES, 1)[Slice()], ELIGIBLE)["personalisation"].value == 1.0


def test_nothing_is_no_figure() -> None:
    found = measured(Tally(), set())
    counts = {"requests", "shown", "clicks", "conversions", "users", "revenue"}
    assert {name for name, figure in found.items() if figure.value is not None} == counts
    assert found.keys() == MEASURES.keys()


def test_predictions_are_compared_with_what_happened() -> None:
    """Ten lists on whose first place a click was thought to be one in ten, with one click; on the second half, with none."""
    features = ServedFeatures(
        at=NOW,
        as_of=1,
        user={"age": 3.0, "city": "x"},
        items_at=NOW,
        items_as_of=1,
        items={"click_rate_30d": [0.1, 0.5]},
        scores=[0.9, 0.2],
    )
    slates = [slate(number, ["a", "b"], features=features) for number in range(10)]
    tally = fold(slates, [event(1, "click", "r3", "a")], world(), RULES, 1)[Slice()]
    found = measured(tally, ELIGIBLE)
    assert found["calibration_error"].value == pytest.approx((0 + 5) / 20)
    assert found["calibration_ratio"].value == pytest.approx(6.0)
    assert sum(tally.features["user.age"].values()) == 10
    assert "user.city" not in tally.features
    assert sum(fold(slates, [], world(), RULES, 1)[Slice("", "", "ease@1")].scores["ease@1"].values()) == 20
