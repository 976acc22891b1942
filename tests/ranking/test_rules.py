"""Rules by themselves: when they are in force, what they weigh, promote and pin, what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.errors import Conflict, FilterError
from honeyguide.expressions import Fields, condition
from honeyguide.messages import Reason, Rule, SlateItem
from honeyguide.protocols.rules import NO_RULES
from honeyguide.ranking.rule_faults import check_beside, check_rule
from honeyguide.ranking.rules import in_force, pinned, promoted, put_at_slots, weighed
from honeyguide.ranking.seen import Seen
from tests.world import NOW, block, item

ANYTHING = Fields({}, ("item.", "user."))


def rule(kind: str = "filter", **fields: Any) -> Rule:
    own: dict[str, dict[str, Any]] = {
        "filter": {"where": "item.price > 1"},
        "boost": {"where": "item.price > 1", "factor": 2.0},
        "bury": {"where": "item.price > 1", "factor": 0.5},
        "pin": {"item_id": "a", "slot": 1},
        "promote": {"where": "item.price > 1", "percent": 20.0},
    }
    return Rule(**{"name": kind, "kind": kind, **own[kind], **fields})


def forced(*rules: Rule, surface: str = "home", now: int = 100) -> Any:
    return in_force(rules, surface, now, lambda text: condition(text, ANYTHING))


def test_rules_are_in_force_on_their_surface_in_their_time() -> None:
    rules = [
        rule(name="all"),
        rule(name="other", surface="cart"),
        rule(name="off", enabled=False),
        rule(name="past", ends_at=100),
        rule(name="now", starts_at=100, ends_at=300),
        rule(name="later", starts_at=200),
    ]
    found = forced(*rules)
    assert [each.rule.name for each in found.rules] == ["all", "now"]
    assert found.until == 200
    assert forced(*rules, now=250).until == 300
    assert [each.rule.name for each in forced(*rules, now=300).rules] == ["all", "later"]
    assert forced(*rules, now=300).until == 0
    assert forced(rules[1], rules[2]) is NO_RULES
    assert forced(rules[5]).digest == b""


def test_what_depends_on_the_user_cannot_wait_and_the_rest_is_looked_at_late() -> None:
    of_items, of_users = rule(name="a"), rule(name="b", where="user.segment == 'x'")
    both = forced(of_items, of_users)
    assert [each.rule.name for each in both.late] == ["a"]
    assert forced(of_items).strict == b""
    assert both.strict == forced(of_users).strict != b""
    assert forced(rule("pin")).strict
    assert forced(rule("boost")).strict == b""
    assert forced(of_items).digest != forced(Rule(**{**_plain(of_items), "revision": 2})).digest


def _plain(one: Rule) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def test_of_two_pins_the_more_particular_stands() -> None:
    items = block([item("a", price=5.0), item("b", price=5.0), item("c")])
    pins = [
        rule("pin", name="everywhere", item_id="a", slot=2, surface="*"),
        rule("pin", name="here", item_id="b", slot=2, surface="home"),
        rule("pin", name="nothing", item_id="gone", slot=1),
        rule("pin", name="never", item_id="c", slot=1, where="item.price > 1"),
        rule("pin", name="again", item_id="b", slot=4),
    ]
    assert pinned(forced(*pins).pins, Seen(items, NOW)) == [(1, 2)]


def test_pinned_items_stand_at_their_slots() -> None:
    items = [SlateItem(name, 0.0, 1, [], Reason("", "")) for name in "abcdef"]
    names = [each.item_id for each in put_at_slots(items, [(2, "f"), (1, "d"), (5, "gone"), (6, "a")])]
    assert "".join(names) == "dfbcea"
    assert [each.item_id for each in put_at_slots(items[:2], [(9, "a")])] == ["b", "a"]


@given(st.integers(0, 30), st.integers(0, 15), st.floats(0.01, 1.0))
def test_promotion_fills_its_share_of_every_beginning(size: int, wanted: int, share: float) -> None:
    chosen, special = np.arange(size, dtype=np.int32), np.arange(size, 0, -2, dtype=np.int32)[:wanted] - 1
    found = promoted(chosen, special, share, size)
    assert sorted(found.tolist()) == list(range(size))
    places = np.isin(found, special)
    for length in range(1, size + 1):
        assert places[:length].sum() >= min(int(length * share), len(special))
        assert promoted(chosen, special, share, length).tolist() == found[:length].tolist()


def test_weights_move_scores_of_any_sign_in_the_same_direction() -> None:
    scores, up = np.array([2.0, -2.0, 0.0], np.float32), np.full(3, 2.0, np.float32)
    assert weighed(scores, up).tolist() == [4.0, 0.0, 0.0]
    assert weighed(scores, np.full(3, 0.5, np.float32)).tolist() == [1.0, -3.0, 0.0]


@pytest.mark.parametrize(
    ("one", "pointer", "said"),
    [
        (rule("boost", factor=float("inf")), "/factor", "inf is not possible"),
        (rule("boost", factor=float("nan")), "/factor", "nan is not possible"),
        (rule("boost", factor=0.5), "/factor", "above 1"),
        (rule("bury", factor=2.0), "/factor", "below 1"),
        (rule("boost", factor=None), "/factor", "is missing"),
        (rule("filter", where=""), "/where", "is missing"),
        (rule("filter", slot=3), "/slot", "has no meaning"),
        (rule("pin", slot=0), "/slot", "1 is the first"),
        (rule("pin", item_id=""), "/item_id", "is missing"),
        (rule("pin", item_id="a\0"), "/item_id", "NUL"),
        (rule("promote", percent=101.0), "/percent", "at most 100"),
        (rule(surface="nowhere"), "/surface", "use one of cart, home"),
        (rule(name="Ä"), "/name", "is no name"),
        (rule(starts_at=5, ends_at=5), "/ends_at", "not after"),
        (rule(owner="x" * 129), "/owner", "128"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(one: Rule, pointer: str, said: str) -> None:
    with pytest.raises(FilterError) as raised:
        check_rule(one, {"home", "cart"})
    assert raised.value.errors[0].pointer == pointer
    assert said in raised.value.errors[0].detail


def test_two_pins_for_one_slot_collide_only_where_they_meet() -> None:
    there = rule("pin", name="there", surface="home", starts_at=10, ends_at=20)
    with pytest.raises(Conflict, match="'there' pins 'a' to slot 1"):
        check_beside(rule("pin", name="new"), [there])
    apart = [
        rule("pin", name="new", slot=2),
        rule("pin", name="new", surface="cart"),
        rule("pin", name="new", starts_at=20),
        rule("pin", name="new", ends_at=10),
        rule("pin", name="new", where="user.segment == 'x'"),
        rule("pin", name="new", enabled=False),
        rule("pin", name="there"),
        rule(),
    ]
    for one in apart:
        check_beside(one, [there])
