"""The documentation pages: the API in swagger-ui, from files of our own only, and what every problem means."""

from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Final

from honeyguide.api.cold import Call
from honeyguide.api.endpoint import Answer
from honeyguide.api.problems import codes
from honeyguide.api.wire.operations import FileParams
from honeyguide.errors import NotFound

_VENDOR: Final = files("honeyguide") / "static" / "vendor"
_TYPES: Final = {
    "swagger-ui.css": b"text/css; charset=utf-8",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui-favicon.png": b"image/png",
}
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
SAFE: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", _POLICY.encode()),
]
"""Fields of every page and file: what it may do in a browser."""
_HTML: Final = [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-cache"), *SAFE]

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>honeyguide API</title>
<link rel="icon" href="docs/swagger-ui-favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START: Final = b"""SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
});
"""
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "dt{font-weight:600;margin-top:1rem}dd{margin:0}code{font-size:.95em}"
    "@media(prefers-color-scheme:dark){body{background:#16181c;color:#e8e6e3}a{color:#8ab4f8}}"
)


async def page(call: Call[object, None]) -> Answer:
    """The API in swagger-ui, or how to get it when its files were not put in place."""
    if all((_VENDOR / name).is_file() for name in _TYPES):
        return Answer(_PAGE.encode(), 200, _HTML)
    missing = (
        "<p>The files of swagger-ui are not here. In a source tree, <code>make setup</code> puts them there; "
        'wheels carry them.</p><p>The document itself is at <a href="openapi.json">openapi.json</a>.</p>'
    )
    return Answer(_document("honeyguide API", missing), 200, _HTML)


async def file(call: Call[FileParams, None]) -> Answer:
    """A file of the page."""
    name = call.params.file
    if name == "start.js":
        return Answer(_START, 200, _file_fields(b"text/javascript; charset=utf-8"))
    path = _VENDOR / name
    if name not in _TYPES or not path.is_file():
        raise NotFound(f"There is no file {name!r} here.", cure="Run 'make setup' if it is one of swagger-ui.")
    return Answer(path.read_bytes(), 200, _file_fields(_TYPES[name]))


async def problems(call: Call[object, None]) -> Answer:
    """What every problem code means."""
    return Answer(_document("Problems", "".join(_problem_entries())), 200, _HTML)


def _problem_entries() -> Iterator[str]:
    yield "<p>The <code>code</code> of an error is stable. Its <code>detail</code> and <code>errors</code> say what "
    yield "mends it in the case at hand. Rows of events, items and users that are not taken have codes of their own.</p><dl>"
    for code, (status, meaning) in sorted(codes().items()):
        yield f'<dt id="{escape(code)}"><code>{escape(code)}</code> (HTTP {status})</dt><dd>{escape(meaning)}</dd>'
    yield "</dl>"


def _file_fields(kind: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", kind), (b"cache-control", b"public, max-age=3600"), *SAFE]


def _document(title: str, body: str) -> bytes:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f"<!doctype html><html lang=en>{head}<style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>".encode()
