/** `taskrun new`: a task's file with its payload schema, and a test. Replaces no file. */

import { mkdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { loadConfig } from "../../config/load-config.ts";
import { scan } from "../../discovery/scan.ts";
import { taskName, taskPath } from "../../discovery/task-name.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { shownPath } from "../describe-load-failure.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { say } from "../output.ts";
import { parsePayloadFields } from "../scaffold/payload-fields.ts";
import { taskFileText, taskTestText } from "../scaffold/task-files.ts";

export async function newTask(args: CommandArguments): Promise<ExitCode> {
  const name = args.required("name");
  refuseBadName(name);
  const fields = parsePayloadFields(args.text("schema") ?? "message:string");
  const { config } = await loadConfig(args.forConfig());
  await refuseTakenName(config.tasks, name);

  const file = path.join(config.tasks, taskPath(name));
  await write(file, taskFileText(fields));
  say(`created ${shownPath(file)}`);

  const test = path.join(config.projectDir, "test", taskPath(name).replace(/\.ts$/, ".test.ts"));
  if (await exists(test)) {
    say(`kept    ${shownPath(test)}`);
    return exitCodes.ok;
  }
  const way = path.relative(path.dirname(test), file).replaceAll(path.sep, "/");
  const importPath = way.startsWith(".") ? way : `./${way}`;
  await write(test, taskTestText({ task: name, importPath, fields }));
  say(`created ${shownPath(test)}`);
  return exitCodes.ok;
}

function refuseBadName(name: string): void {
  const meaning = taskName(`${name}.ts`);
  if (meaning.kind === "task") return;
  const better = name
    .replace(/\.[cm]?[jt]sx?$/, "")
    .split(/[/\\:]+/)
    .map((segment) => segment.replaceAll(/[^A-Za-z0-9_-]+/g, "_").replace(/^_+|_+$/g, ""))
    .filter((segment) => segment !== "")
    .join("/");
  const tooLong = meaning.kind === "bad-name" && taskName(`${better}.ts`).kind !== "task";
  if (tooLong) throw usageError(`${name}: ${meaning.reason}`, "Choose a shorter name.");
  throw usageError(
    `${JSON.stringify(name)} can't be a task's name: between its "/" are only letters, digits,` +
      ' "_" and "-", and no "_" first',
    better === "" ? null : `Try \`taskrun new ${better}\`.`,
  );
}

/** The name may also be that of a file with another extension. */
async function refuseTakenName(tasksDir: string, name: string): Promise<void> {
  const { tasks } = await scan(tasksDir);
  const taken = tasks.find((task) => task.name === name);
  if (taken === undefined) return;
  throw new CliError(
    exitCodes.usage,
    `${shownPath(taken.file)} is already the task ${name}`,
    "Choose another name, or remove that file first.",
  );
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text, { flag: "wx" });
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null)) !== null;
}
