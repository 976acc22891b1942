"""Runs every benchmark, or those that are named: `python -m benchmarks [NAME ...]`."""

import sys

from benchmarks import (
    ann,
    calibration,
    cold_start,
    compute,
    diversity,
    features,
    fitting,
    freshness,
    hit_rate,
    http,
    memory,
    quality,
    scoring,
    shop,
    training,
    training_size,
)

ALL = {
    module.__name__.rpartition(".")[2]: module.main
    for module in (
        quality,
        scoring,
        diversity,
        shop,
        ann,
        compute,
        fitting,
        training,
        http,
        hit_rate,
        freshness,
        cold_start,
        features,
        memory,
        training_size,
        calibration,
    )
}

if __name__ == "__main__":
    asked, sys.argv[1:] = sys.argv[1:], []
    for name in asked or ALL:
        if name not in ALL:
            sys.exit(f"There is no benchmark {name!r}; there are {', '.join(ALL)}.")
        ALL[name]()
