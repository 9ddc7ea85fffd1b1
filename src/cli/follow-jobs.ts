/**
 * Prints what becomes of jobs, as it happens, until it is asked to end or nobody reads any more.
 * Woken by the queue's notifications of new jobs; the rest is asked for twice a second.
 */

import pg from "pg";
import { roughDuration } from "../core/rough-duration.ts";
import { type JobChange, JobChanges } from "../store/job-changes.ts";
import type { JobFilter } from "../store/job-filter.ts";
import type { JobRow } from "../store/jobs.ts";
import { isTransient, pause } from "../store/transient.ts";
import { print, sayWarning } from "./output.ts";
import { StopSignals } from "./stop-signals.ts";
import type { OpenStore } from "./with-store.ts";

const betweenLooksMs = 500;
/** So many changes at once are a sign that there are more. */
const manyChanges = 500;
/** Notifications come one for each insert; a storm of them is answered together. */
const gatherMs = 50;

export interface FollowOptions {
  readonly filter: JobFilter;
  readonly json: boolean;
  /** Called once changes are told. */
  readonly onStart: () => void;
}

export async function followJobs(store: OpenStore, options: FollowOptions): Promise<void> {
  const signals = new StopSignals();
  const unread = new AbortController();
  const noReader = (): void => unread.abort();
  signals.start();
  for (const event of ["error", "close"]) process.stdout.on(event, noReader);
  const ended = AbortSignal.any([signals.first, unread.signal]);
  const bell = new Bell();
  const listening = listen(store.database.connectionString, ended, () => bell.ring());
  try {
    await tellChanges(store, options, { ended, bell });
  } finally {
    unread.abort();
    signals.stop();
    for (const event of ["error", "close"]) process.stdout.off(event, noReader);
    await listening;
  }
}

async function tellChanges(
  { pool, schemas }: OpenStore,
  { filter, json, onStart }: FollowOptions,
  { ended, bell }: { readonly ended: AbortSignal; readonly bell: Bell },
): Promise<void> {
  const changes = new JobChanges(pool, schemas, { filter });
  await changes.start();
  onStart();
  let isAway = false;
  while (!ended.aborted) {
    try {
      const told = await changes.changes();
      isAway = false;
      for (const change of told) print(json ? jsonLine(change) : changeLine(change));
      if (told.length >= manyChanges) continue;
    } catch (error) {
      if (!isTransient(error)) throw error;
      if (!isAway) sayWarning("the database doesn't answer; going on when it does");
      isAway = true;
    }
    await bell.within(betweenLooksMs, ended);
    await pause(gatherMs, ended);
  }
}

function jsonLine({ job, before }: JobChange): string {
  return JSON.stringify({ ...job, state_before: before });
}

/** `08:00:05  17  send_email  retrying  1/3  refused; next run in 5s` */
export function changeLine({ job }: JobChange): string {
  const cells = [
    timeOf(job).toISOString().slice(11, 19),
    job.id.padStart(6),
    job.task.padEnd(20),
    job.state.padEnd(9),
    `${job.attempts}/${job.max_attempts}`,
    detailOf(job),
  ];
  return cells.join("  ").trimEnd();
}

function timeOf({ state, finished_at, started_at, created_at }: JobRow): Date {
  if (finished_at !== null) return finished_at;
  if (state === "running" && started_at !== null) return started_at;
  return state === "retrying" ? new Date() : created_at;
}

function detailOf(job: JobRow): string {
  const { state, error, run_at, started_at, finished_at } = job;
  const [line = ""] = (error ?? "").split("\n");
  const inMs = run_at.getTime() - Date.now();
  if (state === "retrying") return `${line}; next run in ${roughDuration(Math.max(0, inMs))}`;
  if (state === "scheduled") return `due in ${roughDuration(Math.max(0, inMs))}`;
  if (state !== "completed") return state === "running" ? "" : line;
  if (started_at === null || finished_at === null) return "";
  return `in ${roughDuration(finished_at.getTime() - started_at.getTime())}`;
}

/** Something to wait for that may have rung meanwhile. */
class Bell {
  #rung = Promise.withResolvers<void>();

  ring(): void {
    this.#rung.resolve();
  }

  async within(limitMs: number, ended: AbortSignal): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([ended, over.signal]);
    await Promise.race([this.#rung.promise, pause(limitMs, either)]);
    over.abort();
    this.#rung = Promise.withResolvers();
  }
}

/** Without it new jobs are told a little later, so that a lost connection is only tried again. */
async function listen(
  connectionString: string,
  ended: AbortSignal,
  onNotification: () => void,
): Promise<void> {
  while (!ended.aborted) {
    const client = new pg.Client({ connectionString, application_name: "taskrun cli listen" });
    const lost = new AbortController();
    client.on("error", () => lost.abort());
    client.on("end", () => lost.abort());
    client.on("notification", onNotification);
    try {
      await client.connect();
      await client.query('listen "jobs:insert"');
      const either = AbortSignal.any([ended, lost.signal]);
      while (!either.aborted) await pause(60_000, either);
    } catch {
      // Tried again below.
    }
    await client.end().catch(() => {});
    await pause(1_000, ended);
  }
}
