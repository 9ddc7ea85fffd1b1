/**
 * Every command: its words, its flags, and where its code is. Help and parsing are derived from
 * this table. Holds no code of commands, so that `--help` loads none.
 */

import type { Command, CommandSpec } from "./command-spec.ts";
import { gateCommands } from "./gate-commands.ts";
import { httpCommands } from "./http-commands.ts";
import { lookCommands } from "./look-commands.ts";
import { operationCommands } from "./operation-commands.ts";
import { sharedFlags } from "./shared-flags.ts";

const { json, common } = sharedFlags;

export const commandTable = {
  run: {
    usage: "run",
    sentence: "Run the tasks in the tasks folder until stopped (the default command)",
    arguments: {},
    flags: {
      watch: {
        kind: "switch",
        sentence: "Follow changes of the files: saved code runs in the next job",
        shortFlag: "w",
      },
      once: { kind: "switch", sentence: "Run what is due, then stop; exit 1 if a job failed" },
    },
    options: [
      ...common,
      "crontab",
      "concurrency",
      "processes",
      "maxRss",
      "pollInterval",
      "shutdownGrace",
      "shutdownDeadline",
      "timeoutGrace",
      "heartbeatInterval",
      "maxBlock",
      "warmStart",
      "handlerPoolSize",
      "logLevel",
      "logFormat",
      "redact",
      "logPayloads",
      "keepLogs",
      "httpPort",
      "httpHost",
      "httpPrefix",
      "httpTrustProxy",
      "httpCorsOrigins",
      "httpEnqueueRate",
    ],
    examples: [
      ["taskrun --watch", "while you write tasks"],
      ["taskrun --processes auto", "one process per core, under one supervisor"],
      ["taskrun --once -j 4", "run what is due, four at a time, and stop"],
    ],
    load: async () => (await import("./commands/run.ts")).run,
  },
  add: {
    usage: "add <task> [payload]",
    sentence: "Add a job",
    arguments: {
      task: "Name of the task",
      payload: "JSON text, @file, or - for standard input",
    },
    flags: {
      delay: { kind: "text", sentence: 'Not before this long from now, such as "5m"' },
      "run-at": { kind: "text", sentence: "Not before this moment, as ISO 8601" },
      priority: { kind: "text", sentence: "critical, high, normal, low or a whole number" },
      queue: { kind: "text", sentence: "Serial queue: its jobs run one at a time" },
      key: { kind: "text", sentence: "At most one waiting job per key" },
      "key-mode": { kind: "text", sentence: "replace, preserve_run_at or unsafe_dedupe" },
      "max-attempts": { kind: "text", sentence: "Attempts before it has failed for good" },
      retry: { kind: "text", sentence: 'Its own retries, as JSON: {"baseDelay": "1m"}' },
      timeout: { kind: "text", sentence: 'Limit of each attempt, such as "10s", or none' },
      after: { kind: "text", sentence: "Ids of the jobs that have to complete first: 12,13" },
      "on-parent-failure": {
        kind: "text",
        sentence: "When one of them does not: cancel (default), run or fail",
      },
      metadata: { kind: "text", sentence: "JSON object to keep with the job" },
      "correlation-id": { kind: "text", sentence: "Follows the job and its children" },
      "created-by": { kind: "text", sentence: "Who asked for it" },
      wait: { kind: "switch", sentence: "Wait until it has ended; exit 1 unless it completed" },
      "wait-timeout": { kind: "text", sentence: "Give up waiting after this long; exit 75" },
      force: { kind: "switch", sentence: "Add it even if no task file has that name" },
      json,
    },
    options: common,
    examples: [
      [`taskrun add send_email '{"to":"a@b.co"}' --delay 5m`, "due in five minutes"],
      ["taskrun add report @payload.json --wait --json", "wait for the result"],
    ],
    load: async () => (await import("./commands/add.ts")).add,
  },
  tasks: {
    usage: "tasks",
    sentence: "List the tasks in the tasks folder",
    arguments: {},
    flags: {
      tree: { kind: "switch", sentence: "Show each setting and the file that set it" },
      json,
    },
    options: common,
    examples: [["taskrun tasks --tree", "what holds for each task, and which file says so"]],
    load: async () => (await import("./commands/tasks.ts")).tasks,
  },
  crontab: {
    usage: "crontab",
    sentence: "Show the lines of the crontab: in words, the next runs, the last one",
    arguments: {},
    flags: { json },
    options: [...common, "crontab"],
    examples: [["taskrun crontab", "what runs when"]],
    load: async () => (await import("./commands/crontab.ts")).crontab,
  },
  types: {
    usage: "types",
    sentence: "Write taskrun-env.d.ts, so that the compiler checks names and payloads of jobs",
    arguments: {},
    flags: {
      check: { kind: "switch", sentence: "Only look; exit 1 if the file is out of date" },
      json,
    },
    options: common,
    examples: [["taskrun types --check", "in CI, where the file is committed"]],
    load: async () => (await import("./commands/types.ts")).types,
  },
  check: {
    usage: "check",
    sentence: "Load the configuration, every task and the crontab; exit 1 if anything is wrong",
    arguments: {},
    flags: {
      queued: { kind: "switch", sentence: "Hold all queued payloads against the tasks" },
      json,
    },
    options: [...common, "crontab"],
    examples: [
      ["taskrun check", "in CI: each fault as file:line:col"],
      ["taskrun check --queued", "before a deployment: would the jobs that wait fit this code?"],
    ],
    load: async () => (await import("./commands/check.ts")).check,
  },
  ...lookCommands,
  ...operationCommands,
  ...gateCommands,
  ...httpCommands,
  migrate: {
    usage: "migrate",
    sentence: "Bring the database's schemas up to date",
    arguments: {},
    flags: { json },
    options: common,
    examples: [["taskrun migrate", "before a deployment, with the rights to create schemas"]],
    load: async () => (await import("./commands/migrate.ts")).migrate,
  },
  db: {
    usage: "db <action>",
    sentence: "The embedded Postgres: url, start, stop, reset; SQL for roles",
    arguments: { action: "url, start, stop, reset or roles" },
    flags: {
      "graphile-functions": {
        kind: "switch",
        sentence: "Roles: may enqueue with graphile-worker's add_job, too",
      },
    },
    options: common,
    examples: [
      ['psql "$(taskrun db url)"', "open the database that taskrun uses"],
      ["taskrun db reset", "throw the embedded database away"],
      ["taskrun db roles > roles.sql", "SQL for three roles with few rights, to review and run"],
    ],
    load: async () => (await import("./commands/db.ts")).db,
  },
  doctor: {
    usage: "doctor",
    sentence: "Look for what could keep tasks from running",
    arguments: {},
    flags: { json },
    options: [...common, "crontab"],
    examples: [["taskrun doctor", "when something doesn't work"]],
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  init: {
    usage: "init [folder]",
    sentence: "Make a folder a taskrun project; what is there stays as it is",
    arguments: { folder: "Where (default: here)" },
    flags: { yes: { kind: "switch", sentence: "Write without a question", shortFlag: "y" } },
    options: [],
    examples: [
      ["taskrun init my-jobs", "a new project: shows what it would write, then asks"],
      ["taskrun init --yes", "here, without a question; adds only what is missing"],
    ],
    load: async () => (await import("./commands/init.ts")).init,
  },
  new: {
    usage: "new <name>",
    sentence: "Write a task's file and its test",
    arguments: { name: "Name of the task; folders before a slash" },
    flags: {
      schema: { kind: "text", sentence: 'Payload, such as "to:email, count:int?, size:s|m|l"' },
    },
    options: ["tasks"],
    examples: [
      ["taskrun new billing/charge", "tasks/billing/charge.ts and test/billing/charge.test.ts"],
      ["taskrun new send --schema 'to:email,subject:string,count:int?'", "with these fields"],
      ["taskrun new resize --schema 'image:url,size:s|m|l,tags:string[]'", "choices and lists"],
    ],
    load: async () => (await import("./commands/new.ts")).newTask,
  },
  completion: {
    usage: "completion [shell]",
    sentence: "Print the script that completes commands, flags and tasks in a shell",
    arguments: { shell: "bash, zsh or fish" },
    flags: { line: { kind: "text", sentence: "What is typed so far, for the script itself" } },
    options: ["tasks"],
    examples: [
      ["source <(npx taskrun completion bash)", "in ~/.bashrc"],
      ["source <(npx taskrun completion zsh)", "in ~/.zshrc, after compinit"],
      ["npx taskrun completion fish > ~/.config/fish/completions/taskrun.fish", "once"],
    ],
    load: async (): Promise<Command> => {
      const { completion } = await import("./commands/completion.ts");
      return (args) => completion(args, { commands: commandTable, defaultCommand });
    },
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof commandTable;

/** Runs when no command is named. */
export const defaultCommand: CommandName = "run";
