/** The part of the command table that changes jobs: cancel, retry, run-now, prune. */

import type { CommandSpec } from "./command-spec.ts";
import { sharedFlags } from "./shared-flags.ts";

const { json, chosen, common } = sharedFlags;

const choosing = {
  ...chosen,
  limit: { kind: "text", sentence: "At most this many, those that were added first" },
  all: { kind: "switch", sentence: "Every job that this can be done to" },
  "dry-run": { kind: "switch", sentence: "Only say how many jobs that would be" },
  yes: { kind: "switch", sentence: "Don't ask, however many jobs it is", shortFlag: "y" },
} as const;

const waiting = {
  wait: { kind: "switch", sentence: "Wait until the jobs have ended" },
  "wait-timeout": { kind: "text", sentence: "Give up waiting after this long; exit 75" },
} as const;

export const operationCommands = {
  cancel: {
    usage: "cancel [ids..]",
    sentence: "Cancel jobs, waiting or running, by id or by what they are",
    arguments: { ids: "Ids of jobs" },
    flags: {
      reason: { kind: "text", sentence: "Kept as the job's error" },
      ...choosing,
      ...waiting,
      json,
    },
    options: common,
    examples: [
      ['taskrun cancel 42 --reason "customer left"', "stop it, wherever it runs"],
      ["taskrun cancel --task send_email --state scheduled --dry-run", "how many would that be?"],
    ],
    load: async () => (await import("./commands/cancel.ts")).cancel,
  },
  retry: {
    usage: "retry [ids..]",
    sentence: "Run failed or cancelled jobs again, by id or by what they are",
    arguments: { ids: "Ids of jobs" },
    flags: { ...choosing, ...waiting, json },
    options: common,
    examples: [
      ["taskrun retry 42", "at once, with all its attempts"],
      ["taskrun retry --task send_email --since 2h", "what has failed in the last two hours"],
    ],
    load: async () => (await import("./commands/retry.ts")).retry,
  },
  "run-now": {
    usage: "run-now [ids..]",
    sentence: "Run scheduled or retrying jobs at once, by id or by what they are",
    arguments: { ids: "Ids of jobs" },
    flags: { ...choosing, ...waiting, json },
    options: common,
    examples: [["taskrun run-now --task report --state retrying", "the service is back"]],
    load: async () => (await import("./commands/run-now.ts")).runNow,
  },
  prune: {
    usage: "prune",
    sentence: "Remove finished jobs that have been kept as long as their tasks say, or by age",
    arguments: {},
    flags: {
      "older-than": { kind: "text", sentence: 'Whatever the tasks say: ended "7d" ago or longer' },
      state: { kind: "text", sentence: "Only completed, failed or cancelled jobs" },
      task: { kind: "text", sentence: "Only jobs of this task" },
      "dry-run": { kind: "switch", sentence: "Only say how many jobs that would be" },
      json,
    },
    options: common,
    examples: [
      ["taskrun prune --dry-run", "what the tasks' retention would remove now"],
      ["taskrun prune --older-than 30d --state failed", "old failures, out of the queue too"],
    ],
    load: async () => (await import("./commands/prune.ts")).prune,
  },
} as const satisfies Record<string, CommandSpec>;
