// Tandem's package for Node as a contender of the benchmark, in a process of its own. It reads a
// line of JSON for each thing to do, and answers each with one. What it answers was measured here,
// so the pipe costs nothing.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { Tandem } from "./dist/index.js";

const HEARTBEAT_BYTES = 25;

let work;
let runs;

async function pair(run, document) {
  if (work.is_set_each_turn) await run.set(document);
  const { manifest, heartbeat } = await run.schedule({ manifest: true, heartbeat: true, force: true });
  // A figure for other work than the others do would be worth nothing.
  if (manifest?.bytes !== work.bytes || heartbeat?.bytes !== HEARTBEAT_BYTES) {
    throw new Error(`tandem wrote other files: ${manifest?.bytes}, ${heartbeat?.bytes}`);
  }
}

const tasks = {
  async setUp(told) {
    work = told;
    const tandem = await Tandem.create({ dir: work.root });
    const durability = work.is_durable ? "durable" : "visible";
    const options = { taskId: work.task_id, manifestDurability: durability, heartbeatDurability: durability };
    runs = await Promise.all(work.runs.map((runId) => tandem.openRun({ runId, ...options })));
    if (!work.is_set_each_turn) {
      await Promise.all(runs.map((run) => run.set(work.document.join(""))));
    }
    const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
    return { version };
  },
  async round({ digits }) {
    const document = work.document.join(digits);
    const cpu = process.cpuUsage();
    const start = performance.now();
    await Promise.all(runs.map((run) => pair(run, document)));
    const time_us = (performance.now() - start) * 1000;
    const used = process.cpuUsage(cpu);
    return { time_us, cpu_us: used.user + used.system };
  },
  async memory() {
    return { memory_peak_bytes: process.resourceUsage().maxRSS * 1024 };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const told = JSON.parse(line);
  process.stdout.write(JSON.stringify(await tasks[told.task](told)) + "\n");
}
await Promise.all(runs.map((run) => run.close()));
