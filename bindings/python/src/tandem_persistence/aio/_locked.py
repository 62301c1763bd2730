"""Waits for the lock of a history without keeping a thread for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..errors import TandemError
from ..records import ErrorKind

Answer = TypeVar("Answer")

LOCK_WAIT_MS = 30_000
"""As long as the component waits by default."""
FIRST_S, LAST_S = 0.01, 0.25
"""How long it waits between two tries: doubled from the first to the last."""


class Patience:
    """How long a lock is still waited for."""

    def __init__(self, lock_wait_ms: int | None) -> None:
        wait_ms = LOCK_WAIT_MS if lock_wait_ms is None else lock_wait_ms
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + wait_ms / 1000
        self._next_s = FIRST_S

    def next_s(self) -> float | None:
        """When to try again, or None if it waited long enough."""
        rest_s = self._until - self._loop.time()
        if rest_s <= 0:
            return None
        wait_s, self._next_s = self._next_s, min(2 * self._next_s, LAST_S)
        # Several that began together do not try together.
        return min(wait_s * random.uniform(0.5, 1), rest_s)


async def once_unlocked(
    attempt: Callable[[], Awaitable[Answer]], lock_wait_ms: int | None
) -> Answer:
    """Tries until the lock is free, or was waited for long enough."""
    patience = Patience(lock_wait_ms)
    while True:
        try:
            return await attempt()
        except TandemError as error:
            wait_s = patience.next_s() if error.kind is ErrorKind.LOCKED else None
            if wait_s is None:
                raise
        await asyncio.sleep(wait_s)
