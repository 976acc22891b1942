"""What a person sees: colours and a bar on a terminal, neither elsewhere, and never more columns than there are."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.cells import cell_len

from tests.cli.conftest import Run

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(*words: str, columns: int = 80, **environ: str) -> str:
    """All that a command writes to a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "CI")}
    command = [sys.executable, "-m", "honeyguide", *words]
    environment = plain | {"TERM": "xterm-256color"} | environ
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    process.wait()
    return said.decode().replace("\r\n", "\n")


def test_colours_on_a_terminal_unless_they_are_not_wanted(folder: Path) -> None:
    assert "\x1b[2mwrote" in on_terminal("init", "a")
    assert "\x1b[" not in on_terminal("init", "b", NO_COLOR="1")
    assert "\x1b[1;31merror" in on_terminal("trian")


def test_no_colour_and_no_bar_elsewhere(run: Run, shop: Path) -> None:
    for words in (["recommend", "u-01", "--explain"], ["train", "popular"], ["models", "list"], ["doctor"]):
        ran = run(*words)
        assert "\x1b" not in ran.out + ran.err


def test_lists_fit_the_width(shop: Path) -> None:
    said = on_terminal("recommend", "u-01", "--explain", columns=60)
    rows = [line for line in ESCAPE.sub("", said).splitlines() if re.match(r" +\d+  i-", line)]
    assert len(rows) == 10
    assert max(cell_len(row) for row in rows) <= 60
    assert "…" in said
    assert "\x1b[1mi-0" in said


def test_a_bar_is_drawn_and_taken_away_again(shop: Path) -> None:
    said = on_terminal("train", "popular", "ease", columns=120)
    assert "━" in said
    assert "compare ease" in said
    left = ESCAPE.sub("", said.rpartition("\x1b[2K")[2])
    assert "champion  ease@2" in left
    assert "━" not in left


def test_ids_and_titles_cannot_steer_the_terminal(shop: Path, run: Run) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    (shop / "evil.jsonl").write_text('{"item_id": "i-001", "title": "\\u001b]0;owned\\u0007\\u001b[2JTent"}\n')
    run("import", "items", "evil.jsonl")
    said = on_terminal("similar", "i-002", "-n", "40")
    assert evil[:4] not in said
    assert "\\x1b]0;owned\\x07\\x1b[2JTent" in said


def test_help_is_readable_on_a_narrow_terminal() -> None:
    said = ESCAPE.sub("", on_terminal("--help", columns=60))
    assert max(cell_len(line) for line in said.splitlines()) <= 60
    assert "recommend" in said
