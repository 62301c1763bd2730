// One contender of the benchmark, in a process of its own. It reads a line of JSON for each thing
// to do, and answers each with one. What it answers was measured here, so the pipe costs nothing.

import { readFileSync } from "node:fs";
import { open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as after } from "node:timers/promises";

const heartbeat = () => new Date().toISOString() + "\n";

let count = 0;
const temporary = (path) => `${path}.${process.pid}.${count++}.tmp`;

// Wait for all, then fail as the first that failed.
async function allSettled(promises) {
  for (const settled of await Promise.allSettled(promises)) {
    if (settled.status === "rejected") throw settled.reason;
  }
}

async function renamed(path, content) {
  const name = temporary(path);
  await writeFile(name, content, { flag: "wx" });
  await rename(name, path);
}

async function syncedAndRenamed(path, content) {
  const name = temporary(path);
  const file = await open(name, "wx");
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(name, path);
}

// How each contender replaces a file, and waits for two.
const contenders = {
  "node-rename": () => ({ replace: renamed, wait: allSettled }),
  "node-rename-sync": () => ({ replace: syncedAndRenamed, wait: allSettled }),
  "write-file-atomic": async (fsync) => {
    const { default: write } = await import("write-file-atomic");
    // It changes the options that it is given.
    return { replace: (path, content) => write(path, content, { fsync }), wait: both };
  },
  atomically: async (fsync) => {
    const { writeFile: write } = await import("atomically");
    return { replace: (path, content) => write(path, content, { fsync }), wait: both };
  },
  steno: async () => {
    const { Writer } = await import("steno");
    const writers = new Map();
    const writer = (path) => {
      if (!writers.has(path)) writers.set(path, new Writer(path));
      return writers.get(path);
    };
    return { replace: (path, content) => writer(path).write(content), wait: both };
  },
};

function both(promises) {
  return Promise.all(promises);
}

function version(contender) {
  if (contender.startsWith("node-")) return process.versions.node;
  const url = new URL(`node_modules/${contender}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")).version;
}

async function main() {
  let work, contender;

  const pair = (directory, manifest) =>
    contender.wait([
      contender.replace(join(directory, "manifest.json"), manifest),
      contender.replace(join(directory, ".heartbeat"), heartbeat()),
    ]);

  const tasks = {
    async setUp(told) {
      work = told;
      contender = await contenders[told.contender](told.is_durable);
      return { version: version(told.contender) };
    },
    async round({ digits }) {
      const manifest = work.manifest.join(digits);
      const cpu = process.cpuUsage();
      const start = performance.now();
      await Promise.all(work.directories.map((directory) => pair(directory, manifest)));
      return took(start, cpu);
    },
    // Requests are made at their times, and written one after the other for each run.
    async replay({ steps }) {
      const latencies_us = [];
      let pairs_written = 0;
      const queues = work.directories.map(() => Promise.resolve());
      const request = async (run, { manifest }) => {
        const made = performance.now();
        const directory = work.directories[run];
        const path = join(directory, ".heartbeat");
        const write = () => (manifest ? pair(directory, manifest) : contender.replace(path, heartbeat()));
        queues[run] = queues[run].then(write);
        await queues[run];
        if (!manifest) return;
        latencies_us.push((performance.now() - made) * 1000);
        pairs_written += 1;
      };
      const cpu = process.cpuUsage();
      const start = performance.now();
      const pending = steps.map(async (step) => {
        await after(start + step.at_ms - performance.now());
        await Promise.all(work.directories.map((_, run) => request(run, step)));
      });
      await Promise.all(pending);
      return { latencies_us, pairs_written, ...took(start, cpu) };
    },
    async memory() {
      return { memory_peak_bytes: process.resourceUsage().maxRSS * 1024 };
    },
  };

  for await (const line of createInterface({ input: process.stdin })) {
    const told = JSON.parse(line);
    const answer = await tasks[told.task](told);
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
}

function took(start, cpu) {
  const time_us = (performance.now() - start) * 1000;
  const used = process.cpuUsage(cpu);
  return { time_us, cpu_us: used.user + used.system };
}

await main();
