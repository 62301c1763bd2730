"""The calls of this package for `asyncio`: none blocks the event loop.

    from tandem_persistence.aio import Tandem

    async with Tandem("state") as tandem, tandem.open_run("nightly", "r1") as run:
        await run.set({"status": "in_progress"})
        await run.schedule(manifest=True, heartbeat=True)

Calls are made by a thread of the `Tandem`, one after the other, in the order in which they were
begun. `schedule` waits until what it asks for is written, and others may ask for it meanwhile: they
share one write and one outcome.
"""

from ._run import Run
from ._tandem import Tandem

__all__ = ["Run", "Tandem"]
