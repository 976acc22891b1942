"""Files of a model that were cut, altered or swapped are refused, whatever they are."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from honeyguide.errors import DamagedArtefact, InvalidInput
from honeyguide.models import REGISTRY, artefact
from honeyguide.models.artefact import ARRAYS, ITEMS, MANIFEST, load, save, sound
from honeyguide.models.ease import Ease
from honeyguide.testing.models import ITEMS as N_ITEMS
from honeyguide.testing.models import checkerboard, histories
from tests.models.small import SASREC

IDS = [f"item {number}" for number in range(N_ITEMS)]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ease")
    save(folder, Ease(l2=5.0).fit(checkerboard()), IDS, {"companions": {"popular": "popular@3"}})
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def rewrite(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change the manifest as somebody would who knows the format, checksum included."""
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    manifest["checksum"] = artefact._checksum(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def vouch(folder: Path) -> None:
    """Write the files' present checksums into the manifest."""
    rewrite(
        folder,
        lambda manifest: manifest.update(files={name: artefact._described(folder / name) for name in (ARRAYS, ITEMS)}),
    )


def test_the_untouched_folder_loads_with_what_was_said_of_it(folder: Path) -> None:
    loaded = load(folder)
    assert loaded.item_ids == IDS
    assert loaded.manifest["companions"] == {"popular": "popular@3"}
    assert loaded.model.params()["l2"] == 5.0


def test_our_files_are_plain_safetensors(folder: Path) -> None:
    theirs = load_file(folder / ARRAYS)
    np.testing.assert_array_equal(theirs["weights"], load(folder).model.arrays()["weights"])


def test_ids_of_any_characters_come_back(tmp_path: Path) -> None:
    strange = ["", " ", "a/b", "\u00e9\U0001f41d", '"', "\\", "\x7f", "\u2028", "x" * 256, *IDS[9:]]
    save(tmp_path, Ease(l2=5.0).fit(checkerboard()), strange, {})
    assert load(tmp_path).item_ids == strange


@pytest.mark.parametrize("name", [MANIFEST, ARRAYS, ITEMS])
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refused(folder)


@pytest.mark.parametrize("name", [MANIFEST, ARRAYS, ITEMS])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 60, -1])
def test_a_file_cut_short(folder: Path, name: str, size: int) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:size])
    refused(folder)


@pytest.mark.parametrize("size", [0, 7, 8, 40, -1])
def test_arrays_cut_short_before_their_checksum_was_taken(folder: Path, size: int) -> None:
    (folder / ARRAYS).write_bytes((folder / ARRAYS).read_bytes()[:size])
    vouch(folder)
    refused(folder)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), name=st.sampled_from([MANIFEST, ARRAYS, ITEMS]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_flipped_bit(folder: Path, saved: Path, place: float, bit: int, name: str) -> None:
    whole = bytearray((saved / name).read_bytes())
    whole[int(place * len(whole))] ^= 1 << bit
    (folder / name).write_bytes(whole)
    try:
        loaded = load(folder)
    except DamagedArtefact:
        pass
    else:  # white space of the manifest is nobody's business
        assert name == MANIFEST
        assert loaded.manifest == json.loads((saved / MANIFEST).read_text())
    finally:
        shutil.copy(saved / name, folder / name)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"format": "1"},
        {"model": "Ease"},
        {"model": "../ease"},
        {"model": "knn"},
        {"params": {"l2": -1}},
        {"params": {"l3": 1}},
        {"params": {"l2": "5"}},
        {"params": None},
        {"items": 3},
        {"files": {}},
        {"files": {"../../etc/passwd": {"sha256": "0", "bytes": 1}}},
        {"files": {ARRAYS: {"sha256": "0" * 64, "bytes": 1}, ITEMS: {"sha256": "0" * 64, "bytes": 1}}},
    ],
    ids=str,
)
def test_a_manifest_that_says_something_else(folder: Path, change: dict[str, object]) -> None:
    rewrite(folder, lambda manifest: manifest.update(change))
    refused(folder)


def test_an_altered_hyper_parameter_is_noticed(folder: Path) -> None:
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace('"l2": 5.0', '"l2": 6.0'))
    assert "altered" in refused(folder)


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000])
@pytest.mark.parametrize("name", [MANIFEST, ITEMS])
def test_foreign_content(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    if name == ITEMS:
        vouch(folder)
    refused(folder)


def header(text: str, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text.encode() + data


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x95\x00",
        (2**63).to_bytes(8, "little"),
        header("[]"),
        header("{}"),
        header("[" * 100_000),
        header('{"weights": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}}'),
        header('{"weights": {"dtype": "F32", "shape": [1, 1], "data_offsets": [-4, 4]}}', b"\0" * 4),
        header('{"weights": {"dtype": "O", "shape": [1], "data_offsets": [0, 8]}}', b"\0" * 8),
        header('{"weights": {"dtype": "F32", "shape": [-1, 99999999999999999999], "data_offsets": [0, 4]}}', b"\0" * 4),
        header('{"weights": {"dtype": "F32", "shape": "x", "data_offsets": [0, 4]}}', b"\0" * 4),
        header('{"weights": 3}'),
        header('{"weights": {"dtype": "F32", "shape": [0, 4000000000000000000], "data_offsets": [0, 0]}}'),
        header('{"weights": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}', b"\0" * 4),
    ],
)
def test_foreign_arrays_that_somebody_vouched_for(folder: Path, content: bytes) -> None:
    (folder / ARRAYS).write_bytes(content)
    vouch(folder)
    refused(folder)


@pytest.mark.parametrize("name", sorted(REGISTRY))
@pytest.mark.parametrize("spoil", ["drop", "dtype", "shape", "empty"])
def test_arrays_that_do_not_belong_together(name: str, spoil: str, tmp_path: Path) -> None:
    small = {"als": {"factors": 4}, "graph": {"factors": 4}, "sasrec": SASREC | {"rounds": 1}}.get(name, {})
    save(tmp_path, REGISTRY[name](**small).fit(checkerboard()), IDS, {})
    whole = load_file(tmp_path / ARRAYS)
    for key, array in whole.items():
        if not array.size and spoil in ("shape", "empty"):
            continue  # twice nothing is nothing, as is none of it
        spoiled = {
            "drop": {},
            "dtype": {key: array.astype(np.uint8)},
            "shape": {key: np.concatenate([array, array], axis=-1)},
            "empty": {key: array[:0]},
        }[spoil]
        save_file({**{other: whole[other] for other in whole if other != key}, **spoiled}, tmp_path / ARRAYS)
        vouch(tmp_path)
        refused(tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_although_somebody_vouched_for_them(folder: Path, value: float) -> None:
    arrays = {name: array.copy() for name, array in load_file(folder / ARRAYS).items()}
    name = next(name for name, array in arrays.items() if array.dtype.kind == "f")
    arrays[name].flat[-1] = value
    save_file(arrays, folder / ARRAYS)
    vouch(folder)
    assert f"its array {name!r} holds NaN or infinity" in refused(folder)


def test_sizes_out_of_all_proportion_are_refused_before_anything_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def huge(manifest: dict[str, object]) -> None:
        manifest["files"] = {name: {"sha256": "0" * 64, "bytes": 10**15} for name in (ARRAYS, ITEMS)}

    monkeypatch.setattr(artefact, "_described", None)
    rewrite(folder, huge)
    refused(folder)


def test_ids_that_do_not_fit_into_memory_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefact, "free_memory", lambda: 10)
    assert "of memory" in refused(folder)


def test_an_item_that_is_named_twice_is_refused(folder: Path) -> None:
    (folder / ITEMS).write_text(json.dumps([IDS[0], *IDS[:-1]]))
    vouch(folder)
    assert "names an item twice" in refused(folder)


def test_a_fitted_model_with_numbers_that_are_none_is_not_sound() -> None:
    model = REGISTRY["knn"]().fit(checkerboard())
    assert sound(model) is model
    spoiled = {name: np.array(array) for name, array in model.arrays().items()}
    spoiled["data"][0] = np.nan
    with pytest.raises(InvalidInput, match="knn came out with numbers that are none"):
        sound(model.with_arrays(spoiled))


def test_links_that_point_outside_are_refused(tmp_path: Path) -> None:
    save(tmp_path, REGISTRY["knn"]().fit(checkerboard()), IDS, {})
    whole = load_file(tmp_path / ARRAYS)
    for key, place, value in [("indices", 0, N_ITEMS), ("indices", 0, -1), ("indptr", 1, 10**6), ("indptr", 0, 1)]:
        spoiled = {name: array.copy() for name, array in whole.items()}
        spoiled[key][place] = value
        save_file(spoiled, tmp_path / ARRAYS)
        vouch(tmp_path)
        refused(tmp_path)


def test_arrays_are_mapped_and_cannot_be_written(folder: Path) -> None:
    weights = load(folder).model.arrays()["weights"]
    assert isinstance(weights, np.ndarray)
    assert not weights.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        weights[0, 0] = 1.0


def test_a_loaded_model_outlives_its_files(folder: Path) -> None:
    loaded = load(folder)
    before = loaded.model.scores(histories([0, 2]))
    shutil.rmtree(folder)
    np.testing.assert_array_equal(loaded.model.scores(histories([0, 2])), before)


def refused(folder: Path) -> str:
    """Loading is refused with a cure; what it says."""
    with pytest.raises(DamagedArtefact) as caught:
        load(folder)
    assert caught.value.cure
    return caught.value.detail
