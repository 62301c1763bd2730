"""Counts requests, and what flushes took of them.

The component counts what this package asks it, which is once for several callers, and again when a
file is due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import replace

from ..records import Channel, Stats

Taker = Channel | None
"""The file whose flush takes a mark; without one it is that of either."""


class Counts:
    """Those of one run."""

    def __init__(self) -> None:
        self._requests = 0
        self._coalesced = 0
        self._automatic_retries = 0
        self._marks: Counter[Taker] = Counter()

    def accept(self, requests: int) -> None:
        """So many requests were accepted."""
        self._requests += requests

    def mark(self, channels: Iterable[Channel]) -> None:
        """A request was accepted that nobody waits for."""
        self.accept(1)
        asked = set(channels)
        self._marks[asked.pop() if len(asked) == 1 else None] += 1

    def flushed(self, taken: Set[Channel], ended: int, *, is_met: bool) -> None:
        """A flush took files. So many callers had their outcome by it, or some of it (`is_met`)."""
        if not taken:
            return
        marks = sum(self._marks.pop(taker, 0) for taker in (*taken, None))
        self._coalesced += max(ended + marks - 1, 0)
        self._automatic_retries += not (is_met or marks)

    def of(self, stats: Stats) -> Stats:
        """The component's counters with these."""
        return replace(
            stats,
            requests=self._requests,
            coalesced=self._coalesced,
            automatic_retries=self._automatic_retries,
        )
