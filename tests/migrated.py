"""New SQLite files for tests of one process: copies of files that were migrated once, which takes as long as many a test.

What is there already is migrated as ever, and so is whatever another process opens."""

import os
import tempfile
from pathlib import Path

from honeyguide.stores import migrations
from honeyguide.stores.sqlite.schema import migrate

_made: dict[migrations.Line, bytes] = {}


def _migrated(line: migrations.Line) -> bytes:
    """The bytes of a file that was migrated and closed."""
    if line not in _made:
        with tempfile.TemporaryDirectory(prefix="honeyguide-migrated-") as folder:
            path = Path(folder) / "new.db"
            migrate(path, line)
            _made[line] = path.read_bytes()
    return _made[line]


def migrate_quickly(path: Path, line: migrations.Line) -> None:
    """As `migrate`; of several that create the same file one does, whole, and the others find it."""
    if not path.exists() and path.parent.is_dir():
        whole = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
        whole.write_bytes(_migrated(line))
        try:
            os.link(whole, path)
        except FileExistsError:
            pass
        finally:
            whole.unlink()
    migrate(path, line)
