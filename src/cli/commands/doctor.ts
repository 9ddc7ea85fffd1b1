/** `taskrun doctor`: looks for what could keep tasks from running, and says how to mend it. */

import { type LoadedConfig, loadConfig } from "../../config/load-config.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { examineDatabase } from "../examine-database.ts";
import { examineProject } from "../examine-project.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { Finding } from "../finding.ts";
import { colour, print, printJson } from "../output.ts";

const marks = {
  ok: () => colour("green", "ok  ", process.stdout),
  warn: () => colour("yellow", "warn", process.stdout),
  fail: () => colour("red", "FAIL", process.stdout),
};

export async function doctor(args: CommandArguments): Promise<ExitCode> {
  const findings = await examine(args);
  if (args.isSet("json")) printJson(findings);
  else for (const finding of findings) printFinding(finding);
  return findings.some((finding) => finding.status === "fail") ? exitCodes.failed : exitCodes.ok;
}

async function examine(args: CommandArguments): Promise<Finding[]> {
  let loaded: LoadedConfig;
  try {
    loaded = await loadConfig(args.forConfig());
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return [{ name: "configuration", status: "fail", detail, fix: "Correct it, then ask again." }];
  }
  return [...(await examineProject(loaded)), ...(await examineDatabase(loaded.config))];
}

function printFinding({ name, status, detail, fix }: Finding): void {
  print(`${marks[status]()}  ${name.padEnd(15)}  ${detail}`);
  if (fix !== null) print(`${" ".repeat(23)}${fix}`);
}
