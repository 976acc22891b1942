"""Ids are ordered by time, never reused, and built as ULIDs are."""

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.clock import ManualClock, RequestIds, SystemClock, system_chance

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


def test_the_machines_chance_gives_no_bit_twice() -> None:
    chance, other = system_chance(), system_chance()
    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(lambda _: [chance.getrandbits(64) for _ in range(2_000)], range(4)))
    made = [number for part in parts for number in part] + [other.getrandbits(64) for _ in range(2_000)]
    assert len(set(made)) == 10_000


@pytest.mark.parametrize("bits", [1, 7, 8, 39, 63, 40_000])
def test_the_machines_chance_fills_all_bits_that_are_asked_for(bits: int) -> None:
    chance = system_chance()
    made = [chance.getrandbits(bits) for _ in range(200)]
    assert max(made) < 2**bits
    assert all(any(number >> place & 1 for number in made) for place in (0, bits - 1))
    assert all(0.0 <= chance.random() < 1.0 for _ in range(200))


@pytest.mark.filterwarnings("ignore:os.fork")  # a library of other tests warns of its threads
def test_a_fork_has_chance_of_its_own() -> None:
    chance = system_chance()
    chance.getrandbits(8)
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(into, chance.getrandbits(128).to_bytes(16, "big"))
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(out, 16)
    os.close(out)
    os.close(into)
    assert told != chance.getrandbits(128).to_bytes(16, "big")
