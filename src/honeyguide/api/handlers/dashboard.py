"""The dashboard: static files that call the public API and nothing else, under a policy that lets them do no more.

Its pages are one document whose address says what is shown, so that each state can be sent to somebody."""

from functools import cache
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from honeyguide.api.cold import Call
from honeyguide.api.endpoint import Answer
from honeyguide.api.handlers.docs import SAFE
from honeyguide.api.wire.operations import FileParams
from honeyguide.errors import NotFound

_OWN: Final = files("honeyguide") / "dashboard"
_VENDOR: Final = files("honeyguide") / "static" / "vendor"
_VENDORED: Final = ("preact.js", "plot.js", "pico.css")
_TYPES: Final = {
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
}
_HTML: Final = b"text/html; charset=utf-8"
_MISSING: Final = (
    "<!doctype html><html lang=en><title>honeyguide</title><h1>The dashboard</h1><p>Its packages are not here. In a source "
    "tree, <code>make setup</code> puts them there; wheels carry them.</p></html>"
)


async def entrance(call: Call[object, None]) -> Answer:
    """The dashboard, from whose address its files and the API are found: it ends in a slash."""
    return Answer(b"", 308, [(b"location", b"ui/"), (b"cache-control", b"no-cache"), *SAFE])


async def home(call: Call[object, None]) -> Answer:
    """The overview of the dashboard."""
    return _page(call.runtime.settings.dashboard.images)


async def file(call: Call[FileParams, None]) -> Answer:
    """A page of the dashboard, or a file of it."""
    name = call.params.file
    if "." not in name:
        return _page(call.runtime.settings.dashboard.images)
    found = _files().get(name)
    if found is None:
        raise NotFound(f"There is no file {name!r} here.", cure="Run 'make setup' if it is one of the vendored packages.")
    kind = _TYPES[name[name.rindex(".") :]]
    return Answer(found.read_bytes(), 200, [(b"content-type", kind), *SAFE])


def policy(images: list[str]) -> str:
    """The content security policy of the pages: its own scripts and styles, pictures from `images` too, calls to here."""
    allowed = " ".join(("img-src 'self' data:", *images))
    parts = ("default-src 'none'", "script-src 'self'", "style-src 'self'", allowed, "connect-src 'self'")
    return "; ".join((*parts, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"))


def _page(images: list[str]) -> Answer:
    whole = all((_VENDOR / name).is_file() for name in _VENDORED)
    text = (_OWN / "index.html").read_text(encoding="utf-8") if whole else _MISSING
    told = f'<meta name="honeyguide-images" content="{escape(" ".join(images))}">\n<title>'
    fields = [(name, value) for name, value in SAFE if name != b"content-security-policy"]
    fields += [(b"content-security-policy", policy(images).encode()), (b"content-type", _HTML)]
    return Answer(text.replace("<title>", told, 1).encode(), 200, [*fields, (b"cache-control", b"no-cache")])


@cache
def _files() -> dict[str, Traversable]:
    """What may be asked for, by name: nothing else of the package is reached, whatever a name says."""
    own = {path.name: path for path in _OWN.iterdir() if path.name[path.name.rfind(".") :] in _TYPES}
    return own | {name: _VENDOR / name for name in _VENDORED if (_VENDOR / name).is_file()}
