"""What `async with` closes at its end."""

from __future__ import annotations

from types import TracebackType

from ..errors import TandemError


class Closing:
    """Closed when its block ends. An error of the block comes before one of the close."""

    _closed = "the run"
    """What cannot be closed if the close fails."""

    async def _close(self) -> object:
        raise NotImplementedError

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._close()
        except TandemError as failure:
            if error is None:
                raise
            error.add_note(f"and {self._closed} could not be closed: {failure}")
