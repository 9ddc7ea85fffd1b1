/** `taskrun pause`: keeps jobs from being started, in all processes; or lists what is held. */

import { existsSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { loadConfig } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import { closestName } from "../../core/closest-name.ts";
import {
  isKnownTask,
  listOpenBreakers,
  listPauses,
  type OpenBreakerRow,
  type PauseRow,
  pause as pauseGate,
} from "../../store/gates.ts";
import { usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { describeGate, type Gate, gateFrom } from "../gate.ts";
import { loadTasks } from "../load-tasks.ts";
import { printJson, printTable, say, sayWarning } from "../output.ts";
import { type OpenStore, withStore } from "../with-store.ts";

export async function pause(args: CommandArguments): Promise<ExitCode> {
  const gate = args.isSet("list") ? null : gateFrom(args);
  if (gate === null) refuseMore(args);
  const { config } = await loadConfig(args.forConfig());
  const json = args.isSet("json");
  await withStore(config, { migrate: false }, async (store) => {
    if (gate === null) return list(store, json);
    const by = args.text("by") ?? whoIsThis();
    const reason = args.text("reason") ?? null;
    await pauseGate(store.pool, store.schemas, { ...gate, by, reason });
    if (json) printJson({ ...gate, paused_by: by, reason });
    say(`Paused ${describeGate(gate)}: no process starts such jobs until it is resumed.`);
    if (gate.kind === "task") await warnOfUnknown(store, config, gate);
  });
  return exitCodes.ok;
}

function refuseMore(args: CommandArguments): void {
  const more = ["task", "queue", "reason", "by"].some((name) => args.text(name) !== undefined);
  if (more || args.isSet("all")) throw usageError("--list goes without anything to pause.");
}

async function list({ pool, schemas }: OpenStore, json: boolean): Promise<void> {
  const pauses = await listPauses(pool, schemas);
  const breakers = await listOpenBreakers(pool, schemas);
  if (json) return printJson({ pauses, breakers });
  if (pauses.length + breakers.length === 0) return say("Nothing is paused, no breaker is open.");
  printTable(
    ["held", "since", "by", "reason"],
    [...pauses.map(pauseCells), ...breakers.map(breakerCells)],
  );
}

function pauseCells(row: PauseRow): string[] {
  const { paused_at: since, paused_by: by, reason } = row;
  return [describeGate(row), since.toISOString(), by ?? "", reason ?? ""];
}

function breakerCells({
  task,
  state,
  opened_at,
  open_until,
  last_error,
}: OpenBreakerRow): string[] {
  const how =
    state === "open" ? `breaker, until ${open_until.toISOString()}` : "breaker, half open";
  const [error = ""] = (last_error ?? "").split("\n");
  return [`task ${task}`, opened_at.toISOString(), how, error];
}

/** It may be on its way: a task can be paused before it is deployed. */
async function warnOfUnknown(
  { pool, schemas }: OpenStore,
  config: ResolvedConfig,
  { name }: Gate,
): Promise<void> {
  if (await isKnownTask(pool, schemas, name)) return;
  const names: string[] = [];
  if (existsSync(config.tasks)) {
    const { tasks } = await loadTasks(config);
    for (const task of tasks.values()) names.push(task.name, ...task.aliases);
  }
  if (names.includes(name)) return;
  const meant = closestName(name, names);
  const hint = meant === null ? "" : ` Did you mean ${meant}?`;
  sayWarning(`No process has a task ${name}, and there is none in ${config.tasks}.${hint}`);
}

function whoIsThis(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // An account without a name, as in some containers.
    return hostname();
  }
}
