"""The documentation keeps up with the code: every command, setting, metric and folder has its place, every link leads on."""

import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

import pytest

from honeyguide.cli import COMMANDS
from honeyguide.config import Settings
from honeyguide.monitoring.metrics import Metrics, Supervised
from tests import rules
from tests.rules import ROOT

DOCS = ROOT / "docs"
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
TOP = {path.name: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("*.md"))}
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def unmentioned(names: Iterable[str], text: str) -> list[str]:
    """Names that stand nowhere between backticks or behind `honeyguide ` in a text."""
    return [name for name in names if not re.search(rf"(`|honeyguide |\[){re.escape(name)}(?=[`\s\].\[])", text)]


def code_of(text: str) -> str:
    """What a page shows as code: fenced blocks and spans."""
    fenced = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join([*fenced, *re.findall(r"`[^`\n]+`", text)])


def unknown_commands(text: str, known: Collection[str]) -> list[str]:
    """`honeyguide x` in code where x is no command."""
    used = re.findall(r"(?:^|[`$/ ])honeyguide (?:--[a-z-]+[ =]\S+ )*([a-z][a-z-]*)", code_of(text), re.MULTILINE)
    return sorted(set(used) - set(known))


def unknown_targets(text: str, known: Collection[str]) -> list[str]:
    """`make x` in code where x is no target."""
    used = re.findall(r"(?:^|[`$])\s*make ([a-z]+)", code_of(text), re.MULTILINE)
    return sorted(set(used) - set(known))


def broken_links(name: str, text: str) -> list[str]:
    """Relative links whose target is not there."""
    found = re.findall(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)", text)
    folder = (ROOT / name).parent
    return [f"{name} -> {link}" for link in found if not (folder / link).exists()]


# --- the code's names are in the pages --------------------------------------------------------------------------------


def test_every_command_has_its_section() -> None:
    assert unmentioned(COMMANDS, "\n".join(re.findall(r"^#+ .*$", PAGES["docs/cli.md"], re.MULTILINE))) == []


def test_every_section_of_the_settings_is_documented() -> None:
    sections = list(Settings.model_fields)
    assert len(sections) > 5
    assert unmentioned(sections, PAGES["docs/configuration.md"].replace("[[", "[")) == []


def test_the_metrics_page_lists_exactly_the_metrics_there_are() -> None:
    families = [*Metrics().registry.collect(), *Supervised(lambda: 0).registry.collect()]
    there = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    listed = set(re.findall(r"^\| `(honeyguide_[a-z0-9_]+)` \|", PAGES["docs/monitoring.md"], re.MULTILINE))
    assert {"not listed": there - listed, "not there": listed - there} == {"not listed": set(), "not there": set()}


def test_every_room_is_in_the_architecture() -> None:
    rooms = {path.name for path in rules.SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    rooms |= {path.stem for path in rules.SOURCE.glob("*.py") if not path.stem.startswith("__")}
    assert unmentioned(sorted(rooms), PAGES["docs/architecture.md"]) == []


def test_every_decision_is_in_the_index() -> None:
    decisions = sorted((DOCS / "decisions").glob("0*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for number, path in enumerate(decisions, 1):
        title = re.match(rf"# 0*{number}\. (.*)", path.read_text(encoding="utf-8"))
        assert title
        assert f"| [{number}]({path.name}) | {title[1]} |" in PAGES["docs/decisions/index.md"]


# --- the pages name only what is there --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*TOP, *PAGES])
def test_a_page_names_only_what_is_there(name: str) -> None:
    text = (TOP | PAGES)[name]
    assert unknown_commands(text, COMMANDS) == []
    assert unknown_targets(text, TARGETS) == []
    assert broken_links(name, text) == []


def test_tests_named_as_proofs_exist() -> None:
    proofs = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", "\n".join([*PAGES.values(), *TOP.values()]))
    assert proofs
    assert [f"{path}::{test}" for path, test in proofs if not is_there(path, test)] == []


def is_there(path: str, test: str) -> bool:
    file = ROOT / path
    return file.is_file() and (not test or re.search(rf"def {test}\(", file.read_text(encoding="utf-8")) is not None)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built documentation; a warning of the builder fails."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (built.returncode, re.findall("^WARNING.*", built.stderr, re.MULTILINE)) == (0, [])
    return folder


def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) >= len(PAGES)
    loads = re.compile(
        r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"(?:https?:)?//|<link\b[^>]*rel=\"(?:stylesheet|preload|icon)\"[^>]*href=\"(?:https?:)?//|@import"
    )
    assert [page.name for page in pages if loads.search(page.read_text(encoding="utf-8"))] == []


# --- the checks can fail ----------------------------------------------------------------------------------------------


def test_unmentioned_names_are_found() -> None:
    page = "## `train`\n## `honeyguide serve`\n`[cache]` and `generate`"
    assert unmentioned(["train", "serve", "cache", "rate", "gene"], page) == ["rate", "gene"]


def test_unknown_commands_and_targets_are_found() -> None:
    page = "honeyguide knows. `honeyguide fly`\n```sh\n$ honeyguide --config x.toml sing\nmake nonsense\n```\n`make test`\n"
    assert unknown_commands(page, {"train"}) == ["fly", "sing"]
    assert unknown_targets(page, {"test"}) == ["nonsense"]


def test_broken_links_and_missing_proofs_are_found() -> None:
    assert broken_links("docs/x.md", "[a](nowhere.md) [b](index.md#x) [c](https://example.org)") == [
        "docs/x.md -> nowhere.md"
    ]
    assert not is_there("tests/test_docs.py", "test_that_nobody_wrote")
    assert is_there("tests/test_docs.py", "test_broken_links_and_missing_proofs_are_found")
