"""Vectors of texts from an endpoint that speaks `/v1/embeddings` as OpenAI does, many local servers among them.

Each text is asked for once: its vector is kept by the hash of endpoint, model and text. Requests for lists never wait for
the endpoint; they see what is kept.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

import msgspec
import numpy as np

from honeyguide.errors import Unavailable
from honeyguide.outbound import Posts
from honeyguide.protocols import Described
from honeyguide.retrieval.text import text_of
from honeyguide.types import FloatArray

LONGEST: Final = 8_000  # characters of a text: about what the models look at
_LARGEST: Final = 16_384  # numbers of a vector


class VectorFile(Protocol):
    """Where vectors are kept: bytes by key. Of any thread, and of several processes."""

    def read(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that there are."""

    def write(self, found: Mapping[bytes, bytes]) -> None:
        """Keep more."""


class _Entry(msgspec.Struct):
    index: int
    embedding: list[float]


class _Answer(msgspec.Struct):
    data: list[_Entry]


_decode = msgspec.json.Decoder(_Answer)


class Embeddings:
    """The vectors of items' texts. `version` rises whenever more are known."""

    def __init__(
        self,
        outbound: Posts,
        vectors: VectorFile,
        *,
        url: str,
        model: str,
        fields: Sequence[str],
        key: str = "",
        batch: int = 64,
        timeout: float = 10.0,
    ) -> None:
        self._outbound, self._file = outbound, vectors
        self._url, self._model, self._fields = url, model, tuple(fields)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._batch, self._timeout = batch, timeout
        self._salt = hashlib.blake2b(f"{url}\n{model}\n".encode(), digest_size=16).digest()
        self.version = 0

    def filled(self, contents: Sequence[Described]) -> list[Described]:
        """The contents, those without a vector with that of their text, where it is known."""
        texts = {place: text for place, text in enumerate(map(self._text, contents)) if text}
        keys = {place: self._key(text) for place, text in texts.items()}
        known = self._file.read(list(dict.fromkeys(keys.values())))
        made = list(contents)
        for place, key in keys.items():
            if key in known:
                made[place] = replace(made[place], vector=np.frombuffer(known[key], np.float32))
        return made

    def fetch(self, contents: Iterable[Described], most: int) -> int:
        """Ask for the vectors that are not known, of at most `most` contents; how many came. Raises `Unavailable`."""
        texts = {self._key(text): text for text in map(self._text, contents) if text}
        known = self._file.read(list(texts))
        missing = [key for key in texts if key not in known][:most]
        for start in range(0, len(missing), self._batch):
            keys = missing[start : start + self._batch]
            vectors = self._ask([texts[key] for key in keys])
            self._file.write({key: vector.tobytes() for key, vector in zip(keys, vectors, strict=True)})
            self.version += 1
        return len(missing)

    def _text(self, content: Described) -> str:
        """What is asked for; nothing for what has a vector of its own."""
        return "" if content.vector is not None else text_of(content, self._fields)[:LONGEST]

    def _key(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(errors="replace"), digest_size=16, key=self._salt).digest()

    def _ask(self, texts: Sequence[str]) -> list[FloatArray]:
        clean = [text.encode(errors="replace").decode() for text in texts]
        body = msgspec.json.encode({"model": self._model, "input": clean, "encoding_format": "float"})
        most = 1_000_000 + len(texts) * _LARGEST * 24
        answer = self._outbound.post(self._url, body, timeout=self._timeout, headers=self._headers, most=most)
        try:
            entries = sorted(_decode.decode(answer).data, key=lambda entry: entry.index)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unavailable("The embeddings endpoint answers something else than vectors.") from error
        with np.errstate(over="ignore"):
            vectors = [np.array(entry.embedding, np.float32) for entry in entries]
        if [entry.index for entry in entries] != list(range(len(texts))):
            raise Unavailable(f"The embeddings endpoint answers {len(entries)} vectors for {len(texts)} texts.")
        if any(not 0 < len(vector) <= _LARGEST or not np.isfinite(vector).all() for vector in vectors):
            raise Unavailable("The embeddings endpoint answers what is no vector of finite numbers.")
        return vectors
