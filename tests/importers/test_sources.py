"""Rows out of files of all forms, and what damage costs."""

import gzip
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from honeyguide.errors import InvalidInput, NotFound
from honeyguide.importers.sources import CHUNK_ROWS, PLAIN, Broken, Reading, chunks, content_hash, count_rows

CSV = 'user,item,note\nu1,i1,"a, b"\nu2,i2,"two\nlines"\nu3,i3,"say ""hi"""\n'
JSONL = (
    '{"user":"u1","item":"i1","note":"a, b"}\n\n{"user":"u2","item":"i2","note":"two\\nlines"}\r\n'
    '{"user":"u3","item":"i3","note":"say \\"hi\\""}'
)
ROWS = [
    {"user": "u1", "item": "i1", "note": "a, b"},
    {"user": "u2", "item": "i2", "note": "two\nlines"},
    {"user": "u3", "item": "i3", "note": 'say "hi"'},
]


def written(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    if path.suffix.lower() == ".gz":
        data = gzip.compress(data)
    if path.suffix == ".zst":
        data = zstandard.compress(data)
    if path.suffix == ".zip":
        return zipped(path, {"in/it": data})
    path.write_bytes(data)
    return path


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def rows_of(source: Path | pl.DataFrame, reading: Reading = PLAIN) -> list[Any]:
    return [row for chunk in chunks(source, reading) for row in chunk.rows]


def codes(rows: list[Any]) -> list[str]:
    return [row.code if isinstance(row, Broken) else "" for row in rows]


@pytest.mark.parametrize("packing", ["", ".gz", ".zst", ".zip"])
@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".csv", CSV),
        (".csv", CSV.replace("\n", "\r\n").replace("two\r\n", "two\n")),
        (".csv", "\ufeff" + CSV),
        (".csv", CSV.rstrip("\n")),
        (".csv", CSV + "\n\n"),
        (".csv", 'user;item;note\nu1;i1;a, b\nu2;i2;"two\nlines"\nu3;i3;"say ""hi"""\n'),
        (".csv", 'user|item|note\nu1|i1|a, b\nu2|i2|"two\nlines"\nu3|i3|"say ""hi"""\n'),
        (".tsv", 'user\titem\tnote\nu1\ti1\ta, b\nu2\ti2\t"two\nlines"\nu3\ti3\t"say ""hi"""\n'),
        (".jsonl", JSONL),
    ],
)
def test_every_form_gives_the_same_rows(tmp_path: Path, suffix: str, content: str, packing: str) -> None:
    path = written(tmp_path / f"events{suffix}{packing}", content)
    assert rows_of(path) == ROWS


def test_parquet_and_frames_keep_their_types(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user": [1, 2], "price": [1.5, None], "tags": [["a"], []]})
    frame.write_parquet(tmp_path / "a.parquet")
    wanted = [{"user": 1, "price": 1.5, "tags": ["a"]}, {"user": 2, "price": None, "tags": []}]
    assert rows_of(tmp_path / "a.parquet") == rows_of(frame) == wanted
    assert count_rows(tmp_path / "a.parquet", PLAIN) == count_rows(frame, PLAIN) == 2


def test_rows_come_in_chunks_and_only_as_far_as_they_are_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "cut.csv.gz", "a,b\n" + "".join(f"{n},{n * 7919 % 104729}\n" for n in range(3 * CHUNK_ROWS)))
    path.write_bytes(path.read_bytes()[:-100])
    found = chunks(path, PLAIN)
    first = next(found)
    assert (first.first, len(first.rows)) == (1, CHUNK_ROWS)
    assert next(found).first == CHUNK_ROWS + 1
    with pytest.raises(InvalidInput):
        next(found)


@pytest.mark.parametrize("packing", [".gz", ".zst", ".zip"])
def test_a_packed_file_that_is_cut_off_says_so(tmp_path: Path, packing: str) -> None:
    path = written(tmp_path / f"a.csv{packing}", "a,b\n" + "".join(f"{n},{n * 7919 % 104729}\n" for n in range(50_000)))
    path.write_bytes(path.read_bytes()[:-1_000])
    with pytest.raises(InvalidInput) as caught:
        rows_of(path)
    assert caught.value.code == "damaged_file"
    assert "import again" in caught.value.cure


def test_an_archive_is_read_if_it_holds_one_file(tmp_path: Path) -> None:
    mac = zipped(tmp_path / "mac.csv.zip", {"a.csv": b"a,b\n1,2\n", "__MACOSX/._a.csv": b"\0", "folder/": b""})
    assert rows_of(mac) == [{"a": "1", "b": "2"}]
    with pytest.raises(InvalidInput, match=r"holds 2 files, not one: a\.csv, b\.csv"):
        rows_of(zipped(tmp_path / "two.csv.zip", {"a.csv": b"a\n1\n", "b.csv": b"a\n2\n"}))
    with pytest.raises(InvalidInput, match="holds 0 files, not one"):
        rows_of(zipped(tmp_path / "none.csv.zip", {}))
    with pytest.raises(InvalidInput, match="unzip"):
        rows_of(zipped(tmp_path / "a.parquet.zip", {"a.parquet": b"PAR1"}))


def test_a_locked_archive_says_so(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.csv.zip", {"a.csv": b"a\n1\n"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag of the directory's entry
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match="encrypted"):
        rows_of(path)


def test_a_row_with_too_many_or_too_few_fields_costs_itself(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "a,b\n1,2\n1,2,3\n1\n3,4\n")
    rows = rows_of(path)
    assert codes(rows) == ["", "wrong_columns", "wrong_columns", ""]
    assert rows[1].raw == "1,2,3\n"
    assert "3 fields and the header 2" in rows[1].detail


@pytest.mark.parametrize(
    "tail", ["8,9\n10,11\n", "", '8,"open\n10,11\n', "8,9\n" * 40_000], ids=["plain", "last", "two", "long"]
)
def test_a_quotation_mark_that_is_not_closed_costs_its_own_line(tmp_path: Path, tail: str) -> None:
    path = written(tmp_path / "a.csv", 'a,b\n1,2\n"x,7\n' + tail)
    rows = rows_of(path)
    assert codes(rows)[:2] == ["", "stray_quote" if tail else "wrong_columns"]
    assert rows[1].raw == '"x,7\n'
    assert len(rows) == 2 + tail.count("\n")
    assert codes(rows[2:]).count("") == tail.count("\n") - tail.count("open")


def test_two_stray_marks_do_not_swallow_what_is_between_them(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'a,b\n1,"x\n2,"y\n3,z\n')
    rows = rows_of(path)
    assert codes(rows) == ["stray_quote", "stray_quote", ""]
    assert rows[2] == {"a": "3", "b": "z"}


def test_marks_inside_a_field_are_text(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'a,b\n1,ring 5" wide\n2,the "best" one\n')
    assert rows_of(path) == [{"a": "1", "b": 'ring 5" wide'}, {"a": "2", "b": 'the "best" one'}]


def test_bytes_that_are_not_utf8_cost_their_row_and_are_shown(tmp_path: Path) -> None:
    rows = rows_of(written(tmp_path / "a.csv", b"a,b\n1,ok\n2,caf\xe9\n3,caf\xc3\xa9\n"))
    assert codes(rows) == ["", "not_utf8", ""]
    assert rows[1].raw == "2,caf\\xe9\n"
    assert "--encoding" in rows[1].detail
    assert codes(rows_of(written(tmp_path / "a.jsonl", b'{"a":1}\n{"a":"\xff"}\n'))) == ["", "not_utf8"]


def test_another_encoding_can_be_said(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv.gz", b"a,b\n2,caf\xe9\n")
    assert rows_of(path, Reading(encoding="latin-1")) == [{"a": "2", "b": "café"}]
    utf16 = written(tmp_path / "b.csv", "a,b\n2,café\n".encode("utf-16"))
    assert rows_of(utf16, Reading(encoding="utf-16")) == [{"a": "2", "b": "café"}]
    with pytest.raises(InvalidInput):
        rows_of(written(tmp_path / "a.csv.zst", "a,b\n1,2\n"), Reading(encoding="latin-1"))


@pytest.mark.parametrize("line", ["nonsense", "[1]", "3", "null", '{"a":NaN}', '{"a":1', '{"a":"\\ud800"}', "[" * 5_000])
def test_a_line_that_is_no_object_costs_itself(tmp_path: Path, line: str) -> None:
    rows = rows_of(written(tmp_path / "a.jsonl", f'{{"a":1}}\n{line}\n{{"a":2}}\n'))
    assert rows[0] == {"a": 1}
    assert isinstance(rows[1], Broken)
    assert rows[1].raw.strip() == line
    assert rows[2] == {"a": 2}


def test_a_file_without_a_header_gets_its_names(tmp_path: Path) -> None:
    path = written(tmp_path / "u.data", "196\t242\n186\t302\n")
    reading = Reading("tsv", ("user_id", "item_id"))
    assert rows_of(path, reading) == [{"user_id": "196", "item_id": "242"}, {"user_id": "186", "item_id": "302"}]
    assert count_rows(path, reading) == 2


@pytest.mark.parametrize("content", ["", "a,b\n", "\n"])
def test_an_empty_file_has_no_rows(tmp_path: Path, content: str) -> None:
    assert rows_of(written(tmp_path / "a.csv", content)) == []


def test_files_that_cannot_be_read_at_all_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        rows_of(tmp_path / "never.csv")
    with pytest.raises(InvalidInput, match="--format"):
        rows_of(written(tmp_path / "a.data", "a,b\n"))
    with pytest.raises(InvalidInput, match="Two columns"):
        rows_of(written(tmp_path / "a.csv", "a,b,a\n1,2,3\n"))
    with pytest.raises(InvalidInput, match="cannot be read"):
        rows_of(written(tmp_path / "a.parquet", "no parquet"))
    with pytest.raises(InvalidInput, match="Unpack it first"):
        rows_of(written(tmp_path / "a.parquet.gz", "no parquet"))
    with pytest.raises(InvalidInput):
        rows_of(tmp_path, Reading("csv"))


@pytest.mark.parametrize(
    "name", ["a[1].csv", "a[1].csv.zst", "a*.jsonl.zst", "a b?.parquet", "ä{x}.csv.gz", "A.CSV.GZ", "A.PARQUET"]
)
def test_a_file_is_read_under_any_name_and_no_other_beside_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "a1.csv").write_text("b\nother\n")
    path = tmp_path / name
    if name.lower().endswith(".parquet"):
        pl.DataFrame({"b": ["mine"]}).write_parquet(path)
    else:
        written(path, '{"b":"mine"}\n' if ".jsonl" in name else "b\nmine\n")
    assert rows_of(path) == [{"b": "mine"}]


def test_rows_are_counted_where_that_is_cheap(tmp_path: Path) -> None:
    assert count_rows(written(tmp_path / "a.csv", "a,b\n1,2\n3,4\n"), PLAIN) == 2
    assert count_rows(written(tmp_path / "a.jsonl", '{"a":1}\n{"a":2}\n'), PLAIN) == 2
    assert count_rows(written(tmp_path / "a.csv.gz", "a,b\n1,2\n"), PLAIN) is None


def test_a_content_hash_is_of_the_bytes_alone(tmp_path: Path) -> None:
    one, two = written(tmp_path / "a.csv", CSV), written(tmp_path / "b.csv", CSV)
    assert content_hash(one) == content_hash(two) != content_hash(written(two, CSV + "x"))
