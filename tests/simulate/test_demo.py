"""`run_demo`: from an empty folder to a served shop with shoppers in it, with real server processes."""

import io
import os
import re
import signal
import socket
import sys
import threading
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from honeyguide.errors import Conflict, Unavailable
from honeyguide.simulate.child import serving
from honeyguide.simulate.demo import DemoOptions, DemoResult, program, run_demo
from tests.simulate.serving import log_rows

SMALL = {"items": 90, "users": 40, "port": 0}


@pytest.fixture(autouse=True)
def two_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models are enough to see that training is done."""
    monkeypatch.setenv("HONEYGUIDE_MODELS__TRAIN", '["popular", "ease"]')


def console() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=120), stream


def test_a_command_to_try_is_one_that_a_shell_here_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(beside))
    assert program() == "honeyguide"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Path(program()).resolve() == (beside / "honeyguide").resolve()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert program() == f"{tmp_path / 'python'} -m honeyguide"


def test_it_is_built_served_and_shopped_in_and_gone_on_with(tmp_path: Path) -> None:
    out, stream = console()
    kept = tmp_path / "shop"
    result = run_demo(DemoOptions(**SMALL, keep=kept, seconds=1.5, pace=0), out)  # type: ignore[arg-type]
    text = stream.getvalue()
    assert result.failures == []
    assert result.exit_code == 0
    assert result.traffic["ours"]["lists"] > 0
    assert result.traffic["oracle"]["ctr"] > result.traffic["random"]["ctr"]
    assert result.first_list_seconds > 0
    assert re.search(r"^  shop +\d+ items in 40 categories, 40 users, seed 2 ", text, re.MULTILINE)
    assert re.search(r"^  import +\d+ items, 40 users, [\d,]+ events ", text, re.MULTILINE)
    assert f"curl -X POST '{result.url}/recommendations?user_id=user_123&n=10'" in text
    assert f"honeyguide --config {kept}/honeyguide.toml recommend" in text
    assert re.search(r"^  oracle +\d+\.\d+ %", text, re.MULTILINE)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{result.url}/health", trust_env=False)

    events = len(log_rows(kept / "data"))
    out, stream = console()
    again = run_demo(DemoOptions(port=0, keep=kept, traffic=False, seconds=0.1), out)
    assert again.exit_code == 0
    assert again.traffic == {}
    assert not re.search(r"^  import ", stream.getvalue(), re.MULTILINE)
    assert len(log_rows(kept / "data")) == events


def test_a_port_in_use_is_an_error_if_it_was_asked_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        out, _ = console()
        with pytest.raises(Conflict, match=f"Port {port} of 127.0.0.1 is in use.*--port 0"):
            run_demo(DemoOptions(items=90, users=40, port=port, keep=tmp_path / "shop"), out)
    assert not (tmp_path / "shop").exists()


def test_ctrl_c_ends_the_traffic_and_shows_the_report() -> None:
    class Told(io.StringIO):
        """A stream that presses ctrl-C once the shoppers are in."""

        def write(self, text: str) -> int:
            if "lists/s" in text and not told.is_set():
                told.set()
                threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGINT)).start()
            return super().write(text)

    told = threading.Event()
    stream = Told()
    result = run_demo(DemoOptions(**SMALL), Console(file=stream, width=120))  # type: ignore[arg-type]
    assert told.is_set()
    assert result.exit_code == 0
    assert "oracle" in stream.getvalue()
    assert "with --keep DIR it would stay" in stream.getvalue()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_server_that_dies_is_a_failure() -> None:
    class Killing(io.StringIO):
        """A stream that kills the server once the shoppers are in."""

        def write(self, text: str) -> int:
            if "lists/s" in text and not killed.is_set():
                killed.set()
                for child in children():
                    os.kill(child, signal.SIGKILL)
            return super().write(text)

    killed = threading.Event()
    stream = Killing()
    result = run_demo(DemoOptions(**SMALL), Console(file=stream, width=120))  # type: ignore[arg-type]
    assert result.exit_code == 1
    assert any("the server ended by itself" in failure for failure in result.failures)
    assert "the server ended by itself" in stream.getvalue()


def children() -> list[int]:
    """The processes that this one started: read from /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(fields[1]) == os.getpid() and b"serve" in command:
                found.append(int(entry.name))
    return found


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    config = tmp_path / "honeyguide.toml"
    config.write_text("[servr]\n")
    with pytest.raises(Unavailable, match=r"(?s)did not start.*servr"), serving(config, 0, tmp_path / "log"):
        pass


def test_no_port_given_takes_another_when_the_usual_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread of its own, where asyncio may not catch signals; and with a key, which the shoppers then send."""
    monkeypatch.setenv("HONEYGUIDE_AUTH__KEY", "a key of some length")
    out, stream = console()
    results: list[DemoResult] = []
    options = DemoOptions(items=90, users=40, seconds=0.3)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("honeyguide.simulate.demo.PORT", port)
        thread = threading.Thread(target=lambda: results.append(run_demo(options, out)))
        thread.start()
        thread.join()
    assert [result.exit_code for result in results] == [0]
    assert f"Port {port} of 127.0.0.1 is in use by another program. Taking a free one." in stream.getvalue()
    assert not results[0].url.endswith(f":{port}")
    assert results[0].traffic["failures"] == {}
    assert "curl -X POST -H 'Authorization: Bearer KEY'" in stream.getvalue()
    assert "a key of some length" not in stream.getvalue()
