"""What a fit may take of the machine: memory that is free, threads that do not get in each other's way."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from honeyguide.types import LongArray

Part = TypeVar("Part")
Made = TypeVar("Made")

_MEMINFO = Path("/proc/meminfo")
_CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def free_memory() -> int:
    """Bytes that this process may still take: what the machine has free, or its control group leaves, whichever is less."""
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if _MEMINFO.exists():
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines() if ":" in line)
        have = int(lines.get("MemAvailable", f"{have // 1024} kB").split()[0]) * 1024
    for limit, used in _CGROUPS:
        if limit.exists() and used.exists() and (most := limit.read_text().strip()).isdigit():
            have = min(have, int(most) - int(used.read_text()))
    return max(0, have)


def threads() -> int:
    """As many as the numeric libraries would take by themselves: OMP_NUM_THREADS and CPU affinity are kept to."""
    return max((int(pool["num_threads"]) for pool in threadpool_info()), default=1)


def blocks(costs: LongArray, most: int) -> list[slice]:
    """Consecutive rows, their `costs` summing to at most `most`; a row that costs more stands alone."""
    ends, start, sums = [], 0, np.cumsum(costs)
    while start < len(costs):
        spent = int(sums[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(sums, spent + most, side="right")))
        ends.append(slice(start, stop))
        start = stop
    return ends


def each(
    work: Callable[[Part], Made], parts: Sequence[Part], progress: Callable[[float], None] | None = None
) -> Iterator[Made]:
    """`work` of each part, in order, on all cores, while BLAS itself keeps to one thread. At most two per core wait."""
    count = threads()
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(count, thread_name_prefix="fit") as pool:
        running = deque(pool.submit(work, part) for part in parts[: 2 * count])
        for place in range(len(parts)):
            made = running.popleft().result()
            if place + 2 * count < len(parts):
                running.append(pool.submit(work, parts[place + 2 * count]))
            if progress is not None:
                progress((place + 1) / len(parts))
            yield made
