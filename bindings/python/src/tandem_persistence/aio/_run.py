"""An open run, for `asyncio`."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable
from typing import Self, Unpack

from .. import _arguments as arguments
from .. import _options as options
from ..records import REQUEST, Channel, Receipt, Recovery, Request, Revised, Stats
from ..run import Document
from ..run import Run as BlockingRun
from ._closing import Closing
from ._requests import Requests, Waiter
from ._worker import Worker


class Run(Closing):
    """A run that `Tandem.open_run` opened, as `tandem_persistence.Run`, without blocking.

    What waits for an interval or a back-off is written by itself when that is over, as long as the
    event loop runs and the run is open: what `schedule` and `mark` asked for, and what failed. Who
    is cancelled stops to wait, and nothing else. As a context manager it closes itself at the end.
    """

    recovery: Recovery
    """What was found on the disk."""

    def __init__(self, worker: Worker, run: BlockingRun) -> None:
        self.recovery = run.recovery
        self._worker = worker
        self._run = run
        self._requests = Requests(worker, run)

    async def set(self, document: Document) -> Revised:
        """Replace the document. A dict is read at once, and may be changed after."""
        content = self._text("document", document)
        self._requests.between()
        return await self._worker.do(functools.partial(self._run.set, content))

    async def merge(self, patch: Document) -> Revised:
        """Change the document by a JSON merge patch (RFC 7396)."""
        content = self._text("patch", patch)
        self._requests.between()
        return await self._worker.do(functools.partial(self._run.merge, content))

    @options.takes(Request)
    async def mark(self, **request: Unpack[Request]) -> None:
        """Mark files dirty, and have them written when they are due, without waiting for that.

        A failure shows in `stats`, and in the next call that waits.
        """
        asked = options.record(REQUEST, request)
        channels = {it for it in (Channel.MANIFEST, Channel.HEARTBEAT) if asked[it]}
        self._requests.between()
        marked = self._worker.begin(functools.partial(self._run.mark, **request))
        marked.add_done_callback(lambda done: self._marked(channels, done))
        self._requests.ask((), None)
        await self._worker.until(marked)

    @options.takes(Request)
    async def schedule(self, **request: Unpack[Request]) -> Receipt:
        """Mark files dirty, and wait until they are written.

        That is once their interval and their back-off are over, or as soon as somebody forces it;
        who waits for the same shares one write and one outcome. With `force` everything that is
        dirty is written now. Without flags it waits for what was asked for before.
        """
        asked = options.record(REQUEST, request)
        channels = {it for it in (Channel.MANIFEST, Channel.HEARTBEAT) if asked[it]}
        waiter = Waiter(channels, asked["force"])
        self._requests.ask(channels, waiter, is_forced=asked["force"])
        return await waiter.future

    async def flush(self) -> Receipt:
        """Write everything that is dirty."""
        return await self.schedule(force=True)

    async def close(self) -> Receipt:
        """Flush what is dirty and close the run; who waits for a file has that outcome too.

        If that fails, the run stays open and dirty, and `close` can be called again. A run that is
        closed can be closed again.
        """
        return await self._worker.until(self._requests.close())

    async def stats(self) -> Stats:
        """Read the counters. It works on a closed run too, as long as its `Tandem` is open."""
        self._requests.between()
        return self._requests.counts.of(await self._worker.do(self._run.stats))

    def _marked(self, channels: Iterable[Channel], done: asyncio.Future[None]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._requests.counts.mark(channels)

    def _text(self, name: str, document: Document) -> str:
        bytes_max = self._run._document_bytes_max
        return arguments.document(name, document, bytes_max, Channel.MANIFEST)

    async def __aenter__(self) -> Self:
        return self

    async def _close(self) -> Receipt:
        return await self.close()

    def __repr__(self) -> str:
        return repr(self._run)
