"""A trained model as files: arrays in safetensors, all else as JSON, each file with its checksum in the manifest.

Nothing here can run code: safetensors (huggingface.co/docs/safetensors) holds numbers only, and the class is looked up by
name among our own. A file that is missing, truncated, altered or foreign is refused before anything of it is used. The
manifest carries a checksum of itself, so that an altered hyper-parameter is noticed as well.

Checksums of large files take seconds, and servers load in between answers. So the manifest also names the file that was
written, by inode and time of change: as long as it is that one, never written to again, it is mapped and not read through.
A copy, or a file that anything was written to, is read whole, and so is what `whole` asks for (promote, show, doctor).
"""

import hashlib
import json
import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from honeyguide import models as registered
from honeyguide.errors import ConfigError, DamagedArtefact, InvalidInput
from honeyguide.models.resources import free_memory
from honeyguide.protocols import Model
from honeyguide.types import Histories, Json

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
ARRAYS: Final = "arrays.safetensors"
ITEMS: Final = "items.json"

_MAX_MANIFEST: Final = 16_000_000
_MAX_HEADER: Final = 1_000_000
_MAX_PARTS: Final = 1_000_000_000
_MAX_ITEMS: Final = 4_000_000_000  # bytes of ids
_MAX_SIDE: Final = 2**31  # of an array: items and entries are counted in 31 bits
_IDS_IN_MEMORY: Final = 4  # times the bytes of a file of ids: text objects, and the table that finds them
_CURE: Final = "Point the alias at another version (honeyguide models list), or train again: honeyguide train"
_DTYPES: Final = {"F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64, "U8": np.uint8, "BOOL": np.bool_}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    sha256: str
    bytes: int
    inode: int = 0
    changed: int = 0


class _Manifest(msgspec.Struct):
    format: int
    model: str
    params: Json
    items: int
    files: dict[str, _File]
    checksum: str


_NOBODY: Final = Histories(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int64))
_UNREADABLE: Final = (
    OSError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    MemoryError,
    AttributeError,
    RecursionError,
    ConfigError,
    struct.error,
    msgspec.MsgspecError,
)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model from its files; its arrays are views of memory-mapped files, shared between processes."""

    model: Model
    item_ids: list[str]
    manifest: Json


def save(folder: Path, model: Model, item_ids: Sequence[str], extra: Json) -> Json:
    """Write the model's files into `folder` and return the manifest: `extra`, and what a reader needs to trust them."""
    arrays = {name: np.ascontiguousarray(array) for name, array in model.arrays().items()}
    save_file(arrays, folder / ARRAYS)
    (folder / ITEMS).write_bytes(msgspec.json.encode(list(item_ids)))
    manifest = {
        **extra,
        "format": FORMAT,
        "model": model.name,
        "params": model.params(),
        "items": len(item_ids),
        "files": {name: _described(folder / name) | _known_by(folder / name) for name in (ARRAYS, ITEMS)},
    }
    manifest["checksum"] = _checksum(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
    return manifest


def load(folder: Path, *, whole: bool = False) -> LoadedModel:
    """The model in `folder`. Raises `DamagedArtefact` if anything is not as it was saved.

    `whole`: look at every byte, also of files that nobody has written to since they were saved."""
    try:
        return _load(folder, whole)
    except _UNREADABLE as error:
        raise DamagedArtefact(f"The model in {folder} cannot be read: {error}.", cure=_CURE) from error


def _load(folder: Path, whole: bool) -> LoadedModel:
    text = _read(folder / MANIFEST, _MAX_MANIFEST)
    manifest, every = msgspec.json.decode(text, type=_Manifest), json.loads(text)
    if manifest.format != FORMAT:
        raise ValueError(f"it is of format {manifest.format}, and this release reads format {FORMAT}")
    if manifest.checksum != _checksum(every):
        raise ValueError(f"{MANIFEST} was altered")
    if manifest.model not in registered.REGISTRY or set(manifest.files) != {ARRAYS, ITEMS}:
        raise ValueError(f"this release knows no such model as {manifest.model!r} of files {sorted(manifest.files)}")
    for name, expected in manifest.files.items():
        if not _as_saved(folder / name, expected, whole):
            raise ValueError(f"{name} was altered or cut short")
    item_ids = _ids(folder / ITEMS)
    arrays = _mapped(folder / ARRAYS)
    if whole or not _known(folder / ARRAYS, manifest.files[ARRAYS]):
        _check_numbers(arrays)
    model = registered.REGISTRY[manifest.model](**manifest.params).with_arrays(arrays)
    if not len(item_ids) == manifest.items == model.scores(_NOBODY).shape[1]:
        raise ValueError(f"{len(item_ids)} ids do not belong to this model")
    return LoadedModel(model, item_ids, every)


def save_parts(folder: Path, name: str, arrays: Mapping[str, NDArray[Any]], about: Json, files: Sequence[str] = ()) -> None:
    """Write what models are served with beside them, as `name`: arrays, `about` them, and the sums of `files` there."""
    save_file({key: np.ascontiguousarray(array) for key, array in arrays.items()}, folder / f"{name}.safetensors")
    parts = (f"{name}.safetensors", *files)
    told: Json = {"about": about, "files": {part: _described(folder / part) | _known_by(folder / part) for part in parts}}
    told["checksum"] = _checksum(told)
    (folder / f"{name}.json").write_text(json.dumps(told, sort_keys=True), encoding="utf-8")


def load_parts(folder: Path, name: str, *, whole: bool = False) -> tuple[dict[str, NDArray[Any]], Json] | None:
    """What `save_parts` wrote, None if it wrote nothing. Raises `DamagedArtefact` if anything is not as it was saved."""
    if not (folder / f"{name}.json").exists():
        return None
    try:
        told = json.loads(_read(folder / f"{name}.json", _MAX_PARTS))
        if told["checksum"] != _checksum(told):
            raise ValueError(f"{name}.json was altered")
        for part, expected in told["files"].items():
            if not _as_saved(folder / part, msgspec.convert(expected, _File), whole):
                raise ValueError(f"{part} was altered or cut short")
        return _mapped(folder / f"{name}.safetensors"), told["about"]
    except _UNREADABLE as error:
        raise DamagedArtefact(f"The part {name!r} in {folder} cannot be read: {error}.", cure=_CURE) from error


def sound(model: Model) -> Model:
    """The model, if all its numbers are finite; raises `InvalidInput` otherwise: nobody could be served by it."""
    try:
        _check_numbers({name: np.asarray(array) for name, array in model.arrays().items()})
    except ValueError as error:
        cure = "Look for values out of all proportion in the events: honeyguide doctor"
        raise InvalidInput(f"{model.name} came out with numbers that are none: {error}.", cure=cure) from None
    return model


def _check_numbers(arrays: Mapping[str, NDArray[np.generic]]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
            raise ValueError(f"its array {name!r} holds NaN or infinity")


def _ids(path: Path) -> list[str]:
    needed, have = _IDS_IN_MEMORY * path.stat().st_size, free_memory()
    if needed > have:
        raise ValueError(f"its ids take about {needed / 1e9:.2f} GB of memory, and {have / 1e9:.2f} are free")
    found = msgspec.json.decode(_read(path, _MAX_ITEMS), type=list[str])
    if len(set(found)) != len(found):
        raise ValueError(f"{path.name} names an item twice")
    return found


def _read(path: Path, most: int) -> bytes:
    if path.stat().st_size > most:
        raise ValueError(f"{path.name} is larger than {most} bytes")
    return path.read_bytes()


def _described(path: Path) -> Json:
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}


def _known_by(path: Path) -> Json:
    """What a file is known by as long as nobody writes to it; a copy has another inode."""
    found = path.stat()
    return {"inode": found.st_ino, "changed": found.st_mtime_ns}


def _known(path: Path, expected: _File) -> bool:
    return _known_by(path) == {"inode": expected.inode, "changed": expected.changed}


def _as_saved(path: Path, expected: _File, whole: bool) -> bool:
    """Whether the file is the one that was saved: of its size, and known, or of its checksum."""
    if path.stat().st_size != expected.bytes:
        return False
    if not whole and _known(path, expected):
        return True
    return bool(_described(path)["sha256"] == expected.sha256)


def _checksum(manifest: Json) -> str:
    """SHA-256 of the manifest without its checksum, in one spelling."""
    rest = {key: value for key, value in manifest.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _mapped(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file as views of the mapped file: 8 bytes of header length, a JSON header, the data."""
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    mapped.madvise(mmap.MADV_WILLNEED)  # read ahead: the first requests wait for no disk
    view = memoryview(mapped)
    (size,) = struct.unpack("<Q", view[:8])
    if size > min(_MAX_HEADER, len(view) - 8):
        raise ValueError(f"{path.name} has a header of {size} bytes")
    header = json.loads(bytes(view[8 : 8 + size]))
    data = view[8 + size :]
    arrays = {}
    for name, spec in header.items():
        if name != "__metadata__":
            start, stop = spec["data_offsets"]
            if not 0 <= start <= stop <= len(data):
                raise ValueError(f"{path.name} ends before its array {name!r}")
            if not all(0 <= side <= _MAX_SIDE for side in spec["shape"]):
                raise ValueError(f"{path.name} declares the shape {spec['shape']} for its array {name!r}")
            arrays[name] = np.frombuffer(data[start:stop], dtype=_DTYPES[spec["dtype"]]).reshape(spec["shape"])
    return arrays
