"""Times pairs and a start, beside plain atomic writes in Python.

    python bindings/python/bench.py [--rounds N] [--starts N] [--directory DIR] [--out FILE]

Every round does one pair with each contender, of a new document, in an order that turns, so that
what disturbs the machine disturbs all. What a sync costs depends on where a directory lies, up to
half as much again, so each contender has several and takes them in turn. Ratios are those of the
medians. The result is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

import safer
from atomicwrites import atomic_write  # type: ignore[import-untyped]

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "src"))

from tandem_persistence import Durability, Run, Tandem  # noqa: E402

SIZES_KIB = (2, 32, 256)
DIRECTORIES = 7
"""Coprime to the number of documents and of contenders."""
WARM_UP_ROUNDS = DIRECTORIES
NO_BYTE_CODE = "PYTHONDONTWRITEBYTECODE"

Place = TypeVar("Place")
Pair = Callable[[str], None]
"""Writes a manifest and a heartbeat."""


def in_turn(pair_of: Callable[[Place], Pair], places: Iterable[Place]) -> Pair:
    """Writes to one place after the other."""
    pairs = cycle([pair_of(place) for place in places])
    return lambda document: next(pairs)(document)


def places(base: Path, name: str) -> list[Path]:
    """The directories of a contender."""
    return [base / f"{name}-{number}" for number in range(DIRECTORIES)]


def tandem_pair(run: Run) -> Pair:
    def pair(document: str) -> None:
        run.set(document)
        run.schedule(manifest=True, heartbeat=True, force=True)

    return pair


def plain_pair(directory: Path, is_durable: bool) -> Pair:
    """Temporary file, sync, rename, and one sync of the directory: the syncs that Tandem makes."""
    directory.mkdir()

    def replace(name: str, content: str) -> None:
        temporary = directory / f".{name}.{secrets.token_hex(8)}"
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            data = memoryview(content.encode())
            while data:
                data = data[os.write(file, data) :]
            if is_durable:
                os.fdatasync(file)
        finally:
            os.close(file)
        temporary.replace(directory / name)

    def pair(document: str) -> None:
        replace("manifest.json", document)
        replace("heartbeat", now())
        if is_durable:
            handle = os.open(directory, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    return pair


def atomicwrites_pair(directory: Path) -> Pair:
    """It syncs each file and the directory after each; it cannot do without."""
    directory.mkdir()

    def pair(document: str) -> None:
        for name, content in (("manifest.json", document), ("heartbeat", now())):
            with atomic_write(directory / name, overwrite=True) as file:
                file.write(content)

    return pair


def safer_pair(directory: Path) -> Pair:
    """It syncs nothing."""
    directory.mkdir()

    def pair(document: str) -> None:
        for name, content in (("manifest.json", document), ("heartbeat", now())):
            with safer.open(directory / name, "w", temp_file=True) as file:
                file.write(content)

    return pair


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") + "\n"


def documents(size_kib: int, count: int) -> list[str]:
    """Documents of a size, indented as files of Tandem are, each another one."""
    fill = {f"field-{number}": "x" * 90 for number in range(size_kib * 1024 // 109)}
    return [json.dumps({"step": step} | fill, indent=2) + "\n" for step in range(count)]


def time_pairs(root: Path, rounds: int) -> list[dict[str, Any]]:
    rows = []
    with Tandem(root, compile_cache=False) as tandem:
        for size_kib in SIZES_KIB:
            for durability in Durability:
                base = root / f"{durability}-{size_kib}"
                base.mkdir()
                runs = [
                    tandem.open_run(
                        "bench",
                        f"{base.name}-{number}",
                        manifest_interval_ms=0,
                        heartbeat_interval_ms=0,
                        manifest_durability=durability,
                        heartbeat_durability=durability,
                    )
                    for number in range(DIRECTORIES)
                ]
                is_durable = durability is Durability.DURABLE
                contenders = {
                    "tandem": in_turn(tandem_pair, runs),
                    "plain": in_turn(
                        partial(plain_pair, is_durable=is_durable),
                        places(base, "plain"),
                    ),
                }
                if is_durable:
                    name = "atomicwrites"
                    contenders[name] = in_turn(atomicwrites_pair, places(base, name))
                else:
                    contenders["safer"] = in_turn(safer_pair, places(base, "safer"))
                medians = race(contenders, documents(size_kib, 8), rounds)
                for run in runs:
                    run.close()
                rows.append(
                    {
                        "durability": durability.value,
                        "size_kib": size_kib,
                        "medians_us": medians,
                        "tandem_to": {
                            name: round(medians["tandem"] / median, 2)
                            for name, median in medians.items()
                            if name != "tandem"
                        },
                    }
                )
    return rows


def race(contenders: dict[str, Pair], texts: list[str], rounds: int) -> dict[str, float]:
    """The median of each contender, in microseconds."""
    times: dict[str, list[int]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(WARM_UP_ROUNDS + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            begin = time.perf_counter_ns()
            contenders[name](texts[number % len(texts)])
            took = time.perf_counter_ns() - begin
            if number >= WARM_UP_ROUNDS:
                times[name].append(took)
    return {name: round(statistics.median(took) / 1000, 1) for name, took in times.items()}


START = """
import sys, time
begin = time.perf_counter()
from tandem_persistence import Tandem
imported = time.perf_counter()
tandem = Tandem(sys.argv[1], compile_cache=sys.argv[3] == "cached")
started = time.perf_counter()
run = tandem.open_run("bench", sys.argv[2])
run.set("{}")
run.schedule(manifest=True, heartbeat=True, force=True)
flushed = time.perf_counter()
tandem.close()
second = time.perf_counter()
Tandem(sys.argv[1], compile_cache=sys.argv[3] == "cached").close()
third = time.perf_counter()
import json
print(json.dumps({
    "import": imported - begin,
    "first_tandem": started - imported,
    "first_flush": flushed - started,
    "import_to_first_flush": flushed - begin,
    "another_tandem": third - second,
}))
"""


def time_starts(root: Path, starts: int, cache: str) -> dict[str, float]:
    """Medians of processes of their own, in milliseconds."""
    samples = []
    # The first one fills the caches.
    for number in range(-1, starts):
        done = subprocess.run(
            [sys.executable, "-c", START, str(root), f"{cache}-{number}", cache],
            env={
                # An installed package has its byte code.
                **{name: it for name, it in os.environ.items() if name != NO_BYTE_CODE},
                "PYTHONPATH": str(HERE / "src"),
                "PYTHONPYCACHEPREFIX": str(root / "byte-code"),
                "XDG_CACHE_HOME": str(root / "cache"),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        if number >= 0:
            samples.append(json.loads(done.stdout))
    return {
        name: round(statistics.median(sample[name] for sample in samples) * 1000, 1)
        for name in samples[0]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time pairs and a start.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--directory", type=Path, help="where to write; the file system matters")
    parser.add_argument("--out", type=Path, help="where the result goes; default: standard output")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        root = Path(directory)
        packages = ("wasmtime", "atomicwrites-homeassistant", "safer")
        result = {
            "host": "python",
            "versions": {"python": platform.python_version()}
            | {name: version(name) for name in packages},
            "rounds": arguments.rounds,
            "pairs": time_pairs(root, arguments.rounds),
            "start_ms": time_starts(root, arguments.starts, "cached"),
            "start_without_compile_cache_ms": time_starts(root, arguments.starts, "compiled"),
        }
    text = json.dumps(result, indent=2) + "\n"
    if arguments.out:
        arguments.out.write_text(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
