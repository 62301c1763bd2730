"""How much memory a component needs for its limits.

It counts its own documents; but if its memory ended, what every run has not flushed would be lost.
"""

from __future__ import annotations

from . import _arguments as arguments
from . import records

MIB = 1 << 20
DOCUMENT_BYTES_MAX = 16 * MIB
TOTAL_DOCUMENT_BYTES_MAX = 256 * MIB
HISTORY_BYTES_MAX = 64 * MIB
"""What the component has by default, like the two before."""

TEXTS_BYTES_MAX = 64 * MIB
"""What the texts of one call may have together, if there are several."""
TEXTS_MAX = 1000
"""How many there may be: the whole list is handed over before the component takes the first."""

BASE_MEMORY_BYTES = 64 * MIB
"""What the component takes besides documents: code, stacks, thousands of runs."""
COPIES_OF_EACH = 4
"""A document is held. Beside all of them, one call may have as many bytes of summaries, and a copy
of each that is written; the allocator loses the rest."""
COPIES_OF_ONE = 8
"""While a document is checked, indented or merged."""
COPIES_OF_HISTORY = 4
"""While a history is read, merged and written."""
MEMORY_BYTES_MAX = (4 << 30) - 65_536
"""What 32 bits can address, less one page."""


class Limits:
    """The limits of one component, each a number."""

    def __init__(self, given: records.Limits) -> None:
        self.document_bytes = _given(given.get("max_document_bytes"), DOCUMENT_BYTES_MAX)
        total = max(TOTAL_DOCUMENT_BYTES_MAX, 2 * self.document_bytes)
        self.total_document_bytes = _given(given.get("max_total_document_bytes"), total)
        self.history_bytes = _given(given.get("max_history_bytes"), HISTORY_BYTES_MAX)
        if self.memory_bytes > MEMORY_BYTES_MAX:
            arguments.invalid(
                f"these limits may need more memory than the {MEMORY_BYTES_MAX} bytes that a "
                f"component can have: {self.memory_bytes}"
            )

    @property
    def texts_bytes(self) -> int:
        """What the texts of one call may have together.

        That may be more than the total: the component records as many of them at once as it may
        have, and counts them apart from the documents of open runs.
        """
        return max(TEXTS_BYTES_MAX, self.document_bytes)

    @property
    def memory_bytes(self) -> int:
        """What the component may need."""
        return (
            self.total_document_bytes * COPIES_OF_EACH
            + self.document_bytes * COPIES_OF_ONE
            + self.texts_bytes * COPIES_OF_EACH
            + max(self.history_bytes, HISTORY_BYTES_MAX) * COPIES_OF_HISTORY
            + BASE_MEMORY_BYTES
        )

    def text_bytes(self, given: int | None) -> int:
        """The limit of one text. The component refuses an option that is above its own limit."""
        return self.document_bytes if given is None else min(given, self.document_bytes)


def _given(limit: int | None, default: int) -> int:
    return default if limit is None else limit
