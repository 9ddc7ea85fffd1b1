/** Prints what watch mode has to tell of: reloads, faults and the configuration. */

import type { WatchReport } from "../dev/watch-session.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { describeCrontabFailure } from "./describe-crontab-failure.ts";
import { shownPath } from "./describe-load-failure.ts";
import { describeFault, describeMended, describeReload } from "./describe-reload.ts";
import { explainError } from "./explain-error.ts";
import { colour, say, sayError, sayWarning } from "./output.ts";

export interface WatchReportOptions {
  /** Several processes follow the same files: one tells what happens to all alike. */
  readonly isLeader: boolean;
}

/** `runtime` is asked for when there is something to tell. */
export function watchReport(runtime: () => Runtime, { isLeader }: WatchReportOptions): WatchReport {
  const report = fullReport(runtime);
  if (isLeader) return report;
  const { trouble, disposeFailed } = report;
  const silent = (): void => {};
  return {
    trouble,
    disposeFailed,
    changed: silent,
    faults: silent,
    configRefused: silent,
    crontabChanged: silent,
    configApplied: silent,
  };
}

function fullReport(runtime: () => Runtime): WatchReport {
  return {
    changed(change, liveMs) {
      const runningOnOlder = runtime().runningOnOtherVersions.bind(runtime());
      for (const line of describeReload({ change, liveMs, runningOnOlder })) {
        say(colour(line.startsWith("-") ? "yellow" : "green", line));
      }
    },
    faults(found, mended) {
      const { tasks } = runtime().catalog;
      const versionOf = (name: string) => tasks.get(name)?.version ?? null;
      for (const fault of found) sayError(describeFault(fault, versionOf));
      for (const fault of mended) say(colour("green", describeMended(fault)));
    },
    trouble(error) {
      sayWarning(`the reload failed: ${error instanceof Error ? error.stack : String(error)}`);
    },
    disposeFailed(error, source) {
      const shown = error instanceof Error ? error.message : String(error);
      sayWarning(`${shownPath(source)}: what it opened could not be closed: ${shown}`);
    },
    configRefused(error) {
      const { message, hint } = explainError(error);
      sayError(message, hint);
      say("Going on with the last good configuration.");
    },
    crontabChanged(file, { items, failures }) {
      const lines = items.length === 1 ? "1 line runs" : `${items.length} lines run`;
      say(colour("green", `↻ ${shownPath(file)}: ${lines}`));
      for (const failure of failures) sayError(describeCrontabFailure(file, failure));
    },
    configApplied() {
      say(colour("green", "↻ configuration: applies from the next attempt on"));
    },
  };
}
