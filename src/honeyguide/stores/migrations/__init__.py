"""The database's schema by migrations: `truth` and `losable` are two lines of versions that run when a store is opened.

A release only adds (a table, a column that may be empty, an index); what nobody reads any more goes in a later one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from honeyguide.errors import Conflict

if TYPE_CHECKING:
    from sqlalchemy import Engine

Line = Literal["truth", "losable"]

VERSIONS: Final[dict[Line, tuple[str, ...]]] = {"truth": ("0001",), "losable": ("0001", "0002")}
"""All versions of each line, oldest first. The last is what this release reads and writes."""

_FOLDER: Final = Path(__file__).parent


def pending(line: Line, found: str | None, where: str) -> bool:
    """Whether a database at version `found` (None: an empty one) needs `upgrade`.

    Raises `Conflict` for a version that this release does not know: a newer one wrote it."""
    if found is not None and found not in VERSIONS[line]:
        raise Conflict(
            f"{where} has schema version {found}; this release of honeyguide knows {VERSIONS[line][-1]} and older.",
            cure="Run the release that wrote it, or a newer one: pip install --upgrade honeyguide.",
            code="schema_too_new",
        )
    return found != VERSIONS[line][-1]


def upgrade(
    engine: "Engine",
    line: Line,
    begin: str,
    check: Callable[[str | None], bool],
    *,
    version_table: str = "alembic_version",
) -> None:
    """Bring a database to the present version in one transaction, opened by the statement `begin`.

    `check` says, once the transaction holds the lock, whether the version found still needs it:
    of several processes that open a new database at the same time, one migrates and the others find it done.
    `version_table` is where the version of this line is kept."""
    # Both cost a third of a second to import, and most openings find nothing to migrate.
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("version_locations", str(_FOLDER / line).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    with engine.connect() as connection:
        connection.exec_driver_sql(begin)
        found = MigrationContext.configure(connection, opts={"version_table": version_table}).get_current_revision()
        if check(found):
            config.attributes["connection"] = connection
            config.attributes["version_table"] = version_table
            command.upgrade(config, "head")
        connection.commit()
