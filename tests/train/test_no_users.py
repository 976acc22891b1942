"""Trained files know items, never users: what an erasure leaves to the next training is sums that name nobody."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from honeyguide import Honeyguide
from honeyguide.config.settings import Models, Segments
from honeyguide.models import REGISTRY
from tests.models.small import SASREC
from tests.shop import NOW, settings

USERS, ITEMS = 53, 17  # numbers that no setting of a model has, so that an array by user would show


def test_no_user_is_in_any_artefact(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = [
        {"event_id": f"e{at}", "user_id": f"canary-{at % USERS}", "item_id": f"i{rng.integers(ITEMS)}", "type": "purchase",
         "ts": NOW - 10**8 + at * 1000, "properties": {"secret": f"canary-{at}"}}
        for at in range(USERS * 9)
    ]  # fmt: skip
    users = [{"user_id": f"canary-{at}", "properties": {"country": "PT"}} for at in range(USERS)]
    params = {"sasrec": SASREC | {"rounds": 1}}
    models = Models(train=sorted(REGISTRY), params=params)
    sections = {"models": models, "segments": Segments(attributes=["country"])}
    with Honeyguide.open(settings(tmp_path, **sections)) as hg:
        hg.ingest(rows)
        hg.ingest(users, kind="users")
        report = hg.train()
    assert {model.name for model in report.models} == set(REGISTRY)
    files = [path for path in (tmp_path / "models").rglob("*") if path.is_file()]
    assert len(files) >= 2 * len(REGISTRY)
    assert [path.name for path in files if b"canary" in path.read_bytes()] == []
    shapes = {
        (path.parent.parent.name, name): array.shape
        for path in files
        if path.suffix == ".safetensors"
        for name, array in load_file(path).items()
    }
    assert shapes
    assert {name: shape for name, shape in shapes.items() if USERS in shape} == {}
