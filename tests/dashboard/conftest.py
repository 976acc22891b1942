"""One shop, one server process and one browser for all tests of the dashboard that a process runs.

What no page may do is checked on every page of every test: write an error to the console, ask another host, leave an
error uncaught."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from honeyguide.clock import SystemClock
from honeyguide.simulate import make_shop
from tests.api.site import Site
from tests.rules import ROOT
from tests.served import run, serving

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
KINDS = ("Lamp", "Kettle", "Tent", "Chair", "Puzzle", "Jumper")

expect.set_options(timeout=20_000)  # a limit for a machine that is busy, not what anything takes


def chromium() -> str:
    """The browser of the machine."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "These tests need Chromium; as root, scripts/system-packages chromium=chromium installs it."
    return found


def build(folder: Path) -> None:
    """A small shop with two models that has served some lists; a hostile title and a cover from elsewhere are in it."""
    drawn = make_shop(items=36, users=1)
    site = Site(folder, clock=SystemClock())
    rows: list[dict[str, Any]] = [
        {
            "item_id": f"i{n}",
            "title": {3: HOSTILE, 4: "Puzzle no 4"}.get(n, drawn.item_row(n)["title"]),
            "categories": [KINDS[n % len(KINDS)], "all"],
            "price": 4.5 + n,
            "image_url": {4: "https://elsewhere.example/cover.png", 5: None}.get(n, drawn.item_row(n)["image_url"]),
            "url": f"https://shop.example/{n}",
        }
        for n in range(36)
    ]
    events = [
        {"type": ("view", "purchase", "click")[step % 3], "user_id": f"u{user}", "item_id": f"i{(user * 2 + step * 3) % 36}"}
        for user in range(24)
        for step in range(7)
    ]
    try:
        assert site.post("/v1/items:batch", rows).json()["accepted"] == len(rows)
        assert site.put("/v1/users/u1", {"properties": {"country": "PT", "note": HOSTILE}}).status_code == 200
        assert site.post("/v1/events:batch", events).json()["accepted"] == len(events)
        site.publish("popular", alias=None)
        site.publish("knn")
        for user in range(12):
            slate = site.post("/v1/recommendations", {"user_id": f"u{user}", "n": 6}).json()
            about = {"user_id": f"u{user}", "request_id": slate["request_id"], "surface": "home"}
            seen = {"type": "impression", **about, "properties": {"positions": [1, 2, 3, 4]}}
            clicked = {"type": "click", **about, "item_id": slate["items"][user % 4]["item_id"]}
            assert site.post("/v1/events:batch", [seen, clicked]).json()["accepted"] == 2
    finally:
        site.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the dashboard of the shop is."""
    folder = tmp_path_factory.mktemp("dashboard")
    build(folder / "data")
    (folder / "honeyguide.toml").write_text('[models]\ntrain = ["popular", "knn"]\n', encoding="utf-8")
    run("honeyguide monitor run", folder)
    with serving(folder) as server:
        yield f"http://{server}/ui/"


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Browser]:
    """Chromium without a window. It comes after the server: while it is there, no test may run a loop of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


class Visit:
    """A tab of the browser, and what went wrong in it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.faults: list[str] = []
        self.allowed: list[str] = []
        self.checking = False
        page.on("console", lambda message: self.fault(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.fault(str(error)))
        page.on("request", self._asked)

    def fault(self, text: str) -> None:
        if not self.checking and not any(part in text for part in self.allowed):
            self.faults.append(text)

    def _asked(self, request: Request) -> None:
        if request.url.startswith(("data:", "blob:")):
            return
        if urlsplit(request.url).netloc != urlsplit(self.address).netloc:
            self.faults.append(f"asked {request.url}")

    def to(self, place: str, heading: str) -> Page:
        """Go to a page of the dashboard and wait until it is there."""
        self.page.goto(self.address + place)
        expect(self.page.get_by_role("heading", level=1, name=heading)).to_be_attached()
        return self.page

    def champion(self) -> str:
        """The version that serves."""
        found = self.page.request.get(self.address + "../v1/aliases/champion").json()
        return f"{found['model']}@{found['version']}"

    def accessible(self) -> None:
        """axe-core finds nothing wrong with what is shown."""
        self.checking = True  # axe tries styles that the policy of the page refuses
        self.page.evaluate(AXE.read_text(encoding="utf-8"))  # by the protocol of the tools: the policy of the page stays
        found = self.page.evaluate("rules => axe.run(document, rules)", RULES)
        self.checking = False
        told = [
            f"{each['id']}: {each['help']}: {node['html'][:160]} {node['failureSummary'][:240]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]
        assert told == []

    def everywhere(self) -> None:
        """The same in both schemes and on a phone, where nothing may be wider than the screen."""
        for scheme, width in (("light", 1280), ("dark", 390)):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            self.page.set_viewport_size({"width": width, "height": 860})
            self.accessible()
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width
        self.page.set_viewport_size({"width": 1280, "height": 860})


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """A tab of one's own, in which nothing goes wrong."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce", accept_downloads=True)
    found = Visit(context.new_page(), address)
    yield found
    context.close()
    assert found.faults == []


Picture = Callable[[Page, str], None]


@pytest.fixture
def picture() -> Picture:
    """Keeps a page as a picture of the documentation, where the variable PICTURES names the folder of them."""
    folder = os.environ.get("PICTURES")

    def keep(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")

    return keep
