"""What was acknowledged survives `kill -9`, and what was sent again counts once."""

import asyncio
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from honeyguide.messages import EventIn
from tests.ingest.test_ingest import Shop

WRITER = """
    import asyncio, sys
    from pathlib import Path
    from honeyguide.messages import EventIn
    from tests.ingest.test_ingest import Shop

    shop = Shop(Path(sys.argv[1]))

    async def caller(name):
        for batch in range(10_000):
            ids = [f"{name}-{batch}-{number}" for number in range(20)]
            report = await shop.ingest.events([EventIn(type="view", user_id=name, item_id="i", event_id=i) for i in ids])
            print(name, batch, report.sequence, flush=True)

    async def callers():
        await asyncio.gather(*(caller(name) for name in "abc"))

    asyncio.run(callers())
"""


def test_no_acknowledged_event_is_lost_and_none_counts_twice(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    told: list[str] = []
    for line in child.stdout:
        told.append(line)
        if len(told) == 60:
            child.send_signal(signal.SIGKILL)
            break
    told += [line for line in child.stdout if line.endswith("\n")]
    child.stdout.close()
    assert child.wait(60) == -signal.SIGKILL

    acknowledged = [(name, int(batch), int(sequence)) for name, batch, sequence in (line.split() for line in told)]
    shop = Shop(tmp_path)
    try:
        there = {row.event_id: row.sequence for row in shop.rows()}
        wanted = {f"{name}-{batch}-{number}" for name, batch, _ in acknowledged for number in range(20)}
        assert wanted <= there.keys()
        assert all(there[f"{name}-{batch}-19"] == sequence for name, batch, sequence in acknowledged)
        assert len(there) % 20 == 0, "half of a batch is there"

        again = [EventIn(type="view", user_id="a", item_id="i", event_id=event_id) for event_id in sorted(wanted)]
        report = asyncio.run(shop.ingest.events(again))
        assert (report.accepted, report.duplicates) == (0, len(wanted))
        assert len(shop.rows()) == len(there)
    finally:
        shop.store.close()
