/** What `npm run bench:check` measures: a short look at whether something has become much slower. */

import { type Measurement, ours, plain } from "./measurements.ts";

/** Far from what is reached: a machine of many tenants must not fail a change by chance. */
export const checks: readonly Measurement[] = [
  {
    title: "Draining",
    file: "drain.ts",
    args: ["--jobs", "20000", "--rounds", "3", "--sides", `${plain};${ours}`],
    limitSeconds: 120,
    figures: [
      {
        label: "Drain against graphile-worker at its best",
        row: ours,
        column: /^× graphile/,
        goal: { atLeast: 0.6 },
      },
    ],
  },
  {
    title: "Queuing",
    file: "enqueue.ts",
    args: ["--jobs", "20000", "--single", "300", "--rounds", "3"],
    limitSeconds: 120,
    figures: [
      {
        label: "enqueueMany against add_jobs",
        row: "20000 in one call: enqueueMany",
        column: /^×$/,
        goal: { atLeast: 0.7 },
      },
      {
        label: "enqueue against add_job",
        row: "300, each awaited: enqueue",
        column: /^×$/,
        goal: { atLeast: 0.8 },
      },
      {
        label: "enqueue, many callers",
        row: "300, 10 at a time: enqueue, coalesced",
        column: /^×$/,
        goal: { atLeast: 1.5 },
      },
    ],
  },
  {
    title: "Latency",
    file: "latency.ts",
    args: ["--samples", "100", "--block", "50"],
    limitSeconds: 60,
    figures: [
      {
        label: "Latency against graphile-worker",
        row: "taskrun",
        column: /^p50/,
        against: "graphile-worker, default settings",
        goal: { atMost: 1.6 },
      },
    ],
  },
];
