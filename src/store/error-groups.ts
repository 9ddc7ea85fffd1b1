/** Failed jobs by what made them fail: one group for each fault, however many jobs it hit. */

import type pg from "pg";
import { errorFingerprint, userFrame } from "../core/error-fingerprint.ts";
import { type FailedJob, type FailureFilter, listFailures } from "./queue/list-failures.ts";
import type { Schemas } from "./schemas.ts";

export interface ErrorGroup {
  readonly fingerprint: string;
  readonly task: string;
  readonly error_name: string | null;
  /** The newest job's. */
  readonly error_message: string;
  /** Function and file of the topmost frame in the task's code. */
  readonly frame: string | null;
  readonly count: number;
  readonly first_seen: Date;
  readonly last_seen: Date;
  /** The newest job. */
  readonly example_id: string;
}

/** The fault that hit last comes first. */
export async function listErrorGroups(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  filter: FailureFilter = {},
): Promise<ErrorGroup[]> {
  const groups = new Map<string, ErrorGroup>();
  for await (const failed of listFailures(db, schemas, filter)) {
    const fingerprint = fingerprintOf(failed);
    groups.set(fingerprint, joined(groups.get(fingerprint), failed, fingerprint));
  }
  return [...groups.values()].sort((a, b) => b.last_seen.getTime() - a.last_seen.getTime());
}

/** The ids of the failed jobs of a group, the oldest first. */
export async function listGroupJobs(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  fingerprint: string,
  filter: FailureFilter = {},
): Promise<string[]> {
  const ids: string[] = [];
  for await (const failed of listFailures(db, schemas, filter)) {
    if (fingerprintOf(failed) === fingerprint) ids.push(failed.id);
  }
  return ids;
}

function fingerprintOf({ task, error_name, error_message, error_stack }: FailedJob): string {
  return errorFingerprint({ task, name: error_name, message: error_message, stack: error_stack });
}

function joined(group: ErrorGroup | undefined, failed: FailedJob, fingerprint: string): ErrorGroup {
  const { id, task, failed_at, error_name, error_message, error_stack } = failed;
  const count = (group?.count ?? 0) + 1;
  const isFirst = group === undefined || failed_at < group.first_seen;
  const first_seen = isFirst ? failed_at : group.first_seen;
  if (group !== undefined && failed_at < group.last_seen) return { ...group, count, first_seen };
  const frame = userFrame(error_stack);
  const newest = { error_name, error_message, frame, last_seen: failed_at, example_id: id };
  return { fingerprint, task, ...newest, count, first_seen };
}
