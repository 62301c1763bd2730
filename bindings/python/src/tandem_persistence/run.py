"""An open run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from wasmtime.component import ResourceAny

from . import _arguments as arguments
from . import _lift as lift
from ._bindings import Fields
from ._component import Instance
from .errors import Channel, TandemError
from .values import Receipt, Recovery, Scheduled, Stats

Document = str | Mapping[str, Any]
"""A JSON object: its text, which is kept as it is, or a dict."""


class Run:
    """A run that `Tandem.open` opened: one JSON document and a heartbeat.

    Nothing happens between calls. What `schedule` could not write yet and what failed waits for
    the next `schedule`, `flush` or `close`. As a context manager it closes itself at the end. One
    that was forgotten is closed with the next call of its `Tandem`, which then has nobody to tell
    an error but `warnings`.
    """

    recovery: Recovery
    """What was found on the disk."""

    def __init__(
        self,
        instance: Instance,
        resource: ResourceAny,
        recovery: Recovery,
        document_bytes_max: int | None,
    ) -> None:
        self.recovery = recovery
        self._instance = instance
        self._resource = resource
        self._document_bytes_max = document_bytes_max
        self._is_closed = False
        self._documents = instance.documents
        if recovery.document is not None:
            self._documents.know(recovery.directory, len(recovery.document.encode()))

    def set(self, document: Document) -> None:
        """Replace the document. It is not written before the next `schedule`, `flush`, `close`."""
        content = self._content("document", document)
        self._change("set-manifest", content, len(content.encode()))

    def merge(self, patch: Document) -> None:
        """Change the document by a JSON merge patch (RFC 7396)."""
        content = self._content("patch", patch)
        before = self._documents.size(self.recovery.directory)
        self._change("merge-manifest", content, before + len(content.encode()))

    def schedule(
        self, *, manifest: bool = False, heartbeat: bool = False, force: bool = False
    ) -> Scheduled:
        """Mark files dirty, and write those whose interval and back-off are over.

        It does not wait for a time: the answer tells when to call again. With `force` everything
        that is dirty is written now.
        """
        request = Fields(
            manifest=arguments.flag("manifest", manifest),
            heartbeat=arguments.flag("heartbeat", heartbeat),
            force=arguments.flag("force", force),
        )
        scheduled = lift.scheduled(lift.outcome(self._call("schedule", request)))
        self._know(scheduled.receipt)
        return scheduled

    def flush(self) -> Receipt:
        """Write everything that is dirty."""
        receipt = lift.receipt(lift.outcome(self._call("flush")))
        self._know(receipt)
        return receipt

    def close(self) -> Receipt:
        """Flush what is dirty and close the run.

        If that fails, the run stays open and dirty, and `close` can be called again. A run that is
        closed can be closed again.
        """
        if self._is_closed:
            return Receipt(None, None)
        receipt = lift.receipt(lift.outcome(self._call("close")))
        self._is_closed = True
        self._documents.forget(self.recovery.directory)
        return receipt

    def stats(self) -> Stats:
        """Read the counters. It works on a closed run too, as long as its `Tandem` is open."""
        return lift.stats(self._call("stats"))

    def _content(self, name: str, document: Document) -> str:
        return arguments.document(name, document, self._document_bytes_max, Channel.MANIFEST)

    def _change(self, call: str, content: str, size: int) -> None:
        """Hands a document or a patch over, if there is room for what it may come to."""
        run = self.recovery.directory
        before = self._documents.reserve(run, size)
        try:
            lift.outcome(self._call(call, content))
        except TandemError:
            self._documents.know(run, before)
            raise

    def _know(self, receipt: Receipt) -> None:
        """Takes the size of the document from that of its file."""
        if receipt.manifest is not None:
            self._documents.know(self.recovery.directory, receipt.manifest.bytes)

    def _call(self, name: str, *values: object) -> Any:
        return self._instance.call(name, self._resource, *values)

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
        if not self._is_closed:
            self._documents.forget(self.recovery.directory)
        self._instance.give_up(self._resource)
        if not self._is_closed and self._instance.is_open:
            message = f"a run was not closed: {self.recovery.directory}"
            warnings.warn(message, ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open"
        return f"<Run {self.recovery.directory} {state}>"
