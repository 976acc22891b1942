"""Items by their words: TF-IDF, and the few directions in which catalogues differ most.

A word weighs (1 + log tf) * idf in its item (Salton, Buckley, "Term-weighting approaches in automatic text retrieval", IPM
1988). The directions are the right singular vectors of items by words (Deerwester, Dumais, Furnas, Landauer, Harshman,
"Indexing by latent semantic analysis", JASIS 1990), so that items are alike that share no word but words of a kind; an item
created later is folded in by the same words and directions. The decomposition is the randomised one (Halko, Martinsson,
Tropp, "Finding structure with randomness", SIAM Review 2011, algorithms 4.4 and 5.1).
"""

import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csr_array

from honeyguide.protocols import Described
from honeyguide.types import FloatArray, LongArray

MOST_WORDS: Final = 2_000  # of an item
MOST_TERMS: Final = 50_000
MOST_FITTED: Final = 200_000  # items that the directions are found from; all are described by them
_VALUE: Final = 60  # characters up to which a property is also one term as a whole
_OVERSAMPLED: Final = 10
_POWERS: Final = 4
_WORD: Final = re.compile(r"[^\W_]+")
_UNSPACED: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f]{2,}")


def words_of(title: str, categories: Sequence[str], properties: Mapping[str, object], fields: Sequence[str]) -> list[str]:
    """The terms of an item: the words of its fields, and each category and short property as a whole.

    `fields`: `title`, `categories`, `properties` for all texts in them, or `properties.NAME`."""
    found: list[str] = []
    if "title" in fields:
        found += _words(title)
    if "categories" in fields:
        for name in categories:
            found += [f"category:{_plain(name)}", *_words(name)]
    for name, value in properties.items():
        if "properties" in fields or f"properties.{name}" in fields:
            found += _of_property(name, value)
    return found[:MOST_WORDS]


def text_of(content: Described, fields: Sequence[str]) -> str:
    """The same fields as one text for people, and for language models."""
    parts = [content.title] if "title" in fields else []
    if "categories" in fields and content.categories:
        parts.append(", ".join(content.categories))
    for name, value in content.properties.items():
        if "properties" in fields or f"properties.{name}" in fields:
            texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
            parts += [f"{name}: {', '.join(texts)}"] if texts else []
    return "\n".join(part for part in parts if part)


def _of_property(name: str, value: object) -> Iterator[str]:
    for text in value if isinstance(value, list) else [value]:
        if text is True:
            yield f"{name}:true"
        elif isinstance(text, str):
            if len(text) <= _VALUE:
                yield f"{name}:{_plain(text)}"
            yield from _words(text)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _words(text: str) -> Iterator[str]:
    """Words, and the pairs of neighbours in scripts that are written without spaces."""
    for match in _WORD.finditer(_plain(text)):
        word = match[0]
        if _UNSPACED.search(word):
            yield from (word[at : at + 2] for at in range(len(word) - 1))
        else:
            yield word


@dataclass(frozen=True, slots=True)
class TextSpace:
    """Terms with their weights `idf` float32 [terms], and `projection` float32 [terms, dimensions]."""

    terms: Mapping[str, int]
    idf: FloatArray
    projection: FloatArray

    @property
    def size(self) -> int:
        """Dimensions of a vector."""
        return int(self.projection.shape[1])

    def vectors(self, documents: Iterable[Sequence[str]]) -> FloatArray:
        """float32 [documents, size], each of length 1, or 0 where no term is known."""
        find = self.terms.get
        numbered = ([number for term in document if (number := find(term)) is not None] for document in documents)
        return unit(_weighted(numbered, self.idf) @ self.projection)


def fit_text(documents: Iterable[Sequence[str]], dimensions: int, *, seed: int = 0) -> TextSpace:
    """The space of a catalogue; a term that only one item has says nothing of likeness and is left out."""
    numbers: dict[str, int] = {}
    numbered = [array("i", [numbers.setdefault(term, len(numbers)) for term in document]) for document in documents]
    if len(numbered) > MOST_FITTED:
        drawn = np.random.default_rng(seed).choice(len(numbered), MOST_FITTED, replace=False)
        numbered = [numbered[place] for place in np.sort(drawn).tolist()]
    seen = np.zeros(len(numbers), np.int64)
    for document in numbered:
        seen[np.unique(document).astype(np.intp)] += 1
    kept = np.argsort(-seen, kind="stable")[:MOST_TERMS]
    kept = np.sort(kept[seen[kept] > 1])
    place = np.full(len(numbers), -1, np.int64)
    place[kept] = np.arange(len(kept))
    names = list(numbers)
    terms = {names[number]: at for at, number in enumerate(kept.tolist())}
    idf = (np.log((1 + len(numbered)) / (1 + seen[kept])) + 1).astype(np.float32)
    rows = (found[found >= 0].tolist() for found in (place[np.asarray(document, np.intp)] for document in numbered))
    return TextSpace(terms, idf, directions(_weighted(rows, idf), dimensions, seed=seed))


def _weighted(documents: Iterable[Sequence[int]], idf: FloatArray) -> csr_array:
    """float32 [documents, terms] of numbered terms: TF-IDF, rows of length 1."""
    columns, counts, ends = array("i"), array("f"), array("q", [0])
    for document in documents:
        found: dict[int, int] = {}
        for number in document:
            found[number] = found.get(number, 0) + 1
        columns.extend(found)
        counts.extend(found.values())
        ends.append(len(columns))
    indices = np.array(columns, np.int32)
    values = (1 + np.log(np.maximum(np.array(counts, np.float32), 1))) * idf[indices]
    lengths: LongArray = np.diff(np.array(ends, np.int64)).astype(np.int64)
    squares = np.bincount(np.repeat(np.arange(len(lengths)), lengths), values.astype(np.float64) ** 2, len(lengths))
    values /= np.repeat(np.sqrt(np.maximum(squares, 1e-30)), lengths)
    return csr_array((values.astype(np.float32), indices, np.array(ends, np.int64)), shape=(len(lengths), len(idf)))


def directions(matrix: csr_array | FloatArray, dimensions: int, *, seed: int = 0) -> FloatArray:
    """float32 [columns, d]: the first right singular vectors of `matrix`, d at most `dimensions`, each with its largest
    entry positive, so that the same data give the same signs."""
    most = min(dimensions, *matrix.shape)
    if not most:
        return np.zeros((matrix.shape[1], 0), np.float32)
    width = min(most + _OVERSAMPLED, *matrix.shape)
    basis, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((matrix.shape[1], width)).astype(np.float32))
    for _ in range(_POWERS):
        basis, _ = np.linalg.qr(matrix.T @ (matrix @ basis))
    seen = (matrix @ basis).astype(np.float32)
    squares, rotation = np.linalg.eigh((seen.T @ seen).astype(np.float64))  # least first
    rank = int(np.count_nonzero(squares[-most:] > 1e-9 * max(float(squares[-1]), 1e-30)))
    found = basis @ rotation[:, ::-1][:, :rank].astype(np.float32)
    signs = np.sign(found[np.abs(found).argmax(axis=0), np.arange(rank)])
    return np.ascontiguousarray(found * signs, np.float32)


def unit(vectors: FloatArray) -> FloatArray:
    """The same rows with length 1; those of length 0 stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    made: FloatArray = np.divide(vectors, lengths, out=np.zeros_like(vectors, np.float32), where=lengths > 1e-12)
    return made
