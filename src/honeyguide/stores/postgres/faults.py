"""What an error of PostgreSQL means to whoever called us, with its cure."""

from typing import Final

import msgspec
import psycopg

from honeyguide.errors import HoneyguideError, InvalidInput, StorageFull, Unavailable
from honeyguide.stores.postgres.address import Address

OWN_FAULTS: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    UnicodeEncodeError,
    OverflowError,
    msgspec.MsgspecError,
)
"""What a row is to blame for, not the database."""

_LOST: Final = ("57P01", "57P02", "57P05", "25P03", "08")
_PRESSED: Final = "Lower storage.pool_size, stop processes that are not needed, or raise max_connections on the server."
_KINDS: Final[tuple[tuple[tuple[str, ...], str, str, str], ...]] = (
    (
        ("57014",),
        "storage_slow",
        "took longer than its limit and was stopped",
        "Look for what holds it up in pg_stat_activity; the limits are storage.read_timeout and storage.statement_timeout.",
    ),
    (
        ("55P03", "40P01"),
        "storage_locked",
        "is locked: another transaction holds what is needed",
        "Send it again; if it stays so, find the holder with: SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle'",
    ),
    (
        ("25006",),
        "storage_read_only",
        "takes no writes: it is a standby, or read-only",
        "Let storage.url name the primary; with several hosts add target_session_attrs=read-write to it.",
    ),
    (
        ("53300",),
        "storage_connections",
        "has no connection left",
        _PRESSED,
    ),
    (
        ("28P01", "28000"),
        "storage_refused",
        "refuses this user or password",
        "Correct the user and password in storage.url (HONEYGUIDE_STORAGE__URL_FILE keeps them in a file).",
    ),
    (
        ("3D000",),
        "storage_missing",
        "is a database that does not exist",
        "Create it with: createdb DATABASE - or correct its name in storage.url.",
    ),
    (
        ("42501",),
        "storage_forbidden",
        "does not allow this user what is needed",
        "Let its owner run 'honeyguide db upgrade', then: GRANT USAGE ON SCHEMA, GRANT ALL ON ALL TABLES and SEQUENCES.",
    ),
    (
        ("42P01", "3F000"),
        "storage_missing",
        "does not hold the tables of a project any more",
        "Run: honeyguide db upgrade - and restore a backup if there were data.",
    ),
    (
        ("57P03",),
        "storage_starting",
        "is starting or stopping",
        "Nothing is to be done if it comes up within a minute.",
    ),
    (
        ("XX001", "XX002"),
        "storage_damaged",
        "is damaged",
        "Stop the servers and restore a backup.",
    ),
)
_TOLD: Final = (  # a refused connection has no code, only the server's words
    ("too many clients", "53300"),
    ("remaining connection slots", "53300"),
    ("too many connections", "53300"),
    ("password authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("no pg_hba.conf entry", "28000"),
    ("the database system is", "57P03"),
    ("permission denied", "42501"),
)


def is_lost(error: BaseException) -> bool:
    """Whether the connection broke, so that another one may do what this one did not."""
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_LOST)


def meaning(error: BaseException, address: Address) -> HoneyguideError:
    """The error for our callers; it names the database, never the password."""
    if isinstance(error, HoneyguideError):
        return error
    said = _first_line(error)
    if address.secret:
        said = said.replace(address.secret, "***")
    code = _code(error, said)
    if code in ("53100", "53400"):
        return StorageFull(
            f"The disk under {address.where} is full; nothing of this write was kept.",
            cure="Free some space on the database server and send it again; no restart is needed.",
        )
    for codes, name, what, cure in _KINDS:
        if code in codes:
            return Unavailable(f"{address.where} {what} ({said}).", cure=cure, code=name)
    return Unavailable(
        f"{address.where} does not answer: {said}.",
        cure="Check that the server runs and that storage.url is right; psql with that URL, without ?schema=, tells more.",
        code="storage_unavailable",
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _code(error: BaseException, said: str) -> str:
    code = getattr(error, "sqlstate", None) or ""
    if code:
        return str(code)
    if "database" in said and "does not exist" in said:
        return "3D000"
    return next((known for words, known in _TOLD if words in said), "")


def busy(address: Address, waited: float) -> Unavailable:
    """All connections were in use for as long as a caller may wait."""
    return Unavailable(
        f"All connections to {address.where} were busy for {waited * 1000:.0f} ms.",
        cure="Raise storage.pool_size, or look for slow queries on the server.",
        code="storage_busy",
    )


def silent(address: Address, waited: float) -> Unavailable:
    """The server did not answer within its time, not even with an error."""
    return Unavailable(
        f"{address.where} has not answered for {waited * 1000:.0f} ms.",
        cure="Check that the server runs, is not overloaded, and can be reached over the network.",
        code="storage_silent",
    )


def closed() -> Unavailable:
    """The store was closed."""
    return Unavailable("The store is closed.", cure="Open it again.", code="store_closed")


def blame(error: Exception) -> Exception:
    """A caller's own fault, in words: what PostgreSQL or the decoder would not take."""
    if isinstance(error, OWN_FAULTS):
        fault = InvalidInput(f"This cannot be stored: {_first_line(error)}.", cure="Correct it and send it again.")
        fault.__cause__ = error
        return fault
    return error
