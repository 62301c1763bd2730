"""How many bytes the documents of all open runs have together.

A component whose memory ends fails, and loses what was not flushed. So what may not fit is refused
before the component has it.
"""

from __future__ import annotations

from .errors import Channel, ErrorKind, TandemError

MEMORY_PER_DOCUMENT = 4
"""Of the component's memory, documents may have one part in so many. The others hold copies on
their way to a file and a history that is merged."""


class Documents:
    """The documents of one component, each known by its run's directory."""

    def __init__(self, memory_bytes_max: int) -> None:
        self._total_bytes_max = memory_bytes_max // MEMORY_PER_DOCUMENT
        # A run that is garbage may be forgotten in the middle of any line here, so there is no
        # lock. Two threads at once may together exceed the limit by a document, and it has room.
        self._bytes: dict[str, int] = {}

    def reserve(self, run: str, size: int) -> int:
        """Makes room for a run's next document, and tells the size of the one before."""
        others = sum(other for name, other in list(self._bytes.items()) if name != run)
        if others + size > self._total_bytes_max:
            raise TandemError(
                ErrorKind.TOO_LARGE,
                f"the documents of all open runs would have {others + size} bytes, above the "
                f"limit for memory_bytes_max: {self._total_bytes_max}",
                channel=Channel.MANIFEST,
            )
        before = self._bytes.get(run, 0)
        self._bytes[run] = size
        return before

    def know(self, run: str, size: int) -> None:
        """Takes the true size of a run's document."""
        self._bytes[run] = size

    def forget(self, run: str) -> None:
        """Takes note that a run is closed."""
        self._bytes.pop(run, None)

    def size(self, run: str) -> int:
        """The size of a run's document."""
        return self._bytes.get(run, 0)
