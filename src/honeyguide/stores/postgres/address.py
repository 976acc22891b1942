"""Where a project is: a PostgreSQL URL taken apart, and called by a name that holds no password."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from honeyguide.errors import ConfigError

DEFAULT_SCHEMA: Final = "honeyguide"
_SCHEMA: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_EXAMPLE: Final = "postgresql://user:password@host:5432/database?schema=shop"


@dataclass(frozen=True, slots=True)
class Address:
    """A database, the schema of the project in it, and what messages call them."""

    params: dict[str, str] = field(repr=False)
    """Connection parameters of libpq; the password is among them."""
    schema: str
    where: str

    @property
    def secret(self) -> str:
        """The password; empty if the URL holds none."""
        return self.params.get("password", "")


def address(url: str) -> Address:
    """Take a URL apart: `?schema=` is ours, everything else is libpq's. Raises `ConfigError`, which never tells the URL."""
    try:
        base, _, asked = url.partition("?")
        query = parse_qsl(asked, keep_blank_values=True)
        rest = urlencode([(name, value) for name, value in query if name != "schema"], quote_via=quote)
        found = conninfo_to_dict(f"{base}?{rest}")
    except (ProgrammingError, ValueError):  # their messages may quote a part of the URL, so they are not passed on
        raise ConfigError(
            "storage.url is not a PostgreSQL URL.",
            cure=f"Write it like {_EXAMPLE}; signs such as @ : / # % in a password are written %40 %3A %2F %23 %25.",
        ) from None
    schema = dict(query).get("schema", DEFAULT_SCHEMA)
    if not _SCHEMA.fullmatch(schema):
        raise ConfigError(
            f"storage.url names the schema {schema!r}.",
            cure="A schema is a-z, 0-9 and _, begins with a letter, and has at most 63 characters.",
        )
    params = {name: str(value) for name, value in found.items()}
    return Address(params, schema, _where(params, schema))


def _where(params: dict[str, str], schema: str) -> str:
    user = f"{params['user']}@" if "user" in params else ""
    hosts = params.get("host", params.get("hostaddr", "localhost")).split(",")
    ports = (params.get("port", "5432").split(",") * len(hosts))[: len(hosts)]
    servers = ",".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))
    return f"postgresql://{user}{servers}/{params.get('dbname', '')}?schema={schema}"
