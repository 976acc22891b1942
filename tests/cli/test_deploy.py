"""`deploy`: files that the tools which read them accept."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Run


def accepted(*command: object, cwd: Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_prometheus_accepts_its_configuration_and_rules(run: Run, folder: Path) -> None:
    told = run("deploy", "prometheus", "there", "--runbook", "https://example.org/run", "--json").json
    assert told["files"] == ["alertmanager.yml", "honeyguide.rules.yml", "prometheus.yml"]
    said = accepted(tool("promtool"), "check", "config", "prometheus.yml", cwd=folder / "there")
    assert "31 rules found" in said
    rules = yaml.safe_load((folder / "there" / "honeyguide.rules.yml").read_text("utf-8"))["groups"][0]["rules"]
    assert rules[0]["annotations"]["runbook_url"] == "https://example.org/run#honeyguidedown"
    assert {rule["labels"]["severity"] for rule in rules} == {"page", "ticket"}


def test_alertmanager_has_a_receiver_for_every_severity(run: Run, folder: Path) -> None:
    run("deploy", "prometheus", ".")
    config = yaml.safe_load((folder / "alertmanager.yml").read_text("utf-8"))
    names = {each["name"] for each in config["receivers"]}
    assert config["route"]["receiver"] in names
    for route in config["route"]["routes"]:
        assert route["receiver"] in names


def test_containers_run_as_nobody_in_particular_and_name_no_secret(run: Run, folder: Path) -> None:
    run("deploy", "compose", "shop")
    here = folder / "shop"
    compose = yaml.safe_load((here / "compose.yaml").read_text("utf-8"))
    assert compose["services"].keys() == {"api", "worker", "redis", "postgres", "prometheus", "alertmanager"}
    for name in ("api", "worker"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["environment"]["HONEYGUIDE_AUTH__KEY"].startswith("${HONEYGUIDE_KEY:?")
    assert compose["services"]["api"]["ports"] == ["127.0.0.1:8000:8000"]
    for service in compose["services"].values():
        for each in service.get("volumes", []):
            source = each.partition(":")[0]
            assert source in compose["volumes"] or (here / source).is_file(), each
    docker = (here / "Dockerfile").read_text("utf-8")
    assert re.search(r"^USER 10001$", docker, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*readyz", docker, re.MULTILINE)
    config = yaml.safe_load((here / "prometheus.yml").read_text("utf-8"))
    (job,) = config["scrape_configs"]
    assert job["authorization"] == {"credentials_file": "/run/secrets/key"}
    assert job["static_configs"] == [{"targets": ["api:8000", "worker:8000"]}]


def test_units_are_hardened_and_in_order(run: Run, folder: Path) -> None:
    run("deploy", "systemd", "units")
    for name, command in (("honeyguide", "serve"), ("honeyguide-worker", "worker")):
        text = (folder / "units" / f"{name}.service").read_text("utf-8")
        assert f"--data-dir %S/honeyguide {command}" in text
        for line in ("DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "StateDirectory=honeyguide"):
            assert line in text.splitlines()
    said = accepted(tool("systemd-analyze"), "verify", "--man=no", "./honeyguide.service", cwd=folder / "units")
    assert "Unknown" not in said


def test_nothing_is_written_over_unless_asked_for(run: Run, folder: Path) -> None:
    (folder / "prometheus.yml").write_text("mine", encoding="utf-8")
    ran = run("deploy", "prometheus", ".", code=1)
    assert "prometheus.yml is there already" in ran.err
    assert "--replace" in ran.err
    assert sorted(path.name for path in folder.iterdir()) == ["prometheus.yml"]
    assert (folder / "prometheus.yml").read_text("utf-8") == "mine"
    run("deploy", "prometheus", ".", "--replace")
    assert (folder / "prometheus.yml").read_text("utf-8") != "mine"


def test_a_folder_that_cannot_be_made_says_so(run: Run, folder: Path) -> None:
    (folder / "file").write_text("", encoding="utf-8")
    assert "cannot be written to" in run("deploy", "systemd", "file/units", code=1).err


def test_grafana_finds_its_dashboards(run: Run, folder: Path) -> None:
    told = run("deploy", "grafana", "boards", "--json").json
    assert told["files"] == [
        "honeyguide-caches-and-events.json",
        "honeyguide-quality.json",
        "honeyguide-service.json",
        "provider.yml",
    ]
    for name in told["files"][:3]:
        board = json.loads((folder / "boards" / name).read_text("utf-8"))
        assert f"{board['uid']}.json" == name
        assert len(board["panels"]) >= 6
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {"${source}"}
    provider = yaml.safe_load((folder / "boards" / "provider.yml").read_text("utf-8"))
    assert provider["apiVersion"] == 1
    assert provider["providers"][0]["options"]["path"].startswith("/var/lib/grafana")
