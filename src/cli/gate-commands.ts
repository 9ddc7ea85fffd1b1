/** The part of the command table that holds jobs back and lets them go: pause, resume. */

import type { CommandSpec } from "./command-spec.ts";
import { sharedFlags } from "./shared-flags.ts";

const { json, common } = sharedFlags;

export const gateCommands = {
  pause: {
    usage: "pause [task]",
    sentence: "Start no jobs of a task, of a serial queue or at all, in any process",
    arguments: { task: "Name of the task, or an alias" },
    flags: {
      queue: { kind: "text", sentence: "A serial queue instead of a task" },
      all: { kind: "switch", sentence: "Every task" },
      reason: { kind: "text", sentence: "Why, for whoever asks" },
      by: { kind: "text", sentence: "Who says so (default: user@host)" },
      list: { kind: "switch", sentence: "Show what is paused, and which breakers are open" },
      json,
    },
    options: common,
    examples: [
      ["taskrun pause send_email --reason 'mail server moves'", "its jobs wait, uncounted"],
      ["taskrun pause --queue customer-17", "jobs of one serial queue wait"],
      ["taskrun pause --list", "what is held now, and by whom"],
    ],
    load: async () => (await import("./commands/pause.ts")).pause,
  },
  resume: {
    usage: "resume [task]",
    sentence: "End a pause; of a task it closes the breaker too",
    arguments: { task: "Name of the task, or an alias" },
    flags: {
      queue: { kind: "text", sentence: "A serial queue instead of a task" },
      all: { kind: "switch", sentence: "The pause of every task" },
      json,
    },
    options: common,
    examples: [["taskrun resume send_email", "its jobs are started again"]],
    load: async () => (await import("./commands/resume.ts")).resume,
  },
} as const satisfies Record<string, CommandSpec>;
