"""The parts that an import is made of: batches under way, the quarantine, the report."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from honeyguide.errors import InvalidInput, Unavailable
from honeyguide.importers.columns import map_columns, read_map
from honeyguide.importers.quarantine import Quarantine
from honeyguide.importers.report import REASONS, ImportReport
from honeyguide.importers.run import IN_FLIGHT, InFlight, Placed, cells_of, decimal_ids, sound_rows, split
from honeyguide.importers.sources import Broken, Chunk, Row
from honeyguide.ingest.faults import Fault
from honeyguide.messages import IngestReport
from tests.importers.project import lines_of

BAD = Fault("bad_time", "ts", "ts is not a time; correct it.")


class Line:
    """A way in that answers when it is told to, in any order."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.settled: list[tuple[str, int]] = []
        self.gates: list[asyncio.Event] = []
        self.flight = InFlight[str](self.send, self.settle)

    async def send(self, messages: Sequence[str]) -> IngestReport:
        gate = asyncio.Event()
        self.sent.append(messages[0])
        self.gates.append(gate)
        await gate.wait()
        if messages[0] == "broken":
            raise Unavailable("gone", cure="wait")
        return IngestReport(accepted=len(messages))

    async def settle(self, placed: Sequence[Placed[str]], report: IngestReport) -> None:
        self.settled.append((placed[0].message, report.accepted))


def batch(name: str) -> list[Placed[str]]:
    return [Placed(1, "", name)]


def test_batches_set_out_at_once_and_are_settled_in_their_order() -> None:
    async def work() -> None:
        line = Line()
        for name in "abcd":
            await line.flight.add(batch(name))
        assert line.sent == ["a", "b", "c", "d"]
        assert len(line.sent) == IN_FLIGHT
        fifth = asyncio.ensure_future(line.flight.add(batch("e")))
        for gate in reversed(line.gates[1:]):
            gate.set()
        await asyncio.sleep(0)
        assert (line.sent[-1], line.settled) == ("d", [])
        line.gates[0].set()
        await fifth
        assert line.settled[:1] == [("a", 1)]
        line.gates[4].set()
        await line.flight.finish()
        assert line.settled == [(name, 1) for name in "abcde"]

    asyncio.run(work())


def test_after_an_error_nothing_later_is_settled_and_nothing_is_left_running() -> None:
    async def work() -> None:
        line = Line()
        for name in ("a", "broken", "c"):
            await line.flight.add(batch(name))
        for gate in line.gates:
            gate.set()
        with pytest.raises(Unavailable):
            await line.flight.finish()
        await line.flight.abandon()
        assert line.settled == [("a", 1)]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(work())


def test_a_chunk_is_split_into_messages_and_rows_that_are_none() -> None:
    rows: list[Row | Broken] = [{"a": 1}, Broken("not_json", "no JSON", "{"), {"a": 2}, {"a": 3}]
    placed, faulty = split(Chunk(11, rows), lambda row: BAD if row["a"] == 2 else str(row["a"]))
    assert [(each.number, each.message) for each in placed] == [(11, "1"), (14, "3")]
    assert [(each.number, each.raw, each.message.code) for each in faulty] == [
        (12, "{", "not_json"),
        (13, {"a": 2}, "bad_time"),
    ]
    assert sound_rows(Chunk(11, rows)) == [{"a": 1}, {"a": 2}, {"a": 3}]


@pytest.mark.parametrize(
    ("users", "words"),
    [
        ([17.0, None], "column of decimals"),
        (["17.0", "18.0", ""], "kept exactly so"),
        (["17.0", "x"], ""),
        ([17], ""),
        ([None], ""),
    ],
)
def test_ids_that_are_decimals_are_noticed(users: list[Any], words: str) -> None:
    rows = [{"user": user, "item": "i", "ts": 1, "type": "view"} for user in users]
    notes = decimal_ids(rows, map_columns("events", list(rows[0]), read_map("events", [])))
    assert bool(notes) == bool(words)
    assert words in "".join(notes)


def test_a_constant_stands_in_every_cell() -> None:
    columns = map_columns("events", ["user", "item", "ts"], read_map("events", ["type==view"]))
    assert cells_of([{"user": "u", "ts": 3}, {}], columns, "type") == ["view"]
    assert cells_of([{"user": "u", "ts": 3}, {}], columns, "ts") == [3, None]


def test_the_quarantine_is_made_with_its_first_row_and_replaces_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text("of another import\n")
    with Quarantine(path) as quarantine:
        assert not quarantine.written
        assert path.read_text() == "of another import\n"
        quarantine.add("a.csv", 3, {"day": date(2025, 1, 2), "blob": b"\x00", "name": "Größe"}, BAD)
        quarantine.add("b.csv", 4, "half a line", BAD)
        assert quarantine.written == str(path)
    first, second = lines_of(path)
    assert first == {
        "source": "a.csv",
        "row": 3,
        "code": "bad_time",
        "field": "ts",
        "reason": BAD.detail,
        "raw": {"day": "2025-01-02", "blob": "AA==", "name": "Größe"},
    }
    assert (second["source"], second["row"], second["raw"]) == ("b.csv", 4, "half a line")


def test_a_quarantine_may_only_count_or_end_the_import(tmp_path: Path) -> None:
    with Quarantine(None) as nowhere:
        nowhere.add("a.csv", 1, {}, BAD)
        assert nowhere.written is None
    with Quarantine(tmp_path / "q.jsonl", "fail") as strict, pytest.raises(InvalidInput) as caught:
        strict.add("a.csv", 7, {}, BAD)
    assert not (tmp_path / "q.jsonl").exists()
    assert (caught.value.code, caught.value.errors[0].pointer) == ("bad_time", "/ts")
    assert "Row 7 of a.csv" in caught.value.detail


def test_the_report_says_why_in_words_most_frequent_first() -> None:
    report = ImportReport(
        kind="events", sources=["a"], quarantined={"future_time": 14, "missing_item": 1_450, "odd_code": 14}
    )
    assert report.reasons() == "1,450 no item_id, 14 future time, 14 odd code"
    assert report.refused == 1_478
    assert ImportReport(kind="items", sources=[]).reasons() == ""


def test_the_report_is_json_for_machines() -> None:
    report = ImportReport(kind="events", sources=["a"], quarantined={"future_time": 1}, mapping={"user_id": "uid"})
    assert msgspec.json.decode(msgspec.json.encode(report), type=ImportReport) == report


def test_words_for_reasons_are_short() -> None:
    assert all((len(words) < 30 and words[0].islower()) or words.startswith("JSON") for words in REASONS.values())
