"""A database whose disk is full: events are refused whole, lists go on, and it recovers without a restart."""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from honeyguide.clock import SystemClock
from honeyguide.errors import StorageFull
from honeyguide.protocols import Store
from honeyguide.stores.urls import open_store
from honeyguide.testing.stores.rows import event
from tests import postgres

SIZE = 18_000_000


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system that is the PostgreSQL server's own."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("mounting a small tmpfs needs root")
    folder = Path(tempfile.mkdtemp(prefix="honeyguide-full-"))
    folder.chmod(0o755)
    done = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode != 0:
        folder.rmdir()
        pytest.skip("a tmpfs cannot be mounted here")
    inside = folder / "space"
    inside.mkdir()
    user = pwd.getpwnam("postgres")
    os.chown(inside, user.pw_uid, user.pw_gid)
    yield inside
    subprocess.run(["umount", "-l", folder], check=True)
    folder.rmdir()


def fill(store: Store) -> list[str]:
    """Append until the disk is full; ids of what was acknowledged."""
    kept: list[str] = []
    for at in range(4_000):
        rows = [event(f"u{row}", f"item {at}", session_id="s" * 200) for row in range(50)]
        try:
            asyncio.run(store.log.append(rows))
        except StorageFull:
            return kept
        kept += [row.event_id for row in rows]
    pytest.fail("the disk never got full")


def test_events_are_refused_whole_and_taken_again_when_there_is_space(small_disk: Path, tmp_path: Path) -> None:
    server = postgres.server()
    template = postgres.new_url().rpartition("/")[2]
    server.admin(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    server.admin(f"CREATE DATABASE full_one TEMPLATE {template} TABLESPACE small")
    store = open_store(postgres.patient(server.url_of("full_one"), tmp_path), SystemClock())
    try:
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(2_000_000))
        kept = fill(store)
        assert asyncio.run(store.log.user_state("u1", limit=10)).as_of == len(kept)
        ballast.unlink()
        rows = [event("u1", "later") for _ in range(5)]
        asyncio.run(store.log.append(rows))
        kept += [row.event_id for row in rows]
        assert [row.event_id for batch in store.log.scan() for row in batch] == kept
    finally:
        store.close()
        server.kill_clients("full_one")
        server.admin("DROP DATABASE full_one")
        server.admin("DROP TABLESPACE small")
