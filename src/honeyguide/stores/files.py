"""Model files in folders that appear whole or not at all and never change afterwards; the trials of searches beside them."""

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from honeyguide.errors import Conflict, DamagedArtefact, HoneyguideError, InvalidInput, StorageFull, Unavailable
from honeyguide.types import Json

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_BESIDE: Final = ".tmp-"


class FileArtefacts:
    """`protocols.Artefacts` in a folder: `<folder>/<model>/<version>/`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is created when the first artefact is."""
        self._folder = folder

    @contextmanager
    def create(self, model: str, version: int) -> Iterator[Path]:
        """A new folder to fill; when the block ends, its files are safe on the disk and it has its name.

        Raises `Conflict` if the version is there, `StorageFull`. What a kill left unfinished is removed here."""
        final = self._final(model, version)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            _sweep(final.parent)
            with _beside(final) as folder:
                yield folder
                if final.exists():
                    raise _taken(final)
                _settle(folder, final)
        except HoneyguideError:
            raise
        except OSError as error:
            raise _meaning(error, final) from error

    def path(self, model: str, version: int) -> Path:
        """The folder of a version; raises `DamagedArtefact` if it is not there."""
        final = self._final(model, version)
        if not final.is_dir():
            raise DamagedArtefact(
                f"The files of {model}@{version} are not in {final}.",
                cure="Point the alias at another version (honeyguide models list), or train again: honeyguide train",
                code="artefact_missing",
            )
        return final

    def remove(self, model: str, version: int) -> None:
        """Delete a version's files; nothing happens if there are none."""
        final = self._final(model, version)
        if final.is_dir():
            aside = Path(mkdtemp(prefix=_BESIDE, dir=final.parent))
            with suppress(FileNotFoundError):  # somebody else removes it too
                final.rename(aside / final.name)  # gone in one step: nobody meets half a version
            shutil.rmtree(aside, ignore_errors=True)

    def folders(self) -> list[tuple[str, int]]:
        """(model, version) of every folder that is there, ordered."""
        return sorted(
            (path.parent.name, int(path.name))
            for path in self._folder.glob("*/*")
            if path.name.isdecimal() and path.is_dir()
        )

    def _final(self, model: str, version: int) -> Path:
        if not _NAME.fullmatch(model):
            raise InvalidInput(
                f"{model!r} cannot be a model's name.",
                cure="Use up to 64 of a-z, 0-9, '_', '-' and '.', beginning with a letter or digit.",
            )
        return self._folder / model / str(version)


class FileSearches:
    """`protocols.SearchLog` by name: a file of JSON lines each, in one folder, the newest of which are kept."""

    def __init__(self, folder: Path, *, keep: int = 10) -> None:
        """`folder` is created when the first record is kept."""
        self._folder, self._keep = folder, keep

    def __call__(self, name: str) -> "FileSearch":
        """The log of one search."""
        return FileSearch(self._folder, name, self._keep)


class FileSearch:
    """The records of one search: a line is written at once and whole, and one that a kill cut short is passed over."""

    def __init__(self, folder: Path, name: str, keep: int) -> None:
        """A file in `folder`; when it is begun, all but the `keep` newest others go."""
        self._path, self._keep = folder / f"{name}.jsonl", keep

    def read(self) -> list[Json]:
        """All records that are whole."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [record for line in lines if isinstance(record := _json(line), dict)]

    def append(self, record: Json) -> None:
        """Write one more line. Raises `StorageFull` or `Unavailable`."""
        try:
            if not self._path.exists():
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._make_room()
            with self._path.open("ab") as file:  # the first newline ends what a kill may have cut short
                file.write(b"\n" + json.dumps(record).encode() + b"\n")
        except OSError as error:
            raise _not_written(error, self._path) from error

    def _make_room(self) -> None:
        others = sorted(self._path.parent.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        for path in others[: max(0, len(others) - self._keep)]:
            path.unlink(missing_ok=True)


def _json(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


@contextmanager
def _beside(final: Path) -> Iterator[Path]:
    """A folder beside the final one, locked while this process fills it, removed if the block fails."""
    folder = Path(mkdtemp(prefix=_BESIDE, dir=final.parent))
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # the system lets go of it if we are killed: then it may be swept
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def _sweep(parent: Path) -> None:
    """Remove what killed processes left; what a living one fills is locked and stays."""
    for folder in parent.glob(f"{_BESIDE}*"):
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def _settle(folder: Path, final: Path) -> None:
    """Make the files safe and read-only, then give the folder its name."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            path.chmod(0o444)
        _sync(path)
    folder.chmod(0o755)  # mkdtemp's own is for its owner only
    _sync(folder)
    folder.rename(final)
    _sync(final.parent)
    _sync(final.parent.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _taken(final: Path) -> Conflict:
    return Conflict(
        f"{final.parent.name}@{final.name} is already there; a version never changes.",
        cure="Take a new number for it.",
        code="version_exists",
    )


def _meaning(error: OSError, final: Path) -> HoneyguideError:
    if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
        return _taken(final)
    return _not_written(error, final)


def _not_written(error: OSError, final: Path) -> HoneyguideError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(
            f"The disk that holds {final.parent} is full; nothing was kept.",
            cure="Free some space there and train again.",
        )
    return Unavailable(
        f"{final.parent} cannot be written to: {error.strerror}.",
        cure="Check that the disk is mounted and that this user may write to the folder.",
        code="storage_unavailable",
    )
