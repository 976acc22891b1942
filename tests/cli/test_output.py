"""Tables, labels, times, and text that must not steer a terminal."""

import io

import pytest
from rich.text import Text

from honeyguide.cli.output import Out, ago, clean, count, fit, table
from honeyguide.cli.progress import progress
from honeyguide.clock import ManualClock


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


def test_columns_align_and_numbers_align_right() -> None:
    rows = [("model", "ndcg"), ("ease", "0.311"), ("popular", "0.9")]
    assert plain(table(rows, right=(1,))) == ["  model     ndcg", "  ease     0.311", "  popular    0.9"]


def test_wide_letters_count_as_two_and_the_last_column_is_cut() -> None:
    assert plain(table([("買う", "x"), ("a", "y")], head=False)) == ["  買う  x", "  a     y"]
    assert plain(table([("a", "a long reason")], head=False, width=10)) == ["  a  a lo…"]
    assert fit("abc", 5) == "abc  "
    assert fit("abcdef", 4) == "abc…"


def test_nothing_gives_no_lines() -> None:
    assert table([]) == []


def test_control_characters_are_made_visible() -> None:
    assert clean("a\x1b[31mb\nc\x00") == "a\\x1b[31mb\\nc\\x00"
    assert clean("läuft 🐝 だ") == "läuft 🐝 だ"
    assert plain(table([("a\x1b[2J",)], head=False)) == ["  a\\x1b[2J"]


def test_a_long_label_does_not_touch_what_it_labels(capsys: pytest.CaptureFixture[str]) -> None:
    Out().show("attributes", "none")
    Out().show("user", "u1")
    assert capsys.readouterr().out == "  attributes none\n  user      u1\n"


def test_data_and_notes_are_apart(capsys: pytest.CaptureFixture[str]) -> None:
    out = Out()
    out.show("events", "3")
    out.note("reading", "a.csv")
    out.hint("honeyguide train")
    out.result({"not": "shown"})
    said = capsys.readouterr()
    assert said.out == "  events    3\n"
    assert said.err == "  reading   a.csv\n  next      honeyguide train\n"


def test_json_is_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    out = Out(json=True)
    out.show("events", "3")
    out.lines(["x"])
    out.hint("honeyguide train")
    out.result({"share": float("nan"), "name": "é"})
    said = capsys.readouterr()
    assert said.out == '{\n  "share": null,\n  "name": "é"\n}\n'
    assert said.err == ""


def test_long_lines_are_not_broken_outside_of_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Out().show("long", "x" * 300)
    assert capsys.readouterr().out.count("\n") == 1


def test_markup_in_data_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    Out().show("title", "[bold]Lamp[/bold] :smile:")
    assert capsys.readouterr().out == "  title     [bold]Lamp[/bold] :smile:\n"


def test_words_for_numbers_and_times() -> None:
    assert (count(1, "item"), count(2000, "item"), count(2, "entry", "entries")) == ("1 item", "2,000 items", "2 entries")
    assert [ago(0, ms) for ms in (0, 999, 5000, 120_000, 7_200_000, 172_800_000)] == [
        "just now", "just now", "5 s ago", "2 min ago", "2 h ago", "2 d ago",
    ]  # fmt: skip
    assert ago(10_000, 0) == "in 10 s"


def test_progress_as_lines_is_one_line_per_stage_or_five_seconds() -> None:
    stream, clock = io.StringIO(), ManualClock()
    with progress("auto", clock, stream) as report:
        for share in (0.0, 0.1, 0.2):
            report("read", share, "1 row")
        clock.advance(5)
        report("read", 0.3, "2 rows")
        report("fit", 0.35, "")
        report("fit", 1.0, "")
        report("read", None, "9 rows")
    assert stream.getvalue().splitlines() == [
        "    0%  read  1 row", "   30%  read  2 rows", "   35%  fit", "  100%  fit", "     …  read  9 rows",
    ]  # fmt: skip


def test_progress_for_programs_and_none() -> None:
    stream = io.StringIO()
    with progress("json", ManualClock(), stream) as report:
        report("read", 0.101, "")
        report("read", 0.1012, "")
        report("fit", 0.5, "")
    assert stream.getvalue() == (
        '{"progress": 0.101, "stage": "read", "note": ""}\n{"progress": 0.5, "stage": "fit", "note": ""}\n'
    )
    silent = io.StringIO()
    with progress("none", ManualClock(), silent) as report:
        report("read", 0.5, "")
    assert silent.getvalue() == ""


def test_progress_as_a_bar_leaves_nothing_behind_outside_of_a_terminal() -> None:
    stream = io.StringIO()
    with progress("bar", ManualClock(), stream) as report:
        report("read", 0.5, "half")
        report("read", 1.0, "all")
    assert "\x1b" not in stream.getvalue()
