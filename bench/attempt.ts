/**
 * What one attempt costs from job to outcome, without a database.
 *
 *   node --conditions=taskrun-source bench/attempt.ts
 */

import type { Pool } from "pg";
import { pino } from "pino";
import { z } from "zod";
import type { Job } from "../src/core/job.ts";
import { resolveTask } from "../src/core/resolve-task.ts";
import type { Task } from "../src/core/task.ts";
import { Attempt, type AttemptServices } from "../src/runtime/attempt/attempt.ts";
import { executeAttempt } from "../src/runtime/attempt/execute-attempt.ts";

const jobsPerRound = 20_000;
const rounds = 15;
const inFlight = 500;

const services: AttemptServices = {
  logger: pino({ level: "warn" }),
  pool: {} as Pool, // why: no handler here queries
  enqueue: async () => ({ id: "0" }),
  saveProgress: () => {},
  settings: { timeoutGraceMs: 5_000, logPayloads: false, classify: null },
};

function taskOf(definition: unknown): Task {
  return resolveTask(definition, { name: "noop", file: "/noop.ts", version: 1, layers: [] });
}

const schema = z.object({ to: z.string(), subject: z.string().min(1), count: z.int() });

const variants: Readonly<Record<string, Task>> = {
  "async no-op": taskOf(async () => {}),
  "sync no-op": taskOf(() => {}),
  "async no-op without timeout": taskOf({ timeout: false, handler: async () => {} }),
  "async no-op with zod payload": taskOf({ payload: schema, handler: async () => {} }),
  "async no-op with one middleware": taskOf({
    middleware: [(_ctx: unknown, next: () => Promise<unknown>) => next()],
    handler: async () => {},
  }),
  "async with an output": taskOf(async () => ({ id: 1, ok: true })),
  "async that reads ctx.signal": taskOf(async (_: unknown, ctx: { signal: AbortSignal }) => {
    ctx.signal.throwIfAborted();
  }),
  "async that makes ctx.log": taskOf(
    async (_: unknown, ctx: { log: { debug(m: string): void } }) => {
      ctx.log.debug("not written");
    },
  ),
};

function makeJob(index: number): Job {
  return {
    id: String(index),
    task: "noop",
    payload: { to: "a@b.c", subject: "hello", count: index },
    attempt: 1,
    maxAttempts: 25,
    lastError: null,
    createdAt: new Date(0),
    runAt: new Date(0),
    key: null,
    queue: null,
    priority: 0,
    correlationId: null,
    createdBy: null,
    parentId: null,
    metadata: null,
    flags: null,
    revision: 0,
    retry: null,
    timeoutMs: null,
    ending: null,
    suspect: false,
    crashes: 0,
  };
}

const jobs = Array.from({ length: jobsPerRound }, (_, index) => makeJob(index));

/** Nanoseconds per attempt: batches of `inFlight` at a time, as a deep fetch starts them. */
async function measure(task: Task): Promise<number> {
  const started = process.hrtime.bigint();
  for (let index = 0; index < jobs.length; index += inFlight) {
    const batch = jobs.slice(index, index + inFlight);
    await Promise.all(batch.map((job) => executeAttempt(new Attempt(job, task, services))));
  }
  return Number(process.hrtime.bigint() - started) / jobs.length;
}

const results = new Map<string, number[]>(Object.keys(variants).map((name) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const [name, task] of Object.entries(variants)) {
    results.get(name)?.push(await measure(task));
  }
}
console.log(`ns per attempt; median and best of ${rounds} rounds of ${jobsPerRound}`);
for (const [name, all] of results) {
  const sorted = all.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(rounds / 2)] ?? 0;
  console.log(
    name.padEnd(34),
    median.toFixed(0).padStart(7),
    (sorted[0] ?? 0).toFixed(0).padStart(7),
  );
}
