/** What the facts of all tasks depend on beside files, as one text. */

import { createHash } from "node:crypto";
import type { TaskLayer } from "../../core/resolve-task.ts";
import { taskrunVersion } from "../version.ts";
import { functionMark } from "./task-facts.ts";

export interface StartConditionsInput {
  readonly projectDir: string;
  readonly tasksDir: string;
  readonly layers: readonly TaskLayer[];
  readonly environment: string;
}

export function startConditions(input: StartConditionsInput): string {
  const { projectDir, tasksDir, layers, environment } = input;
  const said = layers.map(({ source, defaults }) => [source, plain(defaults)]);
  const { version, arch, platform, execArgv } = process;
  const runtime = [version, arch, platform, execArgv, taskrunVersion];
  const all = JSON.stringify([runtime, projectDir, tasksDir, said, environment]);
  // Of the environment nobody should be able to read anything.
  return createHash("sha256").update(all).digest("base64url");
}

/** With functions in it, which JSON leaves out; the config's own are imported at each start. */
function plain(value: unknown): unknown {
  return JSON.stringify(value, (_, each) => (typeof each === "function" ? functionMark : each));
}
