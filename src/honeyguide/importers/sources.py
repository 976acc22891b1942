"""Files, frames and queries -> rows, in chunks of bounded size; a row that cannot be read is `Broken` in its place.

Text is read line by line and never all at once, also out of gzip, zstd and zip. Damage stays where it is: a line with a
stray quote, a wrong number of fields or bytes of another encoding costs that line, not the ones after it.
"""

import csv
import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

import msgspec
import polars as pl

from honeyguide.errors import InvalidInput, NotFound
from honeyguide.importers import queries
from honeyguide.ingest.decode import explain

Row = dict[str, Any]
Table = Path | pl.DataFrame | queries.Select
"""What can be imported."""

CHUNK_ROWS: Final = 5_000
FORMATS: Final = ("csv", "tsv", "jsonl", "parquet")
_SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_PACKED: Final = (".gz", ".zst", ".zip")
_DELIMITERS: Final = (",", ";", "\t", "|")
_UNPACK: Final = {".gz": "gunzip", ".zst": "zstd -d", ".zip": "unzip"}
_ZIP_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_DAMAGE: Final = (OSError, EOFError, zlib.error, zipfile.BadZipFile, UnicodeError, pl.exceptions.PolarsError)


class Broken(NamedTuple):
    """A row that could not be read: a stable code, what to do about it, and its text."""

    code: str
    detail: str
    raw: str


@dataclass(frozen=True)
class Chunk:
    """Rows that follow one another; `first` is the number of the first, counted from 1."""

    first: int
    rows: list[Row | Broken]


@dataclass(frozen=True)
class Reading:
    """How text is read. `columns` are the names where the file has no header; `encoding` None is UTF-8."""

    format: str | None = None
    columns: tuple[str, ...] = ()
    encoding: str | None = None


PLAIN: Final = Reading()


def chunks(source: Table, reading: Reading) -> Iterator[Chunk]:
    """All rows of a source. Raises NotFound for a file that is not there, InvalidInput where it cannot be read on."""
    rows = iter(_rows(source, reading))
    first = 1
    while part := list(islice(rows, CHUNK_ROWS)):
        yield Chunk(first, part)
        first += len(part)


def name_of(source: Table) -> str:
    """How a source is called in reports."""
    return "data frame" if isinstance(source, pl.DataFrame) else source.name


def count_rows(source: Table, reading: Reading) -> int | None:
    """The number of rows (of text: about, as fields may hold line ends); None where only reading would tell."""
    if isinstance(source, pl.DataFrame):
        return source.height
    if isinstance(source, queries.Select) or _packing(source):
        return None
    with _readable(source):
        if _format_of(source, reading) == "parquet":
            return int(pl.scan_parquet(source, glob=False).select(pl.len()).collect().item())
        with source.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    has_header = _format_of(source, reading) != "jsonl" and not reading.columns
    return max(0, lines - has_header)


def content_hash(path: Path) -> str:
    """A hash of a file's bytes: what it is called and when it was written do not matter."""
    with _readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _rows(source: Table, reading: Reading) -> Iterator[Row | Broken]:
    if isinstance(source, pl.DataFrame):
        yield from _frame_rows([source])
        return
    if isinstance(source, queries.Select):
        yield from queries.rows_of(source)
        return
    form = _format_of(source, reading)
    with _readable(source):
        if form == "parquet":
            yield from _frame_rows(_parquet(source))
        elif form == "jsonl":
            yield from map(_json_row, (line for line in _lines(source, reading.encoding) if not line.isspace()))
        else:
            yield from _table_rows(_lines(source, reading.encoding), form, reading.columns)


def _format_of(path: Path, reading: Reading) -> str:
    if reading.format is not None:
        return reading.format
    plain = path.with_suffix("") if _packing(path) else path
    if (form := _SUFFIXES.get(plain.suffix.lower())) is None:
        raise InvalidInput(
            f"{path.name} does not say by its name what it is.",
            cure=f"Say it with --format: {', '.join(FORMATS)} (plain, or packed as .gz, .zst or .zip).",
        )
    return form


def _packing(path: Path) -> str:
    """`.gz`, `.zst`, `.zip` or nothing."""
    return path.suffix.lower() if path.suffix.lower() in _PACKED else ""


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What the operating system and the unpackers say about a file, in words of ours."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", cure="Check the path; quote it if it holds spaces.") from None
    except UnicodeError as error:
        raise InvalidInput(f"{path.name} is not in the encoding it was read in ({error}).", cure=_ENCODING) from error
    except _DAMAGE as error:
        raise InvalidInput(
            f"{path.name} cannot be read to its end: {error}.",
            cure="Get the file once more and import again: rows that were imported already are not counted twice.",
            code="damaged_file",
        ) from error


_ENCODING: Final = "If it comes from a spreadsheet, say its encoding: --encoding latin-1 (or cp1252, utf-16)."


def _frame_rows(frames: Iterable[pl.DataFrame]) -> Iterator[Row]:
    for frame in frames:
        for part in frame.iter_slices(CHUNK_ROWS):
            yield from part.to_dicts()


def _parquet(path: Path) -> Iterator[pl.DataFrame]:
    if _packing(path):
        raise InvalidInput(
            f"{path.name} is a packed Parquet file, which cannot be read in parts.",
            cure=f"Unpack it first ({_UNPACK[_packing(path)]}); Parquet is compressed inside.",
        )
    yield from _batches(pl.scan_parquet(path, glob=False))


def _batches(query: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """What a query gives, part by part; it ends when nobody asks on."""
    yield from query.collect_batches(chunk_size=CHUNK_ROWS, maintain_order=True)


def _lines(path: Path, encoding: str | None) -> Iterator[str]:
    """The lines of a text file with their ends. Bytes that are not of the encoding become lone surrogates."""
    if _packing(path) == ".zst":
        if encoding is not None:
            raise InvalidInput("Only UTF-8 is read out of .zst files.", cure="Unpack it with zstd -d and import that.")
        for frame in _batches(pl.scan_lines(path, glob=False)):
            yield from (f"{line}\n" for line in frame.get_column("line").to_list())
        return
    with (
        _open(path) as file,
        io.TextIOWrapper(file, encoding=encoding or "utf-8-sig", errors="surrogateescape", newline="") as text,
    ):
        yield from text


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked."""
    if _packing(path) != ".zip":
        with cast(IO[bytes], gzip.open(path, "rb")) if _packing(path) == ".gz" else path.open("rb") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive, archive.open(_only_member(archive, path)) as member:
        yield member


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """The one file of an archive, as a name says one format; folders and what macOS adds do not count."""
    members = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        names = ", ".join(each.filename for each in members[:5])
        problem = f"{path.name} holds {len(members)} files, not one" + (f": {names}" if names else "")
        raise InvalidInput(f"{problem}.", cure="Unpack it (unzip) and import its files.")
    if members[0].flag_bits & 1 or members[0].compress_type not in _ZIP_METHODS:
        raise InvalidInput(f"{path.name} is encrypted, or packed in a rare way.", cure="Unpack it and import what is in it.")
    return members[0]


def _json_row(line: str) -> Row | Broken:
    if not _is_sound(line):
        return _not_utf8(line)
    try:
        return _decode_object(line)
    except (msgspec.DecodeError, RecursionError) as error:
        fault = explain(error, line.encode(), dict)
        return Broken(fault.code, fault.detail, line)


_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


def _table_rows(lines: Iterator[str], form: str, columns: tuple[str, ...]) -> Iterator[Row | Broken]:
    """Rows of delimited text. Where a record does not come out right and spans lines, only its first line is given up:
    a stray quote has then swallowed the ones after it."""
    feed = _Feed(lines)
    delimiter = "\t" if form == "tsv" else _delimiter(feed.peek())
    reader = csv.reader(feed, delimiter=delimiter)
    names = columns or _header(next(reader, []))
    while True:
        feed.taken.clear()
        try:
            fields, problem = next(reader), ""
        except StopIteration:
            return
        except csv.Error as error:
            fields, problem = [], str(error)
        raw = feed.taken[0] if len(feed.taken) == 1 else "".join(feed.taken)
        sound = _is_sound(raw) and (len(feed.taken) == 1 or _is_well_formed(feed.taken, delimiter))
        if sound and len(fields) == len(names):
            yield dict(zip(names, fields, strict=True))
        elif raw.strip("\r\n"):
            yield _broken_record(feed, problem or f"the row has {len(fields)} fields and the header {len(names)}")
            reader = csv.reader(feed, delimiter=delimiter)


def _is_well_formed(lines: list[str], delimiter: str) -> bool:
    """Whether every quotation mark that opens a field of these lines also closes it, right before a separator."""
    try:
        return len(list(csv.reader(lines, delimiter=delimiter, strict=True))) == 1
    except csv.Error:
        return False


def _broken_record(feed: "_Feed", problem: str) -> Broken:
    first, *others = feed.taken
    feed.push_back(others)
    if not _is_sound(first):
        return _not_utf8(first)
    if others:
        detail = "a quotation mark opens a field and does not close it; close it, or double it inside a field."
        return Broken("stray_quote", detail, first)
    return Broken("wrong_columns", f"{problem}; quote fields that hold the separator.", first)


class _Feed:
    """Lines for the CSV reader; `taken` are those of the present record, which can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._returned: list[str] = []
        self.taken: list[str] = []

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._returned.pop() if self._returned else next(self._lines)
        self.taken.append(line)
        return line

    def push_back(self, lines: list[str]) -> None:
        self._returned.extend(reversed(lines))

    def peek(self) -> str:
        """The first line, left where it is."""
        line = next(self._lines, "")
        if line:
            self.push_back([line.removeprefix("\ufeff")])
        return line


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=lambda mark: (header.count(mark), -_DELIMITERS.index(mark)))


def _header(names: list[str]) -> tuple[str, ...]:
    names = [name.strip() for name in names]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InvalidInput(
            f"Two columns are called {twice[0]!r}.", cure="Rename one in the file's first line, so that each can be named."
        )
    return tuple(names)


def _is_sound(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_utf8(line: str) -> Broken:
    readable = line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return Broken("not_utf8", f"the row holds bytes that are not UTF-8. {_ENCODING}", readable)
