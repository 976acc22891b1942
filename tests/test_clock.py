"""Ids are ordered by time, never reused, and built as ULIDs are."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.clock import ManualClock, RequestIds, SystemClock

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def number(text: str) -> int:
    value = 0
    for letter in text:
        value = value * 32 + CROCKFORD.index(letter)
    return value


@given(st.lists(st.integers(-5, 5), max_size=200), st.integers(0, 2**32))
def test_ids_are_ordered_and_unique_even_when_the_clock_goes_back(steps: list[int], seed: int) -> None:
    clock = ManualClock(1_780_000_000_000)
    ids = RequestIds(clock, random.Random(seed).getrandbits)
    made = [ids.next()]
    for step in steps:
        clock.ms += step
        made.append(ids.next())
    assert made == sorted(set(made))
    assert all(len(each) == 26 for each in made)


@given(st.integers(0, 2**48 - 1))
def test_the_first_ten_characters_are_the_time(ms: int) -> None:
    made = RequestIds(ManualClock(ms), random.Random(1).getrandbits).next()
    assert number(made[:10]) == ms
    assert len(made) == 26


def test_two_processes_do_not_make_the_same_id() -> None:
    clock = ManualClock()
    assert RequestIds(clock).next() != RequestIds(clock).next()


def test_the_system_clock_tells_milliseconds_and_goes_on() -> None:
    clock = SystemClock()
    assert clock.now_ms() > 1_700_000_000_000
    assert clock.monotonic() <= clock.monotonic()


def test_the_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(1000)
    assert (clock.now_ms(), clock.monotonic()) == (1000, 1.0)
    clock.advance(2.5)
    assert clock.now_ms() == 3500
    assert clock.monotonic() == pytest.approx(3.5)
