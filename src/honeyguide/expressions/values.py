"""Values of an expression for all items at once: arrays with one entry per item, or with one entry that is everybody's.

Nothing is an error here: what is not there, is of another kind or is no finite number is missing, and stays so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from honeyguide.types import BoolArray, IntArray

Doubles = NDArray[np.float64]
Word = str | float

MISSING: Final = -1
_UNKNOWN_WORD: Final = -2


@dataclass(frozen=True, slots=True)
class Numbers:
    """float64 [n or 1], NaN where missing; also times and durations, in ms."""

    values: Doubles

    @property
    def known(self) -> BoolArray:
        """Where there is a number."""
        return ~np.isnan(self.values)


@dataclass(frozen=True, slots=True)
class Truths:
    """bool [n or 1]: `true` only where `known`."""

    true: BoolArray
    known: BoolArray


@dataclass(frozen=True, slots=True)
class Texts:
    """int32 [n or 1]: numbers of `words`, -1 where missing; `number_of` finds the number of a word, each has one."""

    codes: IntArray
    words: Sequence[str]
    number_of: Mapping[str, int]

    @property
    def known(self) -> BoolArray:
        """Where there is a text."""
        return self.codes >= 0

    def per_word(self, of: Callable[[str], Any], nothing: Any, kind: Any) -> NDArray[Any]:
        """[n or 1] of `kind`: what `of` says of the texts, `nothing` where missing. Each word is asked about once."""
        if len(self.codes) == 1:
            return np.array([of(self.words[self.codes[0]]) if self.codes[0] >= 0 else nothing], kind)
        found = np.empty(len(self.words) + 1, kind)
        found[:-1] = [of(word) for word in self.words]
        found[-1] = nothing
        return np.asarray(found[self.codes])  # -1 reads the last entry

    def mapped(self, of: Callable[[str], str]) -> "Texts":
        """The texts, each turned into another."""
        number_of: dict[str, int] = {}
        moved = np.array([number_of.setdefault(of(word), len(number_of)) for word in self.words] + [MISSING], np.int32)
        return Texts(moved[self.codes], list(number_of), number_of)


@dataclass(frozen=True, slots=True)
class Lists:
    """int32 [n or 1, width]: numbers of `words`, -1 in places that are not used; `known` bool [n or 1]."""

    codes: IntArray
    words: Sequence[Word]
    number_of: Mapping[Any, int]
    known: BoolArray


@dataclass(frozen=True, slots=True)
class Mixed:
    """A value that may be of another kind for each item; in every part it is missing where it is none of that kind."""

    numbers: Numbers
    truths: Truths
    texts: Texts
    lists: Lists


Value = Numbers | Truths | Texts | Lists | Mixed

NO_NUMBERS: Final = Numbers(np.full(1, np.nan))
NO_TRUTHS: Final = Truths(np.zeros(1, np.bool_), np.zeros(1, np.bool_))
NO_TEXTS: Final = Texts(np.full(1, MISSING, np.int32), (), {})
NO_LISTS: Final = Lists(np.empty((1, 0), np.int32), (), {}, np.zeros(1, np.bool_))
NOTHING: Final = Mixed(NO_NUMBERS, NO_TRUTHS, NO_TEXTS, NO_LISTS)


def finite(values: Doubles) -> Numbers:
    """Numbers in which what is not finite is missing."""
    return Numbers(np.where(np.isfinite(values), values, np.nan))


def truths(true: BoolArray, known: BoolArray) -> Truths:
    """Truths that are false where nothing is known."""
    known = np.broadcast_to(known, np.broadcast_shapes(true.shape, known.shape))
    return Truths(true & known, known)


def numbers_of(value: Value) -> Numbers:
    """The value where it is a number."""
    return value if isinstance(value, Numbers) else value.numbers if isinstance(value, Mixed) else NO_NUMBERS


def truths_of(value: Value) -> Truths:
    """The value where it is true or false."""
    return value if isinstance(value, Truths) else value.truths if isinstance(value, Mixed) else NO_TRUTHS


def texts_of(value: Value) -> Texts:
    """The value where it is a text."""
    return value if isinstance(value, Texts) else value.texts if isinstance(value, Mixed) else NO_TEXTS


def lists_of(value: Value) -> Lists:
    """The value where it is a list."""
    return value if isinstance(value, Lists) else value.lists if isinstance(value, Mixed) else NO_LISTS


def known_of(value: Value) -> BoolArray:
    """Where there is a value of any kind."""
    if not isinstance(value, Mixed):
        return value.known
    return value.numbers.known | value.truths.known | value.texts.known | value.lists.known


def constant(value: Any) -> Value:
    """A plain value as everybody's; `NOTHING` for None and for what has no kind here, such as tables."""
    if isinstance(value, bool):
        return Truths(np.array([value]), np.ones(1, np.bool_))
    if isinstance(value, int | float):
        return finite(np.array([as_float(value)]))
    if isinstance(value, str):
        return Texts(np.zeros(1, np.int32), [value], {value: 0})
    if isinstance(value, list | tuple | set | frozenset):
        words = words_of(value)
        codes = np.arange(len(words), dtype=np.int32)[None, :]
        return Lists(codes, words, {word: at for at, word in enumerate(words)}, np.ones(1, np.bool_))
    return NOTHING


def words_of(values: Any) -> list[Word]:
    """The texts and numbers among values, each once: numbers as floats."""
    plain = [value for value in values if isinstance(value, str | int | float) and not isinstance(value, bool)]
    return list(dict.fromkeys(value if isinstance(value, str) else as_float(value) for value in plain))


def as_float(value: float) -> float:
    """The number; infinite if no float can hold it."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def same_texts(left: Texts, right: Texts) -> BoolArray:
    """bool [n or 1]: where both have the same text."""
    if len(left.codes) == 1 and len(right.codes) > 1:
        left, right = right, left
    return np.asarray((renumbered(right, left) == left.codes) & left.known)


def per_pair(part: Texts, whole: Texts, of: Callable[[str, str], bool]) -> Truths:
    """What `of` says of two texts, where both are there. Each pair of words is asked about once."""
    known = part.known & whole.known
    if len(part.codes) == 1:
        word = part.words[part.codes[0]] if part.codes[0] >= 0 else ""
        return truths(whole.per_word(lambda each: of(word, each), False, np.bool_), known)
    first, second = np.broadcast_arrays(part.codes, whole.codes)
    pairs, place = np.unique(np.stack([first[known], second[known]]), axis=1, return_inverse=True)
    asked = np.array([of(part.words[one], whole.words[other]) for one, other in pairs.T.tolist()], np.bool_)
    true = np.zeros(len(known), np.bool_)
    true[known] = asked[place]
    return truths(true, known)


def renumbered(texts: Texts, others: Texts | Lists) -> IntArray:
    """The texts as numbers of the others' words, -1 where missing and -2 where the others have no such word."""
    if texts.words is others.words:
        return texts.codes
    if len(texts.codes) == 1:
        code = int(texts.codes[0])
        return np.array([others.number_of.get(texts.words[code], _UNKNOWN_WORD) if code >= 0 else MISSING], np.int32)
    moved = np.array([others.number_of.get(word, _UNKNOWN_WORD) for word in texts.words] + [MISSING], np.int32)
    return np.asarray(moved[texts.codes])


def inside(value: Value, lists: Lists) -> BoolArray:
    """bool [n or 1]: where the text or number is in the list."""
    texts, numbers = texts_of(value), numbers_of(value)
    codes = renumbered(texts, lists)
    if texts.codes is not NO_TEXTS.codes and len(lists.codes) == 1:
        found = np.isin(codes, lists.codes[0][lists.codes[0] >= 0])
    else:
        found = ((lists.codes == codes[:, None]) & (codes >= 0)[:, None]).any(axis=1)
    return np.asarray(found | _number_inside(numbers, lists)) if numbers is not NO_NUMBERS else np.asarray(found)


def _number_inside(numbers: Numbers, lists: Lists) -> BoolArray:
    if not any(isinstance(word, float) for word in lists.words):
        return np.zeros(1, np.bool_)
    held = np.array([word if isinstance(word, float) else np.nan for word in lists.words] + [np.nan])
    return np.asarray((held[lists.codes] == numbers.values[:, None]).any(axis=1))


def overlapping(left: Lists, right: Lists) -> BoolArray:
    """bool [n or 1]: where two lists have a word in common."""
    if len(left.codes) == 1 and len(right.codes) > 1:
        left, right = right, left
    moved = np.array([left.number_of.get(word, _UNKNOWN_WORD) for word in right.words] + [_UNKNOWN_WORD], np.int32)
    wanted = moved[right.codes]
    if len(wanted) == 1:
        return np.asarray(np.isin(left.codes, wanted[0][wanted[0] >= 0]).any(axis=1))
    found = (left.codes[:, :, None] == wanted[:, None, :]) & (wanted >= 0)[:, None, :]
    return np.asarray(found.any(axis=(1, 2)))
