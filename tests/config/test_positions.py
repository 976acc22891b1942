"""Lines of keys, against a tree that tomllib reads from the same text."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.config.positions import KeyPath, key_lines
from honeyguide.config.reference import literal


def paths(tree: Any, prefix: KeyPath = ()) -> set[KeyPath]:
    """Every path in a tree."""
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = {prefix} if prefix else set()
    for key, value in members:
        found |= paths(value, (*prefix, key))
    return found


HARD = '''\
# a comment with [brackets] and = signs
title = "a # no comment"   # a comment
"quoted key" . b = 1
'a.b' = 'raw \\ text]'
long = """one
two = 2
"three" \\""" four"""
raw = \'\'\'
[nothing]
\'\'\'
list = [ # why
  1, 2,

  { a = 1, b = [3, "]" ] }, # last
]
when = 1979-05-27 07:32:00 # a space inside
empty = {}
none = []

[server]
port = 1
  [server.deep."x y"]
  z = true

[[surfaces]]
name = "a"
[surfaces.more]
q = 1
[[surfaces]]
name = "b"
  [[surfaces.inner]]
  v = 1
  [[surfaces.inner]]
  v = 2
'''


def test_every_key_of_a_hard_file_has_its_line() -> None:
    found = key_lines(HARD)
    assert set(found) == paths(tomllib.loads(HARD))
    lines = HARD.split("\n")
    expected: dict[KeyPath, str] = {
        ("title",): "title =",
        ("quoted key", "b"): '"quoted key"',
        ("a.b",): "'a.b'",
        ("long",): "long =",
        ("raw",): "raw =",
        ("list", 0): "1, 2",
        ("list", 2, "b", 1): "{ a = 1",
        ("when",): "when =",
        ("server",): "[server]",
        ("server", "deep", "x y", "z"): "z = true",
        ("surfaces", 0): "[[surfaces]]",
        ("surfaces", 0, "more", "q"): "q = 1",
        ("surfaces", 1, "name"): 'name = "b"',
        ("surfaces", 1, "inner", 1, "v"): "v = 2",
    }
    for path, text in expected.items():
        assert text in lines[found[path] - 1], path


def test_windows_line_ends_count_once() -> None:
    assert key_lines("a = 1\r\n\r\n[b]\r\nc = 2\r\n") == {("a",): 1, ("b",): 3, ("b", "c"): 4}


def test_nothing_in_nothing() -> None:
    assert key_lines("") == {}
    assert key_lines("# only a comment") == {}


scalars = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.text(st.characters(codec="utf-8"), max_size=12))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), values, max_size=5))
def test_any_tree_written_as_toml_gives_all_its_paths(tree: dict[str, Any]) -> None:
    text = "".join(f"{literal(key)} = {literal(value)}\n" for key, value in tree.items())
    assert tomllib.loads(text) == tree
    found = key_lines(text)
    assert set(found) == paths(tree)
    assert [found[(key,)] for key in tree] == list(range(1, len(tree) + 1))


@pytest.mark.parametrize("name", ["pyproject.toml"])
def test_a_real_file(name: str) -> None:
    text = (Path(__file__).parents[2] / name).read_text("utf-8")
    found = key_lines(text)
    assert set(found) == paths(tomllib.loads(text))
    assert text.split("\n")[found["tool", "ruff", "line-length"] - 1].startswith("line-length")
