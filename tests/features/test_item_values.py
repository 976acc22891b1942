"""Fields of items as expressions see them: made when asked for, kept up to date row by row."""

import numpy as np
import pytest

from honeyguide.config.settings import FeatureView
from honeyguide.errors import FilterError
from honeyguide.expressions import Expression, Fields, condition
from honeyguide.expressions.values import NOTHING, known_of, lists_of, numbers_of, texts_of, truths_of
from honeyguide.features import ItemBlock
from honeyguide.ranking.conditions import Conditions
from honeyguide.ranking.seen import Seen, seen_by
from tests.world import DAY, NOW, block, item, request

ANY = Fields({}, ("item.", "user.", "context.", "now"))


@pytest.fixture
def goods() -> ItemBlock:
    return block(
        [
            item("a", "tea", "red", price=9.99, properties={"brand": "acme", "size": 5, "spec": {"colour": "red"}}),
            item("b", "cup", price=None, available=False, created_at=NOW - DAY, properties={"brand": "globex", "eco": True}),
            item("c", title="", properties={"tags": ["x", "y"], "brand": None}),
        ]
    )


def holding(items: ItemBlock, text: str, **seen: object) -> str:
    found = Seen(items, NOW, **seen).holds(condition(text, ANY))  # type: ignore[arg-type]
    return "".join(items.ids[row] for row in np.flatnonzero(found))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("item.id == 'a'", "a"),
        ("item.id in ['a', 'c', 'gone']", "ac"),
        ("item.title == 'B'", "b"),
        ("item.title is None", "c"),
        ("item.category == 'tea'", "a"),
        ("item.category is None", "c"),
        ("'red' in item.categories", "a"),
        ("len(item.categories) == 0", "c"),
        ("item.price == 9.99", "a"),
        ("item.price is None", "bc"),
        ("item.available", "ac"),
        ("not item.available", "b"),
        ("item.created_at is not None", "b"),
        ("item.age == days(1)", "b"),
        ("item.age > hours(25)", ""),
        ("item.properties.brand == 'acme'", "a"),
        ("item.properties.brand is None", "c"),
        ("item.properties.size > 4", "a"),
        ("item.properties.spec.colour == 'red'", "a"),
        ("item.properties.eco", "b"),
        ("'x' in item.properties.tags", "c"),
        ("item.properties.nothing is None", "abc"),
        ("item.nothing is None", "abc"),
    ],
)
def test_every_field_can_be_asked_for(goods: ItemBlock, text: str, wanted: str) -> None:
    assert holding(goods, text) == wanted


def test_changed_rows_are_seen(goods: ItemBlock) -> None:
    assert holding(goods, "item.properties.brand == 'acme'") == "a"
    goods.put([item("b", properties={"brand": "acme"}), item("d", properties={"brand": "acme"})])
    assert holding(goods, "item.properties.brand == 'acme'") == "abd"
    goods.put([item("a", properties={})])
    assert holding(goods, "item.properties.brand == 'acme'") == "bd"
    assert goods.put_after(goods.version - 1).tolist() == [0]
    assert len(goods.put_after(-1)) == 4


def test_many_rows_are_made_room_for() -> None:
    goods = block([item("first", price=1.0)])
    assert holding(goods, "item.price == 1") == "first"
    goods.put([item(f"i{at}", price=2.0) for at in range(3_000)])
    goods.put([item("last", price=1.0)])
    assert holding(goods, "item.price == 1") == "firstlast"


def test_kinds_are_those_that_were_seen(goods: ItemBlock) -> None:
    kinds = goods.values.kinds()
    assert kinds["properties.brand"] == "text"
    assert kinds["properties.size"] == "number"
    assert kinds["properties.spec.colour"] == "text"
    assert kinds["properties.tags"] == "list"
    assert kinds["properties.eco"] == "truth"
    assert kinds["price"] == "number"
    goods.put([item("d", properties={"brand": 5})])
    assert goods.values.kinds()["properties.brand"] == "any"
    goods.put([item("e", properties={f"p{at}": 1 for at in range(2_000)})])
    assert len(goods.values.kinds()) < 1_010


def test_what_looks_at_items_alone_is_evaluated_once(goods: ItemBlock) -> None:
    static, dated = condition("item.price > 1", ANY), condition("item.age > days(0)", ANY)
    assert Seen(goods, NOW).holds(static) is Seen(goods, NOW + 5).holds(static)
    assert Seen(goods, NOW).holds(dated) is not Seen(goods, NOW).holds(dated)
    before = Seen(goods, NOW).holds(static)
    goods.put([item("b", price=5.0)])
    assert Seen(goods, NOW).holds(static) is not before
    for at in range(100):
        Seen(goods, NOW).holds(condition(f"item.price > {at}", ANY))
    assert holding(goods, "item.price > 1") == "ab"


def test_user_and_context_are_everybodys(goods: ItemBlock) -> None:
    user = {"id": "ann", "segment": "PT", "properties": {"likes": ["tea"], "age": 40, "home": {"city": "Porto"}}}
    assert holding(goods, "user.id == 'ann'", user=user) == "abc"
    assert holding(goods, "user.segment == 'PT'", user=user) == "abc"
    assert holding(goods, "user.properties.home.city == 'Porto'", user=user) == "abc"
    assert holding(goods, "item.category in user.properties.likes", user=user) == "a"
    assert holding(goods, "overlaps(item.categories, user.properties.likes)", user=user) == "a"
    assert holding(goods, "user.properties.age >= 18", user=user) == "abc"
    assert holding(goods, "user.id == 'ann'") == ""
    assert holding(goods, "context.device == 'phone'", context={"device": "phone"}) == "abc"
    assert holding(goods, "context.device == 'phone'") == ""
    assert Seen(goods, NOW).value("nothing.at.all") is NOTHING


def test_a_request_is_seen_with_its_user(goods: ItemBlock) -> None:
    known = seen_by(request(goods, user_id="ann", segment="PT", context={"shop": 5}))
    assert known.user["id"] == "ann"
    assert known.user["segment"] == "PT"
    assert known.context == {"shop": 5}
    nobody = seen_by(request(goods, user_id="ann", personalised=False))
    assert "id" not in nobody.user
    assert "segment" not in nobody.user


def test_parts_of_other_kinds_are_missing(goods: ItemBlock) -> None:
    value = goods.values.value("properties.brand")
    assert texts_of(value).known.tolist() == [True, True, False]
    assert not numbers_of(value).known.any()
    assert not truths_of(value).known.any()
    assert not lists_of(value).known.any()
    assert known_of(value).tolist() == [True, True, False]
    assert goods.values.value("unheard") is NOTHING


VIEWS = [
    FeatureView(name="clicks_1d", entity="item", kind="count", events=["click"], window="1d"),  # type: ignore[arg-type]
    FeatureView(name="recent", entity="user", kind="last_n", events=["view"], of="item_id"),
    FeatureView(name="taste", entity="user", kind="vector", events=["view"]),
]


def test_conditions_know_what_there_is(goods: ItemBlock) -> None:
    conditions = Conditions(goods, VIEWS)
    fields = conditions.fields()
    assert fields.kind("item.clicks_1d") == "number"
    assert fields.kind("user.recent") == "list"
    assert fields.kind("user.taste") is None
    assert fields.kind("user.properties.anything") == "any"
    assert fields.kind("item.properties.brand") == "text"
    assert fields.kind("item.properties.unheard") is None
    assert conditions.fields({"age": "number"}).kind("user.properties.age") == "number"
    assert conditions.fields({"age": "number"}).kind("user.properties.unheard") is None
    assert Conditions(ItemBlock(), ()).fields().kind("item.properties.unheard") == "any"


def test_conditions_are_read_once(goods: ItemBlock) -> None:
    conditions = Conditions(goods, VIEWS)
    first = conditions.read("item.price > 1")
    assert isinstance(first, Expression)
    assert conditions.read("item.price > 1") is first
    for at in range(300):
        conditions.read(f"item.price > {at} + 0.5")
    assert conditions.read("item.price > 1") is not first
    with pytest.raises(FilterError) as raised:
        conditions.read("item.prise > 1", "/where")
    assert raised.value.errors[0].pointer == "/where"
