/** Starts an attempt of a handler without a database, with its lines and writes at hand. */

import type { Pool } from "pg";
import { pino } from "pino";
import type { Progress } from "../../src/core/context.ts";
import type { Job } from "../../src/core/job.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";
import { Attempt, type AttemptServices } from "../../src/runtime/attempt/attempt.ts";
import { executeAttempt } from "../../src/runtime/attempt/execute-attempt.ts";

export interface StartedAttempt {
  readonly attempt: Attempt;
  readonly outcome: Promise<Outcome>;
  readonly lines: Record<string, unknown>[];
  readonly writes: Progress[];
}

export const exampleJob: Job = {
  id: "17",
  task: "example",
  payload: { to: "a@b.co" },
  attempt: 1,
  maxAttempts: 3,
  lastError: null,
  createdAt: new Date("2026-01-01T00:00:00Z"),
  runAt: new Date("2026-01-01T00:01:00Z"),
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

export interface StartOptions {
  readonly job?: Partial<Job>;
  readonly level?: string;
  readonly settings?: Partial<AttemptServices["settings"]>;
  readonly services?: Partial<AttemptServices>;
  /** Called before the attempt runs. */
  readonly before?: (attempt: Attempt) => void;
}

export function startAttempt(definition: unknown, options: StartOptions = {}): StartedAttempt {
  const lines: Record<string, unknown>[] = [];
  const writes: Progress[] = [];
  const services: AttemptServices = {
    logger: pino(
      { level: options.level ?? "trace", base: null },
      { write: (line) => void lines.push(JSON.parse(line)) },
    ),
    pool: {} as Pool,
    enqueue: async () => ({ id: "18" }),
    saveProgress: (_attempt, progress) => void writes.push(progress),
    settings: { timeoutGraceMs: 20, logPayloads: false, classify: null, ...options.settings },
    random: () => 0.5,
    ...options.services,
  };
  const task = resolveTask(definition, { name: "example", file: "/x.ts", version: 1, layers: [] });
  const attempt = new Attempt({ ...exampleJob, ...options.job }, task, services);
  options.before?.(attempt);
  return { attempt, outcome: executeAttempt(attempt), lines, writes };
}

/** Resolves when the attempt was told to stop. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
