"""An open run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, Unpack

from . import _arguments as arguments
from . import _lift as lift
from . import _options as options
from ._component import Instance
from .errors import TandemError
from .records import REQUEST, Channel, Receipt, Recovery, Request, Revised, Scheduled, Stats

Document = str | Mapping[str, Any]
"""A JSON object: its text, which is kept as it is, or a dict."""


class Run:
    """A run that `Tandem.open_run` opened: one JSON document and a heartbeat.

    Nothing happens between calls. What `schedule` could not write yet and what failed waits for
    the next `schedule`, `flush` or `close`; after a `conflict`, for one that names the file or
    forces. As a context manager it closes itself at the end. One
    that was forgotten is closed with the next call of its `Tandem`, which then has nobody to tell
    an error but `warnings`.
    """

    recovery: Recovery
    """What was found on the disk."""

    def __init__(
        self,
        instance: Instance,
        number: int,
        recovery: Recovery,
        document_bytes_max: int | None,
    ) -> None:
        self.recovery = recovery
        self._instance = instance
        self._number = number
        self._document_bytes_max = instance.limits.text_bytes(document_bytes_max)
        self._is_closed = False

    def set(self, document: Document) -> Revised:
        """Replace the document. It is not written before the next `schedule`, `flush`, `close`.

        It is saved once the `written_revision` of `stats` has reached the revision that this
        answers.
        """
        return self._change("set", "document", document)

    def merge(self, patch: Document) -> Revised:
        """Change the document by a JSON merge patch (RFC 7396)."""
        return self._change("merge", "patch", patch)

    @options.takes(Request)
    def mark(self, **request: Unpack[Request]) -> None:
        """Mark files dirty, as what a later `schedule`, `flush` or `close` is to write.

        Nothing is written now, forced or not.
        """
        lift.outcome(self._call("mark", options.record(REQUEST, request)))

    @options.takes(Request)
    def schedule(self, **request: Unpack[Request]) -> Scheduled:
        """Mark files dirty, and write those whose interval and back-off are over.

        It does not wait for a time: the answer tells when to call again. With `force` everything
        that is dirty is written now.
        """
        scheduled = lift.outcome(self._call("schedule", options.record(REQUEST, request)))
        return lift.record(Scheduled, scheduled)

    def flush(self) -> Receipt:
        """Write everything that is dirty."""
        return lift.record(Receipt, lift.outcome(self._call("flush")))

    def close(self) -> Receipt:
        """Flush what is dirty and close the run.

        If that fails, the run stays open and dirty, and `close` can be called again. A run that is
        closed can be closed again.
        """
        if self._is_closed:
            return Receipt()
        receipt = lift.record(Receipt, lift.outcome(self._call("close")))
        self._is_closed = True
        return receipt

    def stats(self) -> Stats:
        """Read the counters. It works on a closed run too, as long as its `Tandem` is open."""
        return lift.record(Stats, self._call("stats"))

    def _change(self, call: str, name: str, document: Document) -> Revised:
        content = arguments.document(name, document, self._document_bytes_max, Channel.MANIFEST)
        return lift.record(Revised, lift.outcome(self._call(call, content)))

    def _call(self, name: str, *values: object) -> Any:
        return self._instance.call_run(name, self._number, *values)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except TandemError as failure:
            if error is None:
                raise
            error.add_note(f"and the run could not be closed: {failure}")

    def __del__(self) -> None:
        self._instance.give_up(self._number)
        if not self._is_closed and self._instance.is_open:
            message = f"a run was not closed: {self.recovery.directory}"
            warnings.warn(message, ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open"
        return f"<Run {self.recovery.directory} {state}>"
