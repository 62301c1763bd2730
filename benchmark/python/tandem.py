"""Tandem's package for Python as a contender of the benchmark, in a process of its own.

It reads a line of JSON for each thing to do, and answers each with one. What it answers was
measured here, so the pipe costs nothing.
"""

import json
import resource
import sys
import time

import tandem_persistence
from tandem_persistence import Durability, Tandem

HEARTBEAT_BYTES = 25


class Contender:
    def __init__(self, told):
        self.told = told
        self.tandem = Tandem(told["root"])
        durability = Durability.DURABLE if told["is_durable"] else Durability.VISIBLE
        self.runs = [
            self.tandem.open_run(
                told["task_id"], run, manifest_durability=durability, heartbeat_durability=durability
            )
            for run in told["runs"]
        ]
        if not told["is_set_each_turn"]:
            for run in self.runs:
                run.set("".join(told["document"]))

    def pair(self, run, document):
        if self.told["is_set_each_turn"]:
            run.set(document)
        done = run.schedule(manifest=True, heartbeat=True, force=True).receipt
        written = [file and file.bytes for file in (done.manifest, done.heartbeat)]
        # A figure for other work than the others do would be worth nothing.
        if written != [self.told["bytes"], HEARTBEAT_BYTES]:
            sys.exit(f"error: tandem wrote other files: {written}")

    def round(self, digits):
        document = digits.join(self.told["document"])
        cpu, start = time.process_time(), time.perf_counter()
        for run in self.runs:
            self.pair(run, document)
        took, used = time.perf_counter() - start, time.process_time() - cpu
        return {"time_us": took * 1e6, "cpu_us": used * 1e6}


def main():
    contender = None
    for line in sys.stdin:
        told = json.loads(line)
        match told["task"]:
            case "setUp":
                contender = Contender(told)
                answer = {"version": tandem_persistence.__version__}
            case "round":
                answer = contender.round(told["digits"])
            case "memory":
                peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                answer = {"memory_peak_bytes": peak_kib * 1024}
        print(json.dumps(answer), flush=True)
    for run in contender.runs:
        run.close()


main()
