"""What does not fit is refused with its place and the cure; what is refused was never run."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honeyguide.errors import FilterError
from honeyguide.expressions import MAX_BYTES, MAX_DEPTH, MAX_PARTS, condition
from tests.expressions.world import KNOWN


def refused(text: str) -> str:
    with pytest.raises(FilterError) as raised:
        condition(text, KNOWN)
    return raised.value.detail


@pytest.mark.parametrize(
    ("text", "culprit", "said"),
    [
        ("item.new and item.prise < 5", "item.prise", "Did you mean item.price?"),
        ("user.county == 'PT'", "user.county", "Did you mean user.country?"),
        ("item.odd == 1", "item.odd", "Did you mean item.properties.odd?"),
        ("price < 5", "price", "Did you mean item.price?"),
        ("item.price < '5'", "'5'", "'<' takes a number"),
        ("item.price == '5'", "item.price == '5'", "a number is compared with a text"),
        ("item.age < 30", "item.age < 30", "days(30)"),
        ("item.price and item.new", "item.price", "'and' takes"),
        ("item.price = 5", "=", "Write == to compare"),
        ("item.price > 5 && item.new", "&", "Write 'and'"),
        ("item.price", "item.price", "a condition is true or false"),
        ("item.price + item.brand > 5", "item.brand", "this is a text"),
        ("item.created_at + item.created_at > now", "item.created_at + item.created_at", "has no meaning"),
        ("lenght(item.brand) > 5", "lenght", "Did you mean len?"),
        ("min(item.price) > 5", "min(item.price)", "takes 2 or more"),
        ("item.brand == None", "None", "is not None"),
        ("item.price is 5", "5", "asks for None only"),
        ("item.brand in [item.title]", "item.title", "plain texts and numbers"),
        ("item.price < 1e999", "1e999", "not finite"),
        ("date('tomorrow') < now", "'tomorrow'", "no date"),
        ("(lambda: True)()", "lambda: True", "no function"),
        ("[x for x in item.tags] == 1", "[x for x in item.tags]", "no part of the language"),
        ("__import__('os').system('true') == 0", "__import__('os').system", "no function"),
        ("item.__class__ == 1", "item.__class__", "no field"),
        ("item.price ** 9 > 5", "item.price ** 9", "There are + - * / %"),
        ("item.new and (item.price", "(", "never closed"),
    ],
)
def test_the_caret_is_under_the_culprit(text: str, culprit: str, said: str) -> None:
    detail = refused(text)
    shown, marks = detail.split("\n")[-2:]
    start = marks.index("^")
    assert shown[start : start + marks.count("^")].startswith(culprit[: marks.count("^")])
    assert said in detail


def test_the_caret_counts_letters_and_not_bytes() -> None:
    shown, marks = refused("item.brand == 'Möbel für Kinder' and item.prise < 5").split("\n")[-2:]
    assert shown[marks.index("^") :].startswith("item.prise")
    assert marks.count("^") == len("item.prise")


def test_of_a_long_text_the_part_around_the_culprit_is_shown() -> None:
    shown, marks = refused("item.price < 1 and " * 20 + "item.prise < 5").split("\n")[-2:]
    assert len(shown) < 90
    assert shown[marks.index("^") :].startswith("item.prise")


@pytest.mark.parametrize(
    "text",
    [
        "item.price < 5 or " * 700 + "item.new",
        "(" * 100 + "item.new" + ")" * 100 + " and " + "not " * 100 + "item.new",
        "not " * 1_000 + "item.new",
        "(" * 3_000 + "item.new" + ")" * 3_000,
        "-" * 2_000 + "item.price < 1",
        "1" + "+1" * 2_000 + " < 2",
        "item" + ".a" * 2_000 + " == 1",
        "[" * 200 + "]" * 200,
        "item.new\0",
        "item.brand == '\ud800'",
        "9" * 5_000 + " < item.price",
        "",
        "   \n ",
    ],
)
def test_what_is_too_much_is_refused(text: str) -> None:
    assert "does not fit" in refused(text)


def test_the_bounds() -> None:
    long = "item.brand in [" + ", ".join(["'abcdefgh'"] * 600) + "]"
    assert condition(long, KNOWN).used == {"item.brand"}
    assert str(MAX_BYTES) in refused("item.brand == '" + "a" * 10_000 + "'")
    assert condition("not " * (MAX_DEPTH - 3) + "item.new", KNOWN).used == {"item.new"}
    assert str(MAX_DEPTH) in refused("not " * MAX_DEPTH + "item.new")
    assert str(MAX_PARTS) in refused(" or ".join(["item.new"] * (MAX_PARTS + 1)))


def test_lines_and_names_with_odd_letters() -> None:
    found = condition('item.new\n  and context["the-device"] == "phone"', KNOWN)
    assert found.used == {"item.new", "context.the-device"}
    assert found.looks_at("context.")
    assert not found.looks_at("user.", "now")


PIECES = ["item.price", "now", "(", ")", "[", "]", "<", "==", "'a'", "1", "and", "not", "in", ",", "-", "*", ":", "=", "{"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
def test_any_text_is_an_expression_or_a_fault(text: str) -> None:
    with contextlib.suppress(FilterError):
        assert condition(text, KNOWN).used <= {"item.price", "now"}
