/** What a round of reloads did, in lines for people. Owns the words; refuses to print. */

import type { ChangeSet } from "../core/catalog.ts";
import type { Task } from "../core/task.ts";
import type { Fault } from "../dev/fault-watch.ts";
import { describeLoadFailure, shownPath } from "./describe-load-failure.ts";

const mostNamed = 5;

export interface ReloadFacts {
  readonly change: ChangeSet;
  /** From the save's notice to the new code. */
  readonly liveMs: number;
  /** Attempts that still run on another version of the task. */
  readonly runningOnOlder: (task: Task) => number;
}

/** `↻ send_email v3 (12 ms) · 2 jobs still on v2`; one line each for new and removed tasks. */
export function describeReload({ change, liveMs, runningOnOlder }: ReloadFacts): string[] {
  const { added, reloaded, removed } = change;
  const took = `(${Math.round(liveMs)} ms)`;
  const lines: string[] = [];
  if (reloaded.length > 0) {
    const still = stillRunning(reloaded, runningOnOlder);
    lines.push(`↻ ${list(reloaded, (task) => `${task.name} v${task.version}`)} ${took}${still}`);
  }
  if (added.length > 0) lines.push(`+ ${list(added, ({ name }) => name)} ${took}`);
  if (removed.length > 0) {
    const whose = removed.length === 1 ? "its" : "their";
    lines.push(`- ${list(removed, ({ name }) => name)}: ${whose} jobs wait`);
  }
  return lines;
}

/** The failure with its code frame, and what it means for the tasks that use the file. */
export function describeFault(fault: Fault, versionOf: (task: string) => number | null): string {
  const going = fault.tasks.flatMap((name) => {
    const version = versionOf(name);
    return version === null ? [] : [`${name} v${version}`];
  });
  const missing = fault.tasks.filter((name) => versionOf(name) === null);
  const lines = [describeLoadFailure(fault.failure)];
  if (going.length > 0) lines.push(`  Until it is mended, jobs run on ${list(going, String)}.`);
  if (missing.length > 0)
    lines.push(`  Until it is mended, jobs of ${list(missing, String)} wait.`);
  return lines.join("\n");
}

export function describeMended({ failure }: Fault): string {
  return `✓ ${shownPath(failure.file)} is in order again`;
}

function stillRunning(
  tasks: readonly Task[],
  runningOnOlder: ReloadFacts["runningOnOlder"],
): string {
  const count = tasks.reduce((sum, task) => sum + runningOnOlder(task), 0);
  if (count === 0) return "";
  const jobs = count === 1 ? "1 job" : `${count} jobs`;
  const [only] = tasks;
  // With more than one version before it, the job may be on any of them.
  const isKnown = tasks.length === 1 && only?.version === 2;
  return ` · ${jobs} still on ${isKnown ? "v1" : "older versions"}`;
}

function list<Item>(items: readonly Item[], show: (item: Item) => string): string {
  const named = items.slice(0, mostNamed).map(show).join(", ");
  const more = items.length - mostNamed;
  return more > 0 ? `${named} and ${more} more` : named;
}
