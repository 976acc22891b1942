"""`honeyguide doctor` on real projects: a healthy one, and each kind of trouble planted."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from honeyguide.cli.surroundings import config_findings, disk_findings, erasure_findings, item_findings, model_findings
from honeyguide.clock import SystemClock
from honeyguide.config import Settings, load
from honeyguide.models.artefact import load as load_artefact
from honeyguide.types import Job, ModelVersion
from tests.cli.conftest import Run

NOW = 1_700_000_000_000
DAY = 86_400_000


def codes(run: Run, *words: str, code: int = 3) -> list[str]:
    told = run("doctor", "--json", *words, code=code).json
    assert told["ok"] is (code == 0)
    return [finding["code"] for finding in told["findings"]]


def test_nothing_is_wrong_with_the_sample(run: Run, shop: Path) -> None:
    ran = run("doctor")
    assert "verdict   nothing is wrong" in ran.out
    assert "looked at" in ran.out
    assert codes(run, code=0) == []


def test_a_finding_says_what_and_the_line_that_mends_it(run: Run, folder: Path) -> None:
    ran = run("doctor", code=3)
    assert "  error     There is no data in ./data yet.\n            fix  Bring some in with 'honeyguide import" in ran.out
    assert "  verdict   1 error\n" in ran.out
    assert list(folder.iterdir()) == []


def test_seconds_for_milliseconds_one_user_and_no_model(run: Run, folder: Path) -> None:
    rows = "".join(f"1970-01-20T08:13:{second:02d}Z,u1,i{second % 5},view\n" for second in range(30))
    (folder / "e.csv").write_text("ts,user_id,item_id,type\n" + rows)
    run("import", "events", "e.csv")
    assert set(codes(run)) == {"old_times", "one_user", "no_categories", "no_titles", "not_trained"}
    ran = run("doctor", code=3)
    levels = [line.split()[0] for line in ran.out.splitlines() if line.startswith(("  error", "  warning"))]
    assert levels == sorted(levels)
    assert "2 errors and 3 warnings" in ran.out


def test_a_type_of_events_that_says_nothing(run: Run, shop: Path) -> None:
    text = "".join(f"[events.types.{name}]\nweight = 0\n" for name in ("view", "click", "add_to_cart", "purchase"))
    (shop / "honeyguide.toml").write_text(text)
    assert codes(run) == ["no_positive_events"]
    assert "events.types.view.weight = 1" in run("doctor", code=3).out


def test_a_configuration_that_does_not_load_and_one_that_names_what_there_is_not(run: Run, shop: Path) -> None:
    (shop / "honeyguide.toml").write_text("[server]\nprot = 1\n[srver]\n")
    assert codes(run) == ["config", "config"]
    (shop / "honeyguide.toml").write_text('[models]\ntrain = ["popular", "esae"]\n')
    assert codes(run) == ["config"]
    (shop / "honeyguide.toml").write_text("")
    told = run("doctor", "--json", code=3, HONEYGUIDE_SRVER__PORT="1").json
    assert "did you mean HONEYGUIDE_SERVER__PORT?" in told["findings"][0]["what"]


def test_a_damaged_model_is_an_error(run: Run, shop: Path) -> None:
    (arrays,) = (shop / "data" / "models").glob("ease*/**/arrays.safetensors")
    arrays.chmod(0o644)
    arrays.write_bytes(arrays.read_bytes()[:-10])
    assert codes(run) == ["damaged_model"]
    assert "honeyguide models rollback" in run("doctor", code=3).out


def test_a_model_that_has_not_seen_the_latest_data(run: Run, shop: Path) -> None:
    rows = "".join(f"17000000{row:05d},u-{row % 80:02d},i-{row % 40 + 1:03d},view\n" for row in range(900))
    (shop / "more.csv").write_text("ts,user_id,item_id,type\n" + rows)
    run("import", "events", "more.csv")
    assert codes(run, code=0) == ["old_model"]


def test_a_catalogue_under_other_ids(run: Run, shop: Path) -> None:
    now = SystemClock().now_ms()
    rows = "".join(f"{now - row},u-{row % 80:02d},new-{row % 40 + 1:03d},view\n" for row in range(1000))
    (shop / "more.csv").write_text("ts,user_id,item_id,type\n" + rows)
    run("import", "events", "more.csv")
    assert "latest_unknown" in codes(run, code=0)
    assert "does not know 40 of them" in run("doctor").out


def test_items_of_the_champion_against_those_of_the_catalogue(shop: Path) -> None:
    folder = next((shop / "data" / "models").glob("ease*/**/manifest.json")).parent
    known = load_artefact(folder).item_ids
    champion = ModelVersion("ease", 2, NOW, 100, {}, {})
    before = ModelVersion("ease", 1, NOW, 90, {}, {"items": 3 * len(known)})
    registry: Any = SimpleNamespace(aliases=lambda: {"champion": champion}, previous=lambda alias: before)
    artefacts: Any = SimpleNamespace(path=lambda model, number: folder)

    def found(catalogue: list[str]) -> list[tuple[str, str]]:
        return [(one.level, one.code) for one in item_findings(registry, artefacts, catalogue, known, Settings().training)]

    assert found(known) == [("warning", "items_shrunk")]
    assert found([f"new-{item}" for item in known]) == [("error", "items_unknown"), ("warning", "items_shrunk")]
    before.manifest["items"] = len(known)
    assert found([*known[: len(known) // 3], *(f"new-{item}" for item in known)]) == [("warning", "items_unknown")]


@pytest.mark.parametrize(("free", "level"), [(2_000_000_000, None), (900_000_000, "warning"), (50_000_000, "error")])
def test_the_disk(tmp_path: Path, free: int, level: str | None) -> None:
    settings = Settings.model_validate({"project": {"data_dir": tmp_path / "not" / "there"}})
    found = list(disk_findings(settings, free))
    assert [finding.level for finding in found] == ([level] if level else [])
    assert all(str(tmp_path) in finding.what for finding in found)
    assert list(disk_findings(settings)) == [] or found


def test_the_key(folder: Path) -> None:
    file = folder / "honeyguide.toml"
    file.write_text('[auth]\nkey = "short"')
    file.chmod(0o644)
    assert [finding.code for finding in config_findings(load(environ={}))] == ["short_key", "open_key"]
    file.chmod(0o600)
    assert [finding.code for finding in config_findings(load(environ={}))] == ["short_key"]
    file.write_text("")
    file.chmod(0o644)
    long = {"HONEYGUIDE_AUTH__KEY": "x" * 32}
    assert list(config_findings(load(environ=long))) == []


def test_a_champion_that_is_weeks_old(run: Run, shop: Path) -> None:
    version = ModelVersion("ease", 1, NOW - 10 * DAY, 95, {}, {})
    registry: Any = SimpleNamespace(aliases=lambda: {"champion": version})
    artefacts: Any = SimpleNamespace(
        path=lambda model, number: next((shop / "data" / "models").glob("ease*/**/manifest.json")).parent
    )
    assert [finding.code for finding in model_findings(registry, artefacts, 100, NOW)] == ["old_model"]
    assert "10 days old" in next(model_findings(registry, artefacts, 100, NOW)).what
    assert list(model_findings(registry, artefacts, 95, NOW)) == []


def test_erasures_that_failed_and_models_that_remember() -> None:
    champion = ModelVersion("ease", 3, NOW, 100, {}, {})
    registry: Any = SimpleNamespace(aliases=lambda: {"champion": champion})
    done = Job(job_id="a", kind="erase", state="succeeded", created_at=NOW, params={"users": ["ab"]})
    done.result = {"models": ["ease@3"], "models_by": "2023-11-20T00:00:00Z"}
    failed = Job(job_id="b", kind="erase", state="failed", created_at=NOW, params={"users": ["ab"], "user_ids": ["ann"]})
    other = Job(job_id="c", kind="train", state="failed", created_at=NOW)
    assert list(erasure_findings([done, other], registry, NOW)) == []
    found = list(erasure_findings([done, failed, other], registry, NOW + 30 * DAY))
    assert [(finding.level, finding.code) for finding in found] == [
        ("error", "erasure_failed"), ("warning", "remembers_erased")
    ]  # fmt: skip
    assert "ease@3" in found[1].what
    assert not any("ann" in finding.what for finding in found)
