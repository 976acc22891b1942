"""How commands ask the running server of a project: what is in its memory, only it can say."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import msgspec
import typer

from honeyguide.cli.holder import holder_of, url_of
from honeyguide.cli.opening import configuration, short
from honeyguide.config.settings import Settings
from honeyguide.errors import FieldError, HoneyguideError, Unavailable

_TIMEOUT = 30.0


class Answering:
    """A server that answers at `url`."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.url, self._client = url, client

    def ask(self, method: str, path: str, params: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """The JSON of an answer. Raises `Unavailable` if there is none, and what the server says is wrong."""
        return msgspec.json.decode(b"\n".join(self.lines(method, path, params, body)))

    def lines(self, method: str, path: str, params: Mapping[str, Any] | None = None, body: Any = None) -> Iterator[bytes]:
        """The lines of an answer as they come; raises as `ask` does."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        try:
            with self._client.stream(method, path, params=given, json=body) as answer:
                if answer.is_error:
                    raise _problem(answer.status_code, answer.read())
                for line in answer.iter_lines():
                    yield line.encode()
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise Unavailable(
                f"No server answers at {self.url}: {why}.",
                cure="Start one with 'honeyguide serve', or name another with --url.",
            ) from None


@contextlib.contextmanager
def answering(context: typer.Context, url: str | None) -> Iterator[Answering]:
    """The server at this address, else the one that runs on the project's data. Raises `Unavailable` if none does."""
    settings = configuration(context).settings
    url = url or _running(settings)
    key = settings.auth.key
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key is not None else {}
    try:
        client = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=False)
    except httpx.InvalidURL as error:
        raise Unavailable(
            f"{url} is no address of a server: {error}.", cure="Write it like http://127.0.0.1:8000."
        ) from None
    with client:
        yield Answering(url, client)


def _running(settings: Settings) -> str:
    holder = holder_of(settings.project.data_dir)
    if holder is None:
        raise Unavailable(
            f"No server runs on {short(settings.project.data_dir)}, and only a running one has a cache.",
            cure="Start one with 'honeyguide serve', or name one on another machine with --url.",
            code="no_server",
        )
    return url_of(holder, settings.server.port)


def _problem(status: int, body: bytes) -> HoneyguideError:
    """What the server says is wrong, as the error that it is here."""
    try:
        told = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:
        told = _Problem(f"The server answers {status}, and not as honeyguide does.", "not_honeyguide")
    cure = "The server's auth.key must be in this configuration too." if status in (401, 403) else ""
    kind = Unavailable if status >= 500 else HoneyguideError
    return kind(
        told.detail, cure=cure, code=told.code, errors=[FieldError(each.pointer, each.detail) for each in told.errors]
    )


class _Fault(msgspec.Struct):
    pointer: str
    detail: str


class _Problem(msgspec.Struct):
    detail: str
    code: str
    errors: list[_Fault] = []
