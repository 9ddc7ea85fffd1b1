/**
 * Names that more than one file claims: by their paths, or by aliases.
 * Owns the failures for each of the files; refuses to choose a winner.
 */

import type { LoadFailure } from "../core/catalog.ts";
import type { Task } from "../core/task.ts";
import { placedFailure, textOf } from "./placed-failure.ts";
import type { TaskFile } from "./scan.ts";
import { findLiteral } from "./source-location.ts";

type SourceOf = (file: string) => string;

/**
 * Failures of the files whose paths give the same name: `send.ts` and `send.js`; also `Send.ts`,
 * which is the same file where the file system doesn't tell cases apart.
 */
export function fileClashes(files: readonly TaskFile[], sourceOf: SourceOf): LoadFailure[] {
  return [...Map.groupBy(files, ({ name }) => name.toLowerCase()).values()].flatMap((claimants) => {
    if (claimants.length < 2) return [];
    return claimants.map(({ file, name }) => {
      const same = claimants.filter((each) => each.file !== file && each.name === name);
      if (same.length === 0) return caseClash(file, name, { claimants, sourceOf });
      const others = same;
      return placedFailure(
        { task: name },
        {
          code: "duplicate-name",
          file,
          reason: `${listed(others, sourceOf)} would be the task ${JSON.stringify(name)} too`,
          fix: "Delete all of them but one.",
        },
      );
    });
  });
}

function caseClash(
  file: string,
  name: string,
  { claimants, sourceOf }: { claimants: readonly TaskFile[]; sourceOf: SourceOf },
): LoadFailure {
  const others = listed(
    claimants.filter((each) => each.file !== file),
    sourceOf,
  );
  const reason = `its name differs from that of ${others} by upper and lower case only`;
  const fix = "Rename one of them: on many systems the two are the same file.";
  return placedFailure({ task: name }, { code: "duplicate-name", file, reason, fix });
}

/** Failures of the tasks that share a name through an alias. */
export function nameClashes(tasks: readonly Task[], sourceOf: SourceOf): LoadFailure[] {
  const claims = tasks.flatMap((task) =>
    [...new Set([task.name, ...task.aliases])].map((name) => ({ name, task })),
  );
  const failures = [...Map.groupBy(claims, ({ name }) => name)].flatMap(([name, claimants]) => {
    if (claimants.length < 2) return [];
    return claimants.map(({ task }) => {
      const others = claimants.filter((each) => each.task !== task).map((each) => each.task);
      const own = task.name === name;
      return placedFailure(
        { task: task.name },
        {
          code: "duplicate-name",
          file: task.file,
          place: own ? null : findLiteral(textOf(task.file) ?? "", name),
          reason: `${listed(others, sourceOf)} ${own ? "has its name as an alias" : `claims ${JSON.stringify(name)} too`}`,
          fix: own
            ? "Take that alias away, or rename one of the two files."
            : "Take the alias away from all of them but one.",
        },
      );
    });
  });
  // One failure per file says enough; a second clash shows once the first is mended.
  return [...Map.groupBy(failures, ({ file }) => file).values()].flatMap((each) =>
    each.slice(0, 1),
  );
}

function listed(files: readonly { readonly file: string }[], sourceOf: SourceOf): string {
  return files.map(({ file }) => sourceOf(file)).join(", ");
}
