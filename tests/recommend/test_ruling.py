"""The parts of rules beside lists: why a list is empty, who is told of changes, what is read and what is not."""

import asyncio
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from honeyguide.clock import ManualClock
from honeyguide.config.settings import Surface
from honeyguide.errors import InvalidInput, Unavailable
from honeyguide.expressions import Fields, condition
from honeyguide.features import ItemBlock
from honeyguide.messages import Place, Query, Rule
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols.rules import NO_RULES, InForce, Ruled
from honeyguide.ranking.conditions import Conditions
from honeyguide.recipes import recipes
from honeyguide.recommend.emptiness import why_empty
from honeyguide.recommend.epochs import Epochs
from honeyguide.recommend.last_resort import last_resort
from honeyguide.recommend.pipeline import Outcome, Pipeline
from honeyguide.recommend.ruling import Ruling
from tests.world import NOW, block, item, request

ANY = Fields({}, ("item.", "user.", "context."))
GOODS = [item("a", "tea", price=5.0), item("b", "cup", price=9.0), item("c", "cup", price=20.0)]


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(Metrics(), ManualClock(NOW), ThreadPoolExecutor(1))


def filtering(*texts: str) -> InForce:
    rules = [
        Ruled(Rule(name=f"rule-{at}", kind="filter", where=text), condition(text, ANY)) for at, text in enumerate(texts)
    ]
    return InForce(filters=tuple(rules))


@pytest.mark.parametrize(
    ("asked", "changed", "said"),
    [
        ({}, {}, "no source found anything"),
        ({"excluded": ["a", "b", "c"]}, {}, "the user has had everything that is left (exclude of the surface)"),
        ({"disliked": ["a", "b", "c"]}, {}, "the user wants to see none of what is left"),
        ({"candidates": ["gone"]}, {}, "none of the candidates may be shown"),
        ({"exclude": ["a", "b", "c"]}, {}, "none of the candidates may be shown"),
        ({}, {"condition": condition("item.price > 50", ANY)}, "no item meets the filter of the request"),
        ({}, {"rules": filtering("item.price > 50")}, "the rule 'rule-0' leaves no item"),
        ({}, {"rules": filtering("item.price > 6", "item.price < 8")}, "the rule 'rule-1' leaves no item"),
        (
            {"excluded": ["c"]},
            {"rules": filtering("item.price > 6", "item.price > 10")},
            "the rule 'rule-1' leaves no item",
        ),
    ],
)
def test_an_empty_list_names_the_first_that_left_nothing(
    pipeline: Pipeline, asked: dict[str, Any], changed: dict[str, Any], said: str
) -> None:
    made = replace(request(block(GOODS), **asked), **changed)
    assert why_empty(pipeline, recipes()["personal"], made) == said


def test_an_empty_catalogue_and_hidden_items_say_so(pipeline: Pipeline) -> None:
    recipe = recipes()["personal"]
    assert why_empty(pipeline, recipe, request(ItemBlock())) == "there are no items"
    hidden = block([item("a", available=False), item("b", hidden=True)])
    assert why_empty(pipeline, recipe, request(hidden)) == "all items are hidden, deleted or not available"


def test_the_last_resort_obeys_rules_and_ends_in_an_error(pipeline: Pipeline) -> None:
    recipe, made = recipes()["personal"], request(block(GOODS))
    silent = [source.name for source in recipe.sources if source.name != "rules"]
    outcome = Outcome(missed=list(silent))
    last_resort(pipeline, recipe, made, outcome, 5, ["c", "a", "gone"])
    assert [each.item_id for each in outcome.items] == ["c", "a"]
    assert outcome.rung == "disk"
    ruled = Outcome(missed=list(silent))
    last_resort(pipeline, recipe, replace(made, rules=filtering("item.price < 6")), ruled, 5, ["c", "a"])
    assert [each.item_id for each in ruled.items] == ["a"]
    with pytest.raises(Unavailable):
        last_resort(pipeline, recipe, made, Outcome(missed=list(silent)), 5, [])
    failed = Outcome(missed=list(silent), failed=["rules"])
    last_resort(pipeline, recipe, made, failed, 5, [])
    assert failed.items == []


class Table:
    """A table of rules in memory."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def all(self) -> list[Rule]:
        return list(self.rules)

    def at(self, labels: Collection[str]) -> list[Rule]:
        return [rule for rule in self.rules if f"{rule.name}:{rule.revision}" in labels]


class Told:
    """A process that reads rules, and what it was told."""

    def __init__(self) -> None:
        self.clock, self.table, self.changes = ManualClock(NOW), Table(), list[Mapping[Place, bytes]]()
        self.metrics = Metrics()
        conditions = Conditions(block(GOODS), ())
        table: Any = self.table
        self.ruling = Ruling(table, conditions, ["home", "cart"], self.clock, self.metrics, self.changes.append)

    def read(self, *rules: Rule) -> None:
        self.table.rules = list(rules)
        asyncio.run(self.ruling.refresh())


def rule(name: str = "r", **fields: Any) -> Rule:
    return Rule(**{"name": name, "kind": "filter", "where": "item.price > 6", "surface": "home", "revision": 1, **fields})


def test_surfaces_are_told_only_what_changes_for_them() -> None:
    told = Told()
    told.read()
    assert told.changes == []
    told.read(rule())
    assert [set(change) for change in told.changes] == [{"home"}]
    told.read(rule())
    assert len(told.changes) == 1
    told.read(rule(surface="*", revision=2))
    assert set(told.changes[1]) == {"home", "cart"}
    told.read()
    assert told.changes[2] == {"home": b"", "cart": b""}
    assert told.ruling.of("home") is NO_RULES
    assert told.ruling.of("unheard") is NO_RULES


def test_boundaries_need_no_table() -> None:
    told = Told()
    told.read(rule(starts_at=NOW + 1_000, ends_at=NOW + 3_000))
    assert told.changes == []
    assert told.ruling.of("home").rules == ()
    assert told.ruling.lasts("home") == 1.0
    told.clock.advance(1)
    assert [each.label for each in told.ruling.of("home").rules] == ["r:1"]
    assert told.ruling.lasts("home") == 2.0
    assert len(told.changes) == 1
    told.clock.advance(2)
    assert told.ruling.of("home") is NO_RULES
    assert told.ruling.lasts("home") == float("inf")
    assert told.changes[1] == {"home": b""}


def test_a_rule_that_cannot_be_read_is_counted_and_left_out() -> None:
    told = Told()
    told.read(rule("future", where="item.price ~~ 5"), rule("gone", where="item.properties.unheard == 5"))
    assert [each.rule.name for each in told.ruling.of("home").rules] == ["gone"]
    assert told.metrics.background_errors.labels("rules")._value.get() == 1


def test_rules_of_a_slate_are_those_of_then_whatever_their_time() -> None:
    told = Told()
    told.read(rule(ends_at=NOW - 5), rule("off", enabled=False))
    assert told.ruling.of("home") is NO_RULES
    assert [each.label for each in told.ruling.of_slate(["r:1", "off:1", "r:9"], "home").rules] == ["r:1", "off:1"]
    assert told.ruling.of_slate([], "home") is NO_RULES


def test_what_a_request_looks_at() -> None:
    told = Told()
    told.read(rule(where="user.segment == 'x'"))
    assert told.ruling.looks_at(Query(user_id="u"), "user.")
    assert not told.ruling.looks_at(Query(user_id="u", surface="cart"), "user.")
    assert told.ruling.looks_at(Query(user_id="u", surface="cart", filter="user.id == 'u'"), "user.id")
    assert not told.ruling.looks_at(Query(user_id="u", surface="cart", filter="item.price > 5"), "user.")
    assert told.ruling.condition(Query(user_id="u")) is None
    with pytest.raises(InvalidInput):
        told.ruling.condition(Query(user_id="u", filter="item.prise > 5"))


def test_other_rules_are_another_epoch_of_their_surface() -> None:
    epochs = Epochs({"home": Surface(name="home"), "cart": Surface(name="cart")}, "f")
    home, cart = epochs.of("home"), epochs.of("cart")
    epochs.rule({"home": b"x"})
    assert epochs.of("home").now != home.now
    assert epochs.of("home").before == home.now
    assert epochs.of("cart") == cart
    epochs.rule({"home": b""})
    assert epochs.of("home").now == home.now
