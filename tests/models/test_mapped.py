"""Loading maps: it copies no arrays, reads none of a file that is known, and processes share the pages."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from honeyguide.errors import DamagedArtefact
from honeyguide.models import artefact
from honeyguide.models.artefact import ARRAYS, load, save
from honeyguide.models.ease import Ease
from honeyguide.types import Json

ITEMS = 4_000
SIZE = 4 * ITEMS**2

LOAD = """
import re, sys
from pathlib import Path
from honeyguide.models.artefact import load

def held(kind):
    return int(re.search(rf"{kind}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

def of_file(kind):
    blocks = Path("/proc/self/smaps").read_text().split("arrays.safetensors")[1:]
    return sum(int(re.search(rf"\\n{kind}:\\s+(\\d+)", block)[1]) * 1024 for block in blocks)

before = held("RssAnon")
loaded = load(Path(sys.argv[1]))
own, mapped = held("RssAnon") - before, of_file("Rss")
total = sum(float(array.sum(dtype="float64")) for array in loaded.model.arrays().values())
print(own, mapped, of_file("Rss"), of_file("Pss"), held("RssAnon") - before)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of 64 MB, of its own for each test: whether a file was touched since it was saved decides how it is read."""
    arrays = {
        "weights": np.full((ITEMS, ITEMS), 0.5, np.float32),
        "diagonal": np.ones(ITEMS, np.float32),
        "places": np.arange(ITEMS, dtype=np.int32),
        "scale": np.ones(1, np.float32),
    }
    save(tmp_path, Ease().with_arrays(arrays), [f"i{item}" for item in range(ITEMS)], {})
    return tmp_path


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_grows_by_what_is_touched_and_is_shared(folder: Path) -> None:
    mine = load(folder)
    assert float(mine.model.arrays()["weights"].sum()) > 0  # type: ignore[attr-defined]
    done = subprocess.run([sys.executable, "-c", LOAD, str(folder)], capture_output=True, text=True, check=True)
    copied, mapped, touched, proportional, copied_after = map(int, done.stdout.split())
    assert copied < SIZE / 4  # modules that loading imports, and no array
    assert copied_after < SIZE / 4
    assert mapped < SIZE / 4
    assert touched > 0.99 * SIZE
    assert proportional < 0.6 * touched  # this process has the other half of each page


def test_a_known_file_is_not_read_through_and_everything_else_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    described = artefact._described

    def noted(path: Path) -> Json:
        read.append(path.name)
        return described(path)

    monkeypatch.setattr(artefact, "_described", noted)
    load(folder)
    assert read == []
    load(folder, whole=True)
    assert sorted(read) == ["arrays.safetensors", "items.json"]
    read.clear()
    os.utime(folder / ARRAYS)
    load(folder)
    assert read == ["arrays.safetensors"]


def test_a_byte_that_turned_on_the_disk_is_found_by_a_whole_look(tmp_path: Path) -> None:
    arrays = {
        "weights": np.ones((9, 9), np.float32),
        "diagonal": np.ones(9, np.float32),
        "places": np.arange(9, dtype=np.int32),
        "scale": np.ones(1, np.float32),
    }
    save(tmp_path, Ease().with_arrays(arrays), [f"i{item}" for item in range(9)], {})
    known = (tmp_path / ARRAYS).stat()
    with (tmp_path / ARRAYS).open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\x01")
    os.utime(tmp_path / ARRAYS, ns=(known.st_atime_ns, known.st_mtime_ns))  # as if nobody had written
    load(tmp_path)
    with pytest.raises(DamagedArtefact):
        load(tmp_path, whole=True)
