"""Other programs look at a real server: Prometheus' own checker reads the metrics, a browser opens the documentation."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.served import run, serving

CHROMIUM = (
    "chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --virtual-time-budget=20000 --enable-logging=stderr"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on the sample, with some traffic behind it."""
    folder = tmp_path_factory.mktemp("shop")
    run("honeyguide init && honeyguide import items items.csv && honeyguide import events events.csv", folder)
    with serving(folder) as address:
        with httpx.Client(base_url=f"http://{address}") as client:
            for user in ("u-01", "u-02", "u-01"):
                assert client.post("/recommendations", params={"user_id": user}).status_code == 200
            assert client.post("/track/click", params={"user_id": "u-01", "item_id": "i-001"}).status_code == 202
            assert client.post("/track/clack", params={"user_id": "u-01", "item_id": "i-001"}).status_code == 422
        yield address


def test_prometheus_has_nothing_to_say_about_the_metrics(server: str) -> None:
    page = httpx.get(f"http://{server}/metrics").raise_for_status().text
    assert 'honeyguide_recommend_requests_total{outcome="ok",served_from="l1",surface="home"} 1.0' in page
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@pytest.mark.timeout(240)
def test_the_documentation_opens_in_a_browser(server: str, tmp_path: Path) -> None:
    opened = f"{CHROMIUM} --user-data-dir={tmp_path / 'profile'} --dump-dom http://{server}/docs 2>{tmp_path / 'log'}"
    page = run(opened, tmp_path)
    paths = set(re.findall(r'data-path="([^"]+)"', page))
    documented = set(httpx.get(f"http://{server}/openapi.json").json()["paths"])
    assert len(documented) > 10
    assert documented - paths == set()
    said = (tmp_path / "log").read_text(encoding="utf-8", errors="replace")
    assert [line for line in said.splitlines() if "CONSOLE" in line and ("Refused" in line or "rror" in line)] == []
