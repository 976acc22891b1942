"""Which line of a TOML file holds which key, so that an error can point at it.

tomllib gives values without positions. This reads only the shape of a text that tomllib has already accepted
(headers, keys, brackets and quotes), which is why it needs no error handling of its own.
"""

import re
import tomllib

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'')
_LONG = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Path of every key, table and element of `text` -> its line, counted from 1. `text` must be valid TOML."""
    reader = _Reader(text)
    reader.document()
    return reader.lines


class _Reader:
    """One pass over the text; `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.counts: dict[KeyPath, int] = {}  # how many elements an array of tables has so far

    def document(self) -> None:
        prefix: KeyPath = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                prefix = self.header()
            else:
                self.assignment(prefix)
            self.skip(_BLANK)

    def skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if not found:
            return ""
        self.at = found.end()
        return found[0]

    def mark(self, path: KeyPath, at: int) -> None:
        """Record `path` and the tables that it makes on the way; the first mention wins."""
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], self.text.count("\n", 0, at) + 1)

    def header(self) -> KeyPath:
        start, many = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        path = self.inside(self.key())
        self.at += 2 if many else 1
        if many:
            index = self.counts.get(path, 0)
            self.counts[path] = index + 1
            path = (*path, index)
        self.mark(path, start)
        return path

    def inside(self, keys: tuple[str, ...]) -> KeyPath:
        """The path of a header: `[a.b]` after `[[a]]` lies in the last element of `a`."""
        path: KeyPath = ()
        for key in keys:
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
            path = (*path, key)
        return path

    def key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self.skip(_SPACE)
            quoted = self.skip(_QUOTED)
            parts.append(str(tomllib.loads(f"key = {quoted}")["key"]) if quoted else self.skip(_BARE))
            self.skip(_SPACE)
            if self.text[self.at : self.at + 1] != ".":
                return tuple(parts)
            self.at += 1

    def assignment(self, prefix: KeyPath) -> None:
        start = self.at
        path = (*prefix, *self.key())
        self.mark(path, start)
        self.at += 1  # the equals sign
        self.value(path)

    def value(self, path: KeyPath) -> None:
        self.skip(_SPACE)
        opening = self.text[self.at]
        if opening == "[":
            self.array(path)
        elif opening == "{":
            self.inline_table(path)
        elif not (self.skip(_LONG) or self.skip(_QUOTED)):
            self.skip(_SCALAR)

    def array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while self.next_is_not("]"):
            self.mark((*path, index), self.at)
            self.value((*path, index))
            index += 1
        self.at += 1

    def inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while self.next_is_not("}"):
            self.assignment(path)
        self.at += 1

    def next_is_not(self, closing: str) -> bool:
        self.skip(_BLANK)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_BLANK)
        return self.text[self.at] != closing
