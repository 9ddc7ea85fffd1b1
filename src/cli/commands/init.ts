/**
 * `taskrun init`: makes a folder a taskrun project. Touches only what is missing, and says per
 * file what it did.
 */

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { confirm } from "../confirm.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { colour, say } from "../output.ts";
import { type PlannedFile, type ProjectPlan, planProject } from "../scaffold/plan-project.ts";

const planned = { create: "create", change: "change", keep: "keep" } as const;
const done = { create: "created", change: "changed", keep: "kept" } as const;

export async function init(args: CommandArguments): Promise<ExitCode> {
  const projectDir = path.resolve(args.text("folder") ?? ".");
  const plan = await planProject(projectDir);
  const isChange = plan.files.some(({ action }) => action !== "keep");
  if (isChange && !args.isSet("yes")) {
    if (!process.stdin.isTTY) {
      throw usageError(
        "init asks before it writes, and here is no terminal to ask on",
        "Run `taskrun init --yes` to write without a question.",
      );
    }
    for (const file of plan.files) say(describe(file, planned));
    if (!(await confirm(`Write this to ${projectDir}?`))) {
      say("Nothing was written.");
      return exitCodes.ok;
    }
  }
  await writePlan(plan);
  for (const file of plan.files) say(describe(file, done));
  say(isChange ? `\n${nextSteps(plan)}` : "Nothing was missing.");
  return exitCodes.ok;
}

async function writePlan({ projectDir, files }: ProjectPlan): Promise<void> {
  for (const { path: file, action, text } of files) {
    if (text === null) continue;
    const full = path.join(projectDir, file);
    await mkdir(path.dirname(full), { recursive: true });
    // A file that came up since the folder was looked at is not ours to replace.
    await writeFile(full, text, { flag: action === "create" ? "wx" : "w" });
  }
}

function describe(file: PlannedFile, words: Readonly<Record<PlannedFile["action"], string>>) {
  const word = words[file.action].padEnd(7);
  const shown = file.action === "keep" ? colour("dim", word) : colour("green", word);
  return `  ${shown}  ${file.path}${file.note === null ? "" : `: ${file.note}`}`;
}

function nextSteps({ projectDir, bringsNode }: ProjectPlan): string {
  const way = path.relative("", projectDir);
  const steps = [...(way === "" ? [] : [`cd ${way}`]), "npm install", "npx taskrun --watch"];
  const node = bringsNode
    ? "\nnpm install brings a Node that is new enough, for npx and scripts."
    : "";
  return `Next: ${steps.map((step) => `\`${step}\``).join(", then ")}.${node}`;
}
