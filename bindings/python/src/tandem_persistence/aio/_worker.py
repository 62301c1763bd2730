"""A thread that makes calls for an event loop, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..errors import TandemError
from ..records import ErrorKind

Answer = TypeVar("Answer")


class Worker:
    """What was handed over is done, whoever still waits for it, before the interpreter ends."""

    def __init__(self) -> None:
        # Its threads are joined at the end of the interpreter, and end with this object.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="tandem-aio")
        self._loop: asyncio.AbstractEventLoop | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that runs, which must be that of the first call."""
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        if self._loop is not running:
            message = "a Tandem belongs to the event loop of its first call"
            raise TandemError(ErrorKind.INVALID_INPUT, message)
        return running

    def begin(self, work: Callable[[], Answer]) -> asyncio.Future[Answer]:
        """Hands it over, behind all that was handed over before."""
        loop = self.loop()
        try:
            handed_over = self._executor.submit(work)
        except RuntimeError as error:
            raise TandemError(ErrorKind.CLOSED, "the Tandem is closed") from error
        return asyncio.wrap_future(handed_over, loop=loop)

    async def do(self, work: Callable[[], Answer]) -> Answer:
        """Has it done, and waits for it. Who is cancelled stops to wait, and no more."""
        return await self.until(self.begin(work))

    async def until(self, done: asyncio.Future[Answer]) -> Answer:
        """Waits for what was begun."""
        return await asyncio.shield(done)

    def end(self) -> None:
        """Takes nothing more. What was handed over is done."""
        self._executor.shutdown(wait=False)
