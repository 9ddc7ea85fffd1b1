/**
 * What `npm run bench` measures, how long each may take, and what is asked of it. The arguments
 * fit all of it into a quarter of an hour of an idle machine with two cores; `long` ones are for
 * figures to rely on.
 */

import type { FigureSpec } from "./figures.ts";

export interface Measurement {
  readonly title: string;
  /** The bench. */
  readonly file: string;
  readonly args: readonly string[];
  readonly long?: readonly string[];
  /** Ended after so long, with what it has printed until then. */
  readonly limitSeconds: number;
  readonly figures: readonly FigureSpec[];
}

/** The sides of a drain. */
export const plain = "graphile-worker";
export const ours = "taskrun, zod payload";

export const measurements: readonly Measurement[] = [
  {
    title: "Draining 100,000 jobs that do nothing",
    file: "drain.ts",
    args: [
      "--jobs",
      "100000",
      "--rounds",
      "3",
      "--sides",
      `${plain};${plain}, two runners;${ours}`,
    ],
    long: ["--jobs", "100000", "--rounds", "9"],
    limitSeconds: 200,
    figures: [
      {
        label: "Drain against graphile-worker at its best, two runners or one",
        row: ours,
        column: /^× graphile/,
        goal: { atLeast: 1 },
      },
    ],
  },
  {
    title: "Draining, others",
    file: "peers.ts",
    args: ["--rounds", "3"],
    long: ["--rounds", "5", "--jobs", "100000"],
    limitSeconds: 200,
    figures: [
      {
        label: "Drain against graphile-worker's defaults",
        row: "graphile-worker, default settings",
        goal: { atLeast: 6 },
        column: /^taskrun ×/,
      },
      {
        label: "Drain against pg-boss at its best batch",
        row: "pg-boss, batches of 1000",
        goal: { atLeast: 1.5 },
        column: /^taskrun ×/,
      },
      {
        label: "Drain against BullMQ on Redis",
        row: "BullMQ, Redis with AOF",
        goal: { atLeast: 3 },
        column: /^taskrun ×/,
      },
    ],
  },
  {
    title: "Queuing",
    file: "enqueue.ts",
    args: ["--rounds", "3", "--single", "1000"],
    long: ["--rounds", "15", "--single", "1000"],
    limitSeconds: 120,
    figures: [
      {
        label: "enqueueMany against add_jobs",
        row: "100000 in one call: enqueueMany",
        against: "100000 in one call: add_jobs, only ids fetched",
        column: /^jobs\/s$/,
        goal: { atLeast: 0.9 },
      },
      {
        label: "enqueue, each awaited, against add_job",
        row: "1000, each awaited: enqueue",
        column: /^×$/,
        goal: { atLeast: 3 },
      },
    ],
  },
  {
    title: "Queuing, while no commit waits for the disk",
    file: "enqueue.ts",
    args: ["--rounds", "5", "--jobs", "1000", "--single", "1000", "--commit", "off"],
    long: ["--rounds", "15", "--jobs", "1000", "--single", "1000", "--commit", "off"],
    limitSeconds: 90,
    figures: [
      {
        label: "enqueue, each awaited, against add_job, without the disk",
        row: "1000, each awaited: enqueue",
        column: /^×$/,
        goal: { atLeast: 3 },
      },
    ],
  },
  {
    title: "Latency of one job on an idle process",
    file: "latency.ts",
    args: ["--samples", "800", "--block", "100"],
    long: ["--samples", "3000", "--block", "300"],
    limitSeconds: 170,
    figures: [
      {
        label: "Latency, median, against graphile-worker",
        row: "taskrun",
        column: /^p50/,
        against: "graphile-worker, default settings",
        goal: { atMost: 1 },
      },
      {
        label: "Latency, 99th percentile, against graphile-worker",
        row: "taskrun",
        column: /^p99/,
        against: "graphile-worker, default settings",
        goal: { atMost: 1.1 },
      },
    ],
  },
  {
    title: "An urgent job among others",
    file: "priority.ts",
    args: ["--waiting", "100000", "--samples", "20"],
    limitSeconds: 180,
    figures: [
      {
        label: "Urgent job among 100,000",
        row: "taskrun",
        column: /^ms, median/,
        goal: { atMost: 50 },
        unit: "ms",
      },
    ],
  },
  {
    title: "A long queue, and crowds beside one",
    file: "scale.ts",
    args: [
      ...["--rounds", "1", "--waves", "3", "--apart", "2"],
      ...["--loads", "huge,scheduled-first,foreign,stuck,queues,snapshot,tasks"],
    ],
    long: [
      ...["--rounds", "3", "--history", "10000000"],
      ...["--loads", "huge,scheduled-first,foreign,stuck,queues,snapshot,tasks,history"],
    ],
    limitSeconds: 150,
    figures: [
      {
        label: "Cost of a job of a million against one of 10,000",
        row: "1,000,000 jobs",
        column: /^×$/,
        goal: { atMost: 1.1 },
      },
      {
        label: "Cost of a job beside the dearest crowd",
        row: "the dearest crowd",
        column: /^×$/,
        goal: { atMost: 1.25 },
      },
    ],
  },
  {
    title: "Eight processes on one database",
    file: "scale.ts",
    // What else the machine does shows more in these than in any other: more rounds.
    args: ["--rounds", "4", "--waves", "3", "--loads", "processes"],
    long: ["--rounds", "9", "--loads", "processes"],
    limitSeconds: 120,
    figures: [
      {
        label: "Cost of a job with 8 processes against one",
        row: "8 processes",
        column: /^×$/,
        goal: { atMost: 1.25 },
      },
    ],
  },
  {
    title: "A second process, 1 ms of CPU a job",
    file: "processes.ts",
    args: ["--rounds", "3", "--jobs", "4000"],
    long: ["--rounds", "7", "--jobs", "10000"],
    limitSeconds: 90,
    figures: [
      {
        label: "--processes 2 against 1",
        row: "--processes 2",
        column: /^×$/,
        goal: { atLeast: 1.25 },
      },
    ],
  },
  {
    title: "Idle",
    file: "idle.ts",
    args: ["--seconds", "40", "--settle", "10"],
    long: ["--seconds", "180"],
    limitSeconds: 90,
    figures: [
      {
        label: "Statements of an idle process, 10 at once",
        row: "taskrun, 10 at once",
        against: "graphile-worker, 10 at once",
        column: /^statements/,
        goal: { atMost: 1.1 },
      },
      {
        label: "Statements of an idle process, 1 at once",
        row: "taskrun, 1 at once",
        against: "graphile-worker, 1 at once",
        column: /^statements/,
        goal: { atMost: 1.1 },
      },
      {
        label: "Memory of an idle process (RSS), 10 at once",
        row: "taskrun, 10 at once",
        against: "graphile-worker, 10 at once",
        column: /^RSS/,
        goal: { atMost: 1.1 },
      },
    ],
  },
  {
    title: "Launch to end with one job",
    file: "start.ts",
    args: ["--tasks", "1,1000", "--rounds", "5"],
    long: ["--rounds", "15"],
    limitSeconds: 90,
    figures: [
      {
        label: "Start with 1,000 TypeScript tasks",
        row: "1000 tasks, taskrun",
        column: /^×$/,
        goal: { atMost: 0.7 },
      },
      {
        label: "Start with one task",
        row: "1 tasks, taskrun",
        column: /^×$/,
        goal: { atMost: 1.3 },
      },
    ],
  },
];
