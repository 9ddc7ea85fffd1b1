/**
 * From any words at all to a command and its arguments, by the command table. Owns the help text
 * and what is said of unknown words; runs no command.
 */

import yargs, { type Argv, type Options } from "yargs";
import { environmentName, flagName, type OptionName, optionSpec } from "../config/schema.ts";
import { closestName } from "../core/closest-name.ts";
import { taskrunVersion } from "../runtime/version.ts";
import { type CliError, usageError } from "./cli-error.ts";
import { CommandArguments } from "./command-arguments.ts";
import type { CommandSpec } from "./command-spec.ts";
import { commandTable, defaultCommand } from "./command-table.ts";
import { exitCodeMeanings, exitCodes } from "./exit-codes.ts";
import { print } from "./output.ts";

export interface ParsedCommandLine {
  readonly spec: CommandSpec;
  readonly args: CommandArguments;
}

/** Null when help or the version was asked for and has been printed. */
export async function parseWithHelp(words: readonly string[]): Promise<ParsedCommandLine | null> {
  let parsed: ParsedCommandLine | null = null;
  const parser = yargs()
    .scriptName("taskrun")
    .usage(
      "Usage: $0 [command] [flags]\n\nRuns the files in tasks/ as background jobs on Postgres.",
    )
    .locale("en")
    .parserConfiguration({
      "camel-case-expansion": false,
      "dot-notation": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "strip-aliased": true,
    })
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .help("help", "Show help")
    .alias("help", "h")
    .version("version", "Show the version", taskrunVersion)
    .alias("version", "v")
    .epilogue(epilogue())
    .exitProcess(false)
    .fail((message, error) => {
      // yargs' own errors have this name; ours come from the handlers below.
      if (error !== undefined && error.name !== "YError") throw error;
      throw describeRefusal(message ?? error?.message ?? "", words);
    });
  for (const [name, spec] of Object.entries<CommandSpec>(commandTable)) {
    const usage = name === defaultCommand ? [spec.usage, "$0"] : spec.usage;
    parser.command(
      usage,
      spec.sentence,
      (command) => describeCommand(command, spec),
      (values) => {
        refuseUnknownWords(spec, values);
        parsed = { spec, args: new CommandArguments(values, spec.options) };
      },
    );
  }
  // yargs makes an empty text of a lone dash.
  const readable = words.map((word) => (word === "-" ? "@-" : word));
  await parser.parseAsync(readable, {}, (_error, _values, output) => {
    if (output !== "") print(output);
  });
  return parsed;
}

function describeCommand(command: Argv, spec: CommandSpec): void {
  for (const [name, sentence] of Object.entries(spec.arguments)) {
    command.positional(name, { type: "string", describe: sentence });
  }
  for (const [name, flag] of Object.entries(spec.flags)) {
    command.option(name, flagOptions(flag.kind, flag.sentence, flag.shortFlag));
  }
  command.option("config", {
    ...flagOptions("text", "The config file (default: worker.config.ts here, if there is one)"),
    group: "Configuration:",
  });
  for (const option of spec.options) {
    const optionFlag = optionSpec(option);
    const kind = optionFlag.kind === "boolean" ? "switch" : "text";
    command.option(flagName(option) ?? option, {
      ...flagOptions(kind, optionSentence(option), optionFlag.shortFlag),
      group: "Configuration:",
    });
  }
  for (const [example, sentence] of spec.examples) command.example(example, sentence);
}

function flagOptions(kind: "text" | "switch", describe: string, alias?: string): Options {
  const base: Options = alias === undefined ? { describe } : { describe, alias };
  return kind === "switch"
    ? { ...base, type: "boolean" }
    : { ...base, type: "string", requiresArg: true };
}

/** "How many attempts … (default 10; TASKRUN_CONCURRENCY)" */
function optionSentence(option: OptionName): string {
  const spec = optionSpec(option);
  const facts = [environmentName(option)];
  // None, no entries and no text are said best by saying nothing.
  const isNothing = spec.default === null || String(spec.default) === "";
  if (!isNothing) facts.unshift(`default ${String(spec.default)}`);
  return `${spec.sentence} (${facts.join("; ")})`;
}

function refuseUnknownWords(spec: CommandSpec, values: Readonly<Record<string, unknown>>): void {
  const name = spec.usage.split(" ")[0] ?? "";
  const words = Array.isArray(values._) ? values._.map(String) : [];
  const extra = words.filter((word, index) => !(index === 0 && word === name));
  const [first] = extra;
  if (first !== undefined) {
    if (words[0] === name) {
      throw usageError(`${first}: one argument too many`, `Usage: taskrun ${spec.usage}`);
    }
    const meant = closestName(first, Object.keys(commandTable));
    throw usageError(`${first}: unknown command`, suggestion(meant, "taskrun"));
  }
  const known = [
    ...Object.keys(spec.arguments),
    ...Object.keys(spec.flags),
    ...spec.options.map((option) => flagName(option) ?? option),
    "config",
    "help",
    "version",
  ];
  const unknown = Object.keys(values).find((key) => !["_", "$0", ...known].includes(key));
  if (unknown === undefined) return;
  const flag = unknown.length === 1 ? `-${unknown}` : `--${unknown}`;
  const meant = unknown.length === 1 ? null : closestName(unknown, known);
  throw usageError(
    `${flag}: unknown flag`,
    suggestion(meant === null ? null : `--${meant}`, `taskrun ${name}`),
  );
}

/** yargs counts arguments; people know them by name. */
function describeRefusal(message: string, words: readonly string[]): CliError {
  const spec = Object.entries<CommandSpec>(commandTable).find(([name]) =>
    words.includes(name),
  )?.[1];
  if (spec !== undefined && message.startsWith("Not enough non-option")) {
    return usageError("an argument is missing", `Usage: taskrun ${spec.usage}`);
  }
  const missingValue = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
  if (missingValue !== undefined) {
    const flag = missingValue.length === 1 ? `-${missingValue}` : `--${missingValue}`;
    return usageError(`${flag}: a value is missing`);
  }
  return usageError(message, "Run `taskrun --help` for what there is.");
}

function suggestion(meant: string | null, help: string): string {
  return meant === null ? `Run \`${help} --help\` for what there is.` : `Did you mean ${meant}?`;
}

function epilogue(): string {
  const lines = Object.entries(exitCodeMeanings).map(([key, meaning]) => {
    const code = Object.entries(exitCodes).find(([name]) => name === key)?.[1] ?? 0;
    return `  ${String(code).padStart(2)}  ${meaning}`;
  });
  return `Exit codes:\n${lines.join("\n")}`;
}
