"""What is shown: the same figures as a panel, as lines and as a report, always beside the references."""

import io
import re

from rich.console import Console

from honeyguide.clock import ManualClock
from honeyguide.simulate import Shop
from honeyguide.simulate.figures import bars, comparison, course, panel, percent, slice_line, sparkline
from honeyguide.simulate.screen import Screen
from honeyguide.simulate.shopper import Bought, Click, Reaction
from honeyguide.simulate.traffic import OURS, Traffic

REFERENCES = ("random", "popularity", "oracle")
CLICKS = {"random": 1, "popularity": 2, OURS: 6, "oracle": 15}


def screen(terminal: bool = False, width: int = 80) -> tuple[Screen, io.StringIO]:
    stream = io.StringIO()
    return Screen(Console(file=stream, force_terminal=terminal, width=width), ManualClock()), stream


def plain(stream: io.StringIO) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())


def traffic(small: Shop, slices: int = 3) -> Traffic:
    """Ten lists of ten per slice, with as many clicks as `CLICKS` says; from the second slice on by another model."""
    found = Traffic(small, REFERENCES)
    for number in range(slices):
        now = number * 5.0 + 1
        for place in range(10):
            label = "popular@1" if number == 0 else "ease@1"
            answer = {"model": label, "cached": place % 2 == 0, "stale": place == 0, "degraded": []}
            found.answered(answer, 2.0 + place, now)
            found.told(2, 1.0)
            for name in found.tallies:
                here = tuple(Click(item, item, 9.0, False) for item in range(CLICKS[name]))[place::10]
                for counts in found.counting(name, now):
                    counts.saw(range(10), Reaction(here, ()))
        for name, clicks in CLICKS.items():
            for counts in found.counting(name, now):
                counts.bought([Bought(item, "r") for item in range(clicks // 3)])
    found.seconds = slices * 5.0
    found.visits = 4
    return found


def test_the_books_add_up(small: Shop) -> None:
    told = traffic(small).as_json()
    assert told["ours"]["lists"] == 30
    assert [told[name]["ctr"] for name in ("random", "popularity", "ours", "oracle")] == [0.01, 0.02, 0.06, 0.15]
    assert told["ours"]["conversion"] == 0.02
    assert (told["cached"], told["stale"], told["degraded"]) == (0.5, 0.1, 0.0)
    assert told["latency_ms"] == {"p50": 6.5, "p95": 11.0, "p99": 11.0}
    assert told["events"] == 60
    assert told["lists_per_second"] == 2.0
    assert [each["model"] for each in told["slices"]] == ["popular@1", "ease@1", "ease@1"]
    assert told["slices"][1]["ctr"] == {"ours": 0.06, "random": 0.01, "popularity": 0.02, "oracle": 0.15}
    assert [each["begun"] for each in told["slices"]] == [0.0, 5.0, 10.0]


def test_books_without_entries(small: Shop) -> None:
    told = Traffic(small, REFERENCES).as_json()
    assert told["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert told["slices"] == []
    shown, stream = screen()
    shown.report(Traffic(small, REFERENCES))
    shown.console.print(panel(Traffic(small, REFERENCES)))
    assert "0 lists in 0 visits" in plain(stream)


def test_the_report_shows_all_four_and_the_targets(small: Shop) -> None:
    shown, stream = screen()
    shown.report(traffic(small))
    text = plain(stream)
    for name, ctr in (("ours", "6.00 %"), ("random", "1.00 %"), ("popularity", "2.00 %"), ("oracle", "15.00 %")):
        assert re.search(rf"^  {name} +{ctr} ", text, re.MULTILINE), name
    assert re.search(r"^  target +> 5 % +> 2 % +> 50 % +> 0.7", text, re.MULTILINE)
    assert "30 lists in 4 visits, 60 events, 15 s (2 lists/s)" in text
    assert "p95 11.0 ms" in text
    assert "target > 80 %" in text
    assert "\x1b" not in stream.getvalue()


def test_lines_are_not_broken_on_a_narrow_console(small: Shop) -> None:
    shown, stream = screen(width=40)
    shown.report(traffic(small))
    shown.line("try", "curl " + "x" * 100)
    assert "x" * 100 in stream.getvalue()
    assert re.search(r"^  time +model +lists +cached +CTR +random +popularity +oracle$", plain(stream), re.MULTILINE)


def test_the_course_names_the_model_and_joins_slices(small: Shop) -> None:
    lines = [line.plain for line in course(traffic(small).slices)]
    assert len(lines) == 4
    assert "popular@1" in lines[1]
    assert "ease@1" in lines[2]
    joined = [line.plain for line in course(traffic(small, 30).slices, rows=12)]
    assert len(joined) == 11
    assert "30" in joined[1]
    assert joined[2].startswith("  0:15")


def test_on_a_terminal_bars_keep_their_scale(small: Shop) -> None:
    shown, stream = screen(terminal=True, width=100)
    shown.console.print(bars("CTR", "ctr", traffic(small)))
    lines = plain(stream).splitlines()
    assert [line.split("%")[0].split()[-2] for line in lines] == ["oracle", "ours", "popularity", "random"]
    assert [line.count("█") for line in lines] == [36, 14, 5, 2]
    assert "target > 5 %" in lines[1]


def test_live_figures_are_a_panel_or_lines(small: Shop) -> None:
    books = traffic(small)
    shown, stream = screen()
    with shown.live(books) as figures:
        figures.update()
        figures.update()
    lines = plain(stream).splitlines()
    assert len(lines) == 3  # the head and two slices that have ended, each once
    assert lines[1] == slice_line(books.slices[0], books)
    assert "popular@1" in lines[1]

    on_terminal, stream = screen(terminal=True, width=100)
    with on_terminal.live(books) as figures:
        figures.update()
    assert "CTR by time" in plain(stream)
    books.failures["/v1/recommendations: 500"] += 2
    on_terminal.console.print(panel(books))
    assert "failed 2" in plain(stream)


def test_steps_say_what_came_of_them_and_how_long_it_took() -> None:
    for terminal in (False, True):
        shown, stream = screen(terminal)
        with shown.step("training", "training") as step:
            step.working("half way")
            assert isinstance(shown.clock, ManualClock)
            shown.clock.advance(2.5)
            step.say("ease@1 serves")
        assert "  training  ease@1 serves  2.5 s\n" in plain(stream)


def test_small_things(small: Shop) -> None:
    assert percent(0.0641, 1) == "6.4 %"
    assert sparkline([]) == ""
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([0.0, 0.0]) == "▁▁"
    assert [line.plain.split()[0] for line in comparison(traffic(small).tallies)[1:]] == [OURS, *REFERENCES, "target"]
