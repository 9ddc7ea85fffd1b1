/**
 * Asks the queue for jobs as the plan of the moment says, by the cheapest statement that will do.
 *
 * Looking at serial queues costs a sixth of a fetch even when there are none, and looking from the
 * start means to pass by all that stands there and can't be taken. So a deep queue is fetched from
 * where the last fetch ended (`queue-front`), without serial queues, and from the start now and
 * then. Where tasks are capped or queues are paused there is a statement for that.
 */

import type pg from "pg";
import type { Task } from "../../core/task.ts";
import type { RowSource } from "../../store/kept-connection.ts";
import { fetchJobs, fetchPlainJobs } from "../../store/queue/fetch.ts";
import { fetchCanary } from "../../store/queue/fetch-canary.ts";
import { fetchGatedJobs } from "../../store/queue/fetch-gated.ts";
import { othersWait } from "../../store/queue/others-wait.ts";
import { byPriority, type QueueJob, type QueuePlace } from "../../store/queue/queue-job.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { Gates } from "../holding-back/gates.ts";
import { CappedSlots } from "./capped-slots.ts";
import { type FetchPlan, makeFetchPlan, type PlannedTask } from "./fetch-plan.ts";
import type { FetchableTasks } from "./fetchable-tasks.ts";
import { OthersInFront } from "./others-in-front.ts";
import { QueueFront } from "./queue-front.ts";
import { Turns } from "./turns.ts";
import { WholeLook } from "./whole-look.ts";

/** What one look at the queue has brought. */
export interface Fetched {
  /** Best first. Tasks with limits of their own may make it a few more than was asked for. */
  readonly jobs: QueueJob[];
  /** Something was left that may start here. */
  readonly more: boolean;
  /** To be called once the jobs are among those that `countHere` counts. */
  release(): void;
}

interface Look {
  readonly jobs: QueueJob[];
  readonly leftBehind: boolean;
}

const nothing: Look = { jobs: [], leftBehind: false };

export interface JobFetcherOptions {
  readonly db: pg.Pool;
  /** For the statements of most fetches. */
  readonly connection: RowSource;
  readonly schemas: Schemas;
  readonly tasks: FetchableTasks;
  readonly gates: Pick<Gates, "snapshot" | "takeCanary" | "leaseMs">;
  readonly processId: () => string;
  /** How many jobs of the task run and wait in this process. */
  readonly countHere: (task: Task) => number;
  /** Locks at most so many due jobs of a task that has a `limit`, best first. */
  readonly fetchLimited: (task: PlannedTask, slots: number) => Promise<QueueJob[]>;
}

// Below that the round trip is the cost, and a second one would be the price of a wrong guess.
const deepLimit = 100;
// Task by task, a large fetch reads its whole size of each.
const fewTasks = 8;

export class JobFetcher {
  readonly #options: JobFetcherOptions;
  readonly #slots = new CappedSlots();
  readonly #others: OthersInFront;
  #plan: FetchPlan | null = null;
  readonly #front = new QueueFront();
  readonly #turns = new Turns();
  readonly #whole: WholeLook;
  /** What decides which jobs may start here, whatever runs: the same value until that changes. */
  #ground: { readonly tasks: unknown; readonly gates: unknown } = { tasks: null, gates: null };
  #untold: { readonly error: unknown } | null = null;

  constructor(options: JobFetcherOptions) {
    this.#options = options;
    const { db, schemas, tasks } = options;
    this.#whole = new WholeLook(options.connection, options.schemas);
    this.#others = new OthersInFront(async () => {
      const names = (await tasks.all()).flatMap((task) => [...task.names.keys()]);
      return othersWait(db, schemas, names);
    });
  }

  /**
   * Locks at most `limit` due jobs that may start now, best first. `urgent`: while a deep queue is
   * being worked through, those are enough that come before all that it would go on with.
   *
   * @throws what the database throws, perhaps of a statement of the call before
   */
  async fetch(limit: number, urgent = false): Promise<Fetched> {
    this.#tell();
    const { tasks } = this.#options;
    const plan = this.#planFor(tasks.known ?? (await tasks.all()));
    // Between the counting of what is here and this nothing may come in between.
    const release = this.#slots.reserve(plan, limit);
    try {
      const { jobs, leftBehind } = await this.#fetch(plan, limit, urgent);
      this.#slots.answered(plan, limit, jobs);
      return { jobs, more: jobs.length >= limit || leftBehind, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** A job of a capped task has ended: whether another one may have been waiting for its slot. */
  slotFreed(task: Task): boolean {
    return this.#slots.freed(task);
  }

  /** The same value as long as nothing changes, and no task counts what runs here. */
  #planFor(tasks: readonly PlannedTask[]): FetchPlan {
    const gates = this.#options.gates.snapshot;
    const { tasks: tasksBefore, gates: gatesBefore } = this.#ground;
    if (tasksBefore !== tasks || gatesBefore !== gates) this.#ground = { tasks, gates };
    else if (this.#plan !== null) return this.#plan;
    const countHere = (task: Task) => this.#options.countHere(task) + this.#slots.asked(task);
    const plan = makeFetchPlan({ tasks, gates, countHere });
    const fixed = tasks.every(({ task }) => task.policies.concurrency === null);
    this.#plan = fixed ? plan : null;
    return plan;
  }

  async #fetch(plan: FetchPlan, limit: number, urgent: boolean): Promise<Look> {
    const after = this.#placeToGoOn(plan, limit, urgent);
    const together = this.#fetchTogether(plan, limit, { urgent, after });
    const apart = this.#fetchApart(plan, limit, after !== null);
    if (apart.length === 0) return together;
    const jobs: QueueJob[] = [];
    let leftBehind = false;
    for (const look of await Promise.allSettled([together, ...apart])) {
      // What one statement has locked must reach the caller, whatever becomes of the others.
      if (look.status === "rejected") this.#untold ??= { error: look.reason };
      else {
        jobs.push(...look.value.jobs);
        leftBehind ||= look.value.leftBehind;
      }
    }
    if (jobs.length === 0) this.#tell();
    return { jobs: jobs.sort(byPriority), leftBehind };
  }

  /** Null: look from the start. */
  #placeToGoOn({ open, leavesOut }: FetchPlan, limit: number, urgent: boolean): QueuePlace | null {
    if (open.size === 0) return null;
    const arrived = this.#front.arrived(this.#ground);
    // Before that place there may be any number of others' jobs.
    if (urgent) return leavesOut || this.#others.found ? null : arrived;
    if (limit < deepLimit) return null;
    const after = this.#front.after(this.#ground, performance.now());
    return this.#others.found && after !== arrived ? null : after;
  }

  #fetchApart(plan: FetchPlan, limit: number, goesOn: boolean): Promise<Look>[] {
    const { fetchLimited } = this.#options;
    if (plan.canaries.length + plan.limited.length + plan.capped.length === 0) return [];
    const apart = [
      ...plan.canaries.map((task) => this.#fetchCanary(task, plan)),
      ...plan.limited.map((task) => fetchLimited(task, Math.min(task.slots, limit))),
    ].map(async (jobs): Promise<Look> => ({ jobs: await jobs, leftBehind: false }));
    // What goes on somewhere is for the open tasks alone.
    if (!goesOn || plan.capped.length === 0) return apart;
    return [...apart, this.#fetchGated({ ...plan, open: new Map() }, limit, true)];
  }

  async #fetchTogether(
    plan: FetchPlan,
    limit: number,
    { urgent, after }: { readonly urgent: boolean; readonly after: QueuePlace | null },
  ): Promise<Look> {
    const { open, capped } = plan;
    if (open.size + capped.length === 0) return nothing;
    if (after !== null && !urgent) return this.#goOn({ ...plan, capped: [] }, limit, after);
    const askedAtMs = performance.now();
    let look = nothing;
    try {
      look =
        after === null
          ? await this.#lookFromStart(plan, limit)
          : await this.#lookForUrgent({ ...plan, capped: [] }, limit, after);
      return look;
    } finally {
      const nowMs = performance.now();
      this.#others.fetched(nowMs - askedAtMs);
      const isFull = look.jobs.length >= limit && limit >= deepLimit;
      if (!urgent) {
        this.#front.looked(isFull ? this.#ground : null, look.jobs, { askedAtMs, nowMs });
      }
    }
  }

  async #lookFromStart(plan: FetchPlan, limit: number): Promise<Look> {
    const { open, capped, pausedQueues } = plan;
    const leavesOut = plan.leavesOut || this.#others.found;
    const byTask = leavesOut && (limit < deepLimit || open.size <= fewTasks);
    const isGated = byTask || capped.length + pausedQueues.length > 0;
    if (isGated) return this.#fetchGated(plan, limit, byTask);
    return { jobs: await this.#whole.fetch(this.#request(open, limit)), leftBehind: false };
  }

  /** Of the open tasks, before all that the next fetch would go on with. */
  async #lookForUrgent(plan: FetchPlan, limit: number, { priority }: QueuePlace): Promise<Look> {
    if (plan.pausedQueues.length > 0) return this.#fetchGated(plan, limit, false);
    const { connection, schemas } = this.#options;
    const request = { ...this.#request(plan.open, limit), moreUrgentThan: priority };
    return { jobs: await fetchJobs(connection, schemas, request), leftBehind: true };
  }

  #fetchGated(plan: FetchPlan, limit: number, byTask: boolean): Promise<Look> {
    const { open, capped, pausedQueues } = plan;
    const { db, schemas, processId } = this.#options;
    const taskNames = new Map(open);
    for (const { names } of capped) for (const [id, name] of names) taskNames.set(id, name);
    return fetchGatedJobs(db, schemas, {
      processId: processId(),
      taskNames,
      open: [...open.keys()],
      lanes: capped.map(({ names, slots }) => ({ taskIds: [...names.keys()], slots })),
      limit,
      pausedQueues,
      byTask,
    });
  }

  #request(taskNames: ReadonlyMap<number, string>, limit: number) {
    return { processId: this.#options.processId(), taskNames, limit };
  }

  async #goOn(plan: FetchPlan, limit: number, after: QueuePlace): Promise<Look> {
    const { connection, schemas } = this.#options;
    // A look from the start has far to go, and the others would wait for it.
    const isShort = after === this.#front.arrived(this.#ground);
    const askedAtMs = performance.now();
    const inTurn = isShort && this.#turns.areTaken(askedAtMs);
    const request = { ...this.#request(plan.open, limit), after, inTurn };
    const fetched = await fetchPlainJobs(connection, schemas, request);
    const nowMs = performance.now();
    if (inTurn) this.#turns.fetched(nowMs - askedAtMs, nowMs);
    else this.#others.fetched(nowMs - askedAtMs);
    this.#front.wentOn(after, fetched, { askedAtMs, nowMs });
    const { jobs } = fetched;
    // Fewer than asked for means to the caller that nothing is left: this statement can't tell.
    if (jobs.length === limit) return { jobs, leftBehind: false };
    this.#front.forget();
    // What the first statement has locked must reach the caller, whatever becomes of the second.
    const rest = await this.#lookFromStart(plan, limit - jobs.length).catch((error): Look => {
      this.#untold = { error };
      return nothing;
    });
    return { ...rest, jobs: jobs.concat(rest.jobs).sort(byPriority) };
  }

  async #fetchCanary({ task, names }: PlannedTask, plan: FetchPlan): Promise<QueueJob[]> {
    const { db, schemas, gates, processId } = this.#options;
    const job = await fetchCanary(db, schemas, {
      processId: processId(),
      taskNames: names,
      task: task.name,
      pausedQueues: plan.pausedQueues,
      leaseMs: gates.leaseMs,
    });
    if (job === null) return [];
    gates.takeCanary(job, task);
    return [job];
  }

  /** The reply of a statement may have been lost and have left locks: whoever calls must hear. */
  #tell(): void {
    const untold = this.#untold;
    this.#untold = null;
    if (untold !== null) throw untold.error;
  }
}
