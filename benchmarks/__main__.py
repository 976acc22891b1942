"""Runs every benchmark, or those that are named: `python -m benchmarks [quality] [training] [http]`."""

import sys

from benchmarks import http, quality, training

ALL = {"quality": quality.main, "training": training.main, "http": http.main}

if __name__ == "__main__":
    asked, sys.argv[1:] = sys.argv[1:], []
    for name in asked or ALL:
        if name not in ALL:
            sys.exit(f"There is no benchmark {name!r}; there are {', '.join(ALL)}.")
        ALL[name]()
