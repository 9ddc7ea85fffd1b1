/**
 * What may come next in a command line, from the commands and the names of tasks that it is
 * given. Runs no command.
 */

import { flagName, optionSpec } from "../config/schema.ts";
import type { JobState } from "../core/job.ts";
import type { CommandSpec } from "./command-spec.ts";
import { completionScripts } from "./completion-scripts.ts";

export interface Completion {
  readonly word: string;
  /** "" if the word says it all. */
  readonly sentence: string;
}

export interface CompletionSource {
  readonly commands: Readonly<Record<string, CommandSpec>>;
  /** Its flags are there when no command is named. */
  readonly defaultCommand: string;
  readonly listTaskNames: () => Promise<readonly string[]>;
}

/** For every state, so that the compiler misses none. */
const states: Readonly<Record<JobState, string>> = {
  pending: "",
  scheduled: "",
  blocked: "",
  running: "",
  retrying: "",
  completed: "",
  failed: "",
  cancelled: "",
};

type Values = readonly string[] | "task names";

/** What an argument can be, by command and position. */
const argumentValues: Readonly<Record<string, readonly Values[]>> = {
  add: ["task names"],
  db: [["url", "start", "stop", "reset"]],
  errors: [["retry"]],
  completion: [Object.keys(completionScripts)],
};

const flagValues: Readonly<Record<string, Values>> = {
  "--task": "task names",
  "--state": Object.keys(states),
  "--priority": ["critical", "high", "normal", "low"],
  "--key-mode": ["replace", "preserve_run_at", "unsafe_dedupe"],
};

/** `line` is all before the cursor; its last word, perhaps empty, is the one to complete. */
export async function completeLine(line: string, source: CompletionSource): Promise<Completion[]> {
  const typed = line.trimStart().split(/\s+/);
  const own = typed.findIndex((word) => /(^|[\\/])taskrun(\.js)?$/.test(word));
  const words = typed.slice(own + 1);
  const current = words.pop() ?? "";
  const found = await candidates(words, current, source);
  return found.filter(({ word }) => word.startsWith(current));
}

async function candidates(
  words: readonly string[],
  current: string,
  { commands, defaultCommand, listTaskNames }: CompletionSource,
): Promise<Completion[]> {
  const [first = ""] = words;
  const name = Object.hasOwn(commands, first) ? first : defaultCommand;
  const spec = commands[name];
  if (spec === undefined) return [];
  const flags = flagsOf(spec);
  const pending = flags.find((flag) => flag.word === words.at(-1) && flag.takesValue);
  if (pending !== undefined) return valuesOf(pending.values, listTaskNames);
  if (current.startsWith("-")) {
    return flags.filter((flag) => !words.includes(flag.word) && flag.word.startsWith("--"));
  }
  if (words.length === 0) {
    return Object.entries(commands).map(([word, { sentence }]) => ({ word, sentence }));
  }
  const given = positionals(words.slice(1), flags);
  return valuesOf(argumentValues[name]?.[given], listTaskNames);
}

interface Flag extends Completion {
  readonly takesValue: boolean;
  readonly values: Values | undefined;
}

function flagsOf(spec: CommandSpec): Flag[] {
  const own = Object.entries(spec.flags).map(([name, { kind, sentence, shortFlag }]) => ({
    names: [`--${name}`, `-${shortFlag}`],
    sentence,
    takesValue: kind === "text",
    values: flagValues[`--${name}`],
  }));
  const ofConfig = spec.options.map((option) => {
    const { sentence, shortFlag, kind, choices } = optionSpec(option);
    const names = [`--${flagName(option) ?? option}`, `-${shortFlag}`];
    return { names, sentence, takesValue: kind !== "boolean", values: choices };
  });
  const common = [
    { names: ["--config"], sentence: "The config file", takesValue: true, values: undefined },
    { names: ["--help"], sentence: "Show help", takesValue: false, values: undefined },
  ];
  return [...own, ...ofConfig, ...common].flatMap(({ names, ...flag }) =>
    names.map((word) => ({ ...flag, word })),
  );
}

/** How many of the words are neither flags nor their values. */
function positionals(words: readonly string[], flags: readonly Flag[]): number {
  return words.filter((word, index) => {
    const before = flags.find((flag) => flag.word === words[index - 1]);
    return !word.startsWith("-") && before?.takesValue !== true;
  }).length;
}

async function valuesOf(
  values: Values | undefined,
  listTaskNames: CompletionSource["listTaskNames"],
): Promise<Completion[]> {
  const words = values === "task names" ? await listTaskNames() : (values ?? []);
  return words.map((word) => ({ word, sentence: "" }));
}
