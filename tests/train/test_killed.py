"""A training that is killed, at any step of publishing, leaves what served, whole; the next one goes on."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from honeyguide.models.artefact import load
from tests.train.conftest import Shop, quick

ROOT = Path(__file__).parents[2]

TRAIN = """
import os, signal, sys
from pathlib import Path
import honeyguide.models.artefact as artefact
from honeyguide.clock import SystemClock
from honeyguide.stores.files import FileArtefacts, FileSearches
from honeyguide.stores.urls import open_store
from honeyguide.train import train
from tests.train.conftest import quick

folder, where, budget = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
kill = lambda *ignored: os.kill(os.getpid(), signal.SIGKILL)
settings = quick(folder, budget=budget)
store = open_store(settings, SystemClock())

def told(stage, share):
    if stage.startswith(where):
        kill()

def half(arrays, path):
    path.write_bytes(b"the beginning")
    kill()

if where == "half a file":
    artefact.save_file = half
if where == "before the row":
    store.registry.publish = kill
if where == "before the alias":
    store.registry.set_alias = kill
artefacts, searches = FileArtefacts(folder / "models"), FileSearches(folder / "searches")
train(store, artefacts, settings, SystemClock(), searches=searches, progress=told)
"""

PLACES = ["fit markov", "half a file", "before the row", "before the alias"]


def killed(shop: Shop, where: str, budget: float = 0.0) -> None:
    """Train in a process that kills itself there."""
    command = [sys.executable, "-c", TRAIN, str(shop.folder), where, str(budget)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("where", PLACES)
def test_what_serves_is_whole_wherever_a_training_is_killed(shop: Shop, where: str) -> None:
    shop.train()
    killed(shop, where)
    assert shop.champion() == "markov@1"
    for version in shop.store.registry.versions():
        load(shop.artefacts.path(version.model, version.version), whole=True)
    assert shop.train().champion == shop.champion() != "markov@1"
    assert not list((shop.folder / "models").glob("*/.tmp-*"))


def test_a_search_that_was_killed_goes_on(shop: Shop) -> None:
    shop.train()
    killed(shop, "publish popular", budget=3.0)
    kept = len(list((shop.folder / "searches").iterdir()))
    assert kept >= 1
    assert shop.champion() == "markov@1"
    report = shop.train(quick(shop.folder, budget=3.0))
    assert report.champion == shop.champion() != "markov@1"
