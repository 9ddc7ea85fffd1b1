/**
 * A database, a project whose tasks note each of their runs in a table, and processes that work
 * on it. After the fault the ledger tells what became of every job that was accepted.
 */

import { randomUUID } from "node:crypto";
import pg from "pg";
import { onTestFinished } from "vitest";
import { migrate } from "../../../src/store/migrate.ts";
import { pause } from "../../../src/store/transient.ts";
import { type CliOptions, RunningCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";
import type { OwnServer } from "./own-server.ts";

export interface Ledger {
  readonly jobsIn: number;
  /** Those with exactly one record of their end. */
  readonly done: number;
  /** Neither ended nor in the queue any more. */
  readonly lost: number;
  /** Runs beyond the first of each job. */
  readonly doubled: number;
}

/** Waits until the gate, a file, is there, and that long. */
const waiting = `import { existsSync } from "node:fs";
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const wait = async ({ ms = 50, gate }) => {
  while (gate !== undefined && !existsSync(gate)) await pause(50);
  await pause(ms);
};`;

/** Uses no database itself. */
const quietTask = `${waiting}
export default wait;`;

/** Notes its run before it waits, and its end after that. */
const workTask = `${waiting}
export default async (payload, ctx) => {
  await ctx.query("insert into runs (job_id, pid, attempt) values ($1, $2, $3)", [
    ctx.jobId, process.pid, ctx.attempt,
  ]);
  await wait(payload);
  await ctx.query("update runs set ended_at = clock_timestamp() where job_id = $1 and pid = $2", [
    ctx.jobId, process.pid,
  ]);
  return { job: ctx.jobId };
};`;

export interface LabOptions {
  readonly tasks?: Readonly<Record<string, string>>;
  /** Default: a database on the run's server. */
  readonly server?: OwnServer;
}

export interface ProcessOptions extends Pick<CliOptions, "nodeFlags" | "within" | "env"> {
  /** Another way to the database. */
  readonly url?: string;
  readonly flags?: readonly string[];
}

export class FaultLab implements AsyncDisposable {
  readonly url: string;
  readonly db: pg.Pool;
  readonly project: TaskProject;
  readonly #close: () => Promise<void>;
  readonly #processes: RunningCli[] = [];
  #closing: Promise<void> | null = null;

  private constructor(url: string, project: TaskProject, close: () => Promise<void>) {
    this.url = url;
    this.project = project;
    this.#close = close;
    this.db = new pg.Pool({
      connectionString: url,
      max: 3,
      connectionTimeoutMillis: 5_000,
      query_timeout: 60_000,
    });
    this.db.on("error", () => {});
  }

  /** Closed with the test at the latest: one that runs into its limit never leaves its scope. */
  static async open({ tasks = {}, server }: LabOptions = {}): Promise<FaultLab> {
    const project = await TaskProject.of({
      "tasks/work.ts": workTask,
      "tasks/quiet.ts": quietTask,
      ...tasks,
    });
    const database = server === undefined ? await createTestDatabase() : undefined;
    const url = server?.url ?? database?.url ?? "";
    await migrate(url, { schema: "graphile_worker" });
    const lab = new FaultLab(url, project, async () => database?.drop());
    onTestFinished(() => lab[Symbol.asyncDispose]());
    await lab.db.query(
      `create table runs (job_id bigint, pid int, attempt int,
         began_at timestamptz not null default clock_timestamp(), ended_at timestamptz)`,
    );
    return lab;
  }

  /** Starts `taskrun run` with these flags. */
  spawn(...flags: string[]): RunningCli {
    return this.spawnWith({ flags });
  }

  spawnWith({ url = this.url, flags = [], env = {}, ...options }: ProcessOptions): RunningCli {
    // Who replaces what was killed must not do so for ever.
    if (this.#closing !== null) throw new Error("the lab is closed");
    const cli = new RunningCli(["run", ...flags], {
      ...options,
      cwd: this.project.dir,
      env: {
        DATABASE_URL: url,
        TASKRUN_LOG_LEVEL: "info",
        TASKRUN_LOG_FORMAT: "json",
        ...env,
      },
    });
    this.#processes.push(cli);
    return cli;
  }

  /** Starts `taskrun run` with these flags; resolves when it takes jobs. */
  async start(...flags: string[]): Promise<RunningCli> {
    return this.startWith({ flags });
  }

  async startWith(options: ProcessOptions): Promise<RunningCli> {
    const cli = this.spawnWith(options);
    await this.untilItWorks(cli);
    return cli;
  }

  /** Resolves when the process takes jobs. */
  async untilItWorks(cli: RunningCli): Promise<void> {
    let over = false;
    void cli.ended.then(() => {
      over = true;
    });
    const registered = () =>
      this.holds("exists (select 1 from taskrun.processes where pid = $1)", [cli.child.pid ?? 0]);
    // What it says last of its start.
    while (!(cli.stderr.includes("at a time") && (await registered()))) {
      if (over) throw new Error(`the process ended at once: ${JSON.stringify(await cli.ended)}`);
      await pause(20);
    }
  }

  /** Adds jobs by SQL alone, as a trigger would; they are accepted when this resolves. */
  async add(
    task: string,
    count: number,
    payload: object = {},
    more = "",
  ): Promise<readonly string[]> {
    const { rows } = await this.db.query(
      `select (graphile_worker.add_job($1, $2::json${more && `, ${more}`})).id
       from generate_series(1, $3::int)`,
      [task, JSON.stringify(payload), count],
    );
    return rows.map((row) => row.id);
  }

  /** Holds back the jobs that have its path in their payload, as `gate`, until it is opened. */
  gate(): { readonly path: string; open(): Promise<void> } {
    const name = `gate-${randomUUID()}`;
    return { path: this.project.path(name), open: () => this.project.write(name, "") };
  }

  /** Resolves when so many attempts run, and the heartbeats have told so. */
  untilRunning(count: number): Promise<void> {
    return this.until(
      `(select coalesce(sum(cardinality(running)), 0) from taskrun.processes
         where dead_at is null) = $1`,
      [count],
    );
  }

  /** The first row of a question. */
  async ask<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row> {
    const { rows } = await this.db.query<Row>(text, values);
    const [row] = rows;
    if (row === undefined) throw new Error(`no row: ${text}`);
    return row;
  }

  /** Resolves when the condition, a boolean expression of SQL, holds. */
  async until(condition: string, values: unknown[] = []): Promise<void> {
    while (!(await this.holds(condition, values))) await pause(20);
  }

  /** False also while the server is away: nobody can tell then. */
  holds(condition: string, values: unknown[] = []): Promise<boolean> {
    // Of a server that is frozen it is asked again.
    const soon = { query_timeout: 10_000 };
    return this.db
      .query({ text: `select (${condition}) as holds`, values, ...soon })
      .then(({ rows }) => rows[0].holds === true)
      .catch(() => false);
  }

  /** Resolves when no job is left but those that failed for good. */
  untilDone(): Promise<void> {
    return this.until(
      `not exists (select 1 from graphile_worker._private_jobs
         where attempts < max_attempts or locked_at is not null)`,
    );
  }

  /** What became of those jobs. */
  async ledger(ids: readonly string[]): Promise<Ledger> {
    const row = await this.ask<{ done: number; lost: number; doubled: number }>(
      `with accepted as (select unnest($1::bigint[]) as id),
       ended as (select job_id, count(*) as records from taskrun.history group by 1),
       ran as (select job_id, count(*) as runs from runs group by 1)
       select count(*) filter (where ended.records = 1)::int as done,
         count(*) filter (where ended.job_id is null and not exists (
           select 1 from graphile_worker._private_jobs j where j.id = accepted.id))::int as lost,
         coalesce(sum(greatest(ran.runs - 1, 0)), 0)::int as doubled
       from accepted
       left join ended on ended.job_id = accepted.id
       left join ran on ran.job_id = accepted.id`,
      [ids],
    );
    return { jobsIn: ids.length, ...row };
  }

  /** Ends every process as its supervisor would. */
  async stopAll(): Promise<void> {
    for (const cli of this.#processes) cli.kill("SIGTERM");
    await Promise.all(this.#processes.map(({ ended }) => ended));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (const cli of this.#processes) await cli[Symbol.asyncDispose]();
    await this.db.end().catch(() => {});
    await this.#close();
    await this.project[Symbol.asyncDispose]();
  }
}
