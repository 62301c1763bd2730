"""Plays the calls of the conformance cases through the package.

It reads lines of calls, makes them, and prints what each came to; `tests/conformance/README.md` has
the lines. With `--asyncio` the calls are those of `tandem_persistence.aio`, and those of a line are
made in one tick.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import platform
import sys
from importlib.metadata import version
from typing import Any

from tandem_persistence import Tandem, TandemError, aio
from tandem_persistence.records import ErrorFields

Call = dict[str, Any]


class Player:
    """An open `Tandem`, of either kind, and its runs."""

    def __init__(self, tandem: Any) -> None:
        self._tandem = tandem
        self._runs: dict[str, Any] = {}

    def make(self, call: Call) -> Any:
        """Makes a call. With `asyncio`, what it answers is to be awaited."""
        match call:
            case {"do": "open", "options": options}:
                return self._tandem.open_run(**options)
            case {"do": "record_run", "summary": summary, "options": options}:
                return self._tandem.record_run(summary, **options)
            case {"do": "remove_runs", "runs": runs, "options": options}:
                return self._tandem.remove_runs(runs=runs, **options)
            case {"do": "history", "options": options}:
                return self._tandem.history(**options)
        texts = [call[name] for name in ("document", "patch") if name in call]
        return getattr(self._runs[call["run"]], call["do"])(*texts, **call.get("request", {}))

    def drop(self, call: Call) -> None:
        """Gives a run up."""
        del self._runs[call["run"]]
        gc.collect()

    def keep(self, call: Call, value: Any) -> Any:
        """Keeps a run that was opened, and answers what it tells."""
        if call["do"] != "open":
            return value
        self._runs[call["run"]] = value
        return value.recovery

    def play(self, call: Call) -> Any:
        if call["do"] == "drop":
            self.drop(call)
            return None
        return self.keep(call, self.make(call))

    async def play_async(self, call: Call) -> Any:
        match call["do"]:
            case "drop":
                self.drop(call)
                return None
            case "look":
                await asyncio.sleep(call["ms"] / 1000)
                return None
        return self.keep(call, await self.make(call))


def plain(value: Any) -> Any:
    """What `json` cannot write: a record."""
    if isinstance(value, TandemError):
        # `__cause__` and notes are no fields.
        return {name: getattr(value, name) for name in ErrorFields.__annotations__}
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def tell(**told: Any) -> None:
    print(json.dumps(told, default=plain), flush=True)


def ready() -> None:
    tell(versions={"python": platform.python_version(), "wasmtime": version("wasmtime")})


def failed(call: Call, error: Exception) -> None:
    if isinstance(error, TandemError):
        tell(id=call["id"], error=error)
    else:
        tell(id=call["id"], broken=repr(error))


def main() -> None:
    start = json.loads(sys.stdin.readline())
    player = Player(Tandem(start["directory"], **start["limits"]))
    ready()
    for line in sys.stdin:
        for call in json.loads(line):
            try:
                tell(id=call["id"], ok=player.play(call))
            except Exception as error:
                failed(call, error)


async def main_async() -> None:
    async def play(call: Call) -> None:
        try:
            tell(id=call["id"], ok=await player.play_async(call))
        except Exception as error:
            failed(call, error)

    start = json.loads(sys.stdin.readline())
    player = Player(aio.Tandem(start["directory"], **start["limits"]))
    ready()
    begun: set[asyncio.Task[None]] = set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        for call in json.loads(line):
            begun.add(asyncio.create_task(play(call)))


if __name__ == "__main__":
    if sys.argv[1:] == ["--asyncio"]:
        asyncio.run(main_async())
    else:
        main()
