/** The part of the command table that looks at jobs and changes none. */

import type { CommandSpec } from "./command-spec.ts";
import { sharedFlags } from "./shared-flags.ts";

const { json, chosen, common } = sharedFlags;

export const lookCommands = {
  jobs: {
    usage: "jobs",
    sentence: "List jobs, queued and finished, newest first",
    arguments: {},
    flags: {
      ...chosen,
      limit: { kind: "text", sentence: "At most this many (default 50)" },
      follow: {
        kind: "switch",
        sentence: "Print new jobs and changes of state as they happen, until Ctrl-C",
        shortFlag: "f",
      },
      json,
    },
    options: common,
    examples: [
      ["taskrun jobs -f --task send_email", "what becomes of mails, as it happens"],
      ["taskrun jobs --state failed", "what has failed for good"],
      ["taskrun jobs --task send_email --since 2h", "what became of the last two hours' mails"],
    ],
    load: async () => (await import("./commands/jobs.ts")).jobs,
  },
  show: {
    usage: "show <id>",
    sentence: "Show one job: what happened to it, its steps, relatives and last log lines",
    arguments: { id: "The job's id" },
    flags: {
      logs: { kind: "text", sentence: "How many of its last log lines (default 20)" },
      json,
    },
    options: common,
    examples: [["taskrun show 42", "payload, outcome, and each attempt with its error"]],
    load: async () => (await import("./commands/show.ts")).show,
  },
  explain: {
    usage: "explain <id>",
    sentence: "Say why a job isn't running, or what it is doing, in one sentence",
    arguments: { id: "The job's id" },
    flags: { json },
    options: common,
    examples: [["taskrun explain 42", "paused by whom, waiting for what, retrying when"]],
    load: async () => (await import("./commands/explain.ts")).explain,
  },
  stats: {
    usage: "stats",
    sentence: "Count the jobs of each task by state, with rates, waiting and running times",
    arguments: {},
    flags: {
      task: chosen.task,
      since: {
        kind: "text",
        sentence: 'Jobs that ended since "24h" ago (the default) or a moment',
      },
      json,
    },
    options: common,
    examples: [["taskrun stats --since 1h", "how the tasks do"]],
    load: async () => (await import("./commands/stats.ts")).stats,
  },
  errors: {
    usage: "errors [action] [fingerprint]",
    sentence: "List failed jobs by what made them fail; retry those of one fault",
    arguments: { action: "retry, or nothing for a list", fingerprint: "Which fault" },
    flags: {
      task: chosen.task,
      since: { kind: "text", sentence: 'Jobs that failed since "2h" ago or a moment' },
      json,
    },
    options: common,
    examples: [
      ["taskrun errors --since 1d", "each fault once, with how many jobs it hit"],
      ["taskrun errors retry f905a1ddcd", "once it is mended"],
    ],
    load: async () => (await import("./commands/errors.ts")).errors,
  },
  top: {
    usage: "top",
    sentence: "Watch processes, running jobs, rates and failures live; one look without a terminal",
    arguments: {},
    flags: { json: { kind: "switch", sentence: "Print one look as JSON" } },
    options: common,
    examples: [["taskrun top", "q quits"]],
    load: async () => (await import("./commands/top.ts")).top,
  },
} as const satisfies Record<string, CommandSpec>;
