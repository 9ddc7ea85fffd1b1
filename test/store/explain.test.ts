import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ResolvedConfig } from "../../src/config/resolved-config.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { type Explanation, explainJob } from "../../src/store/explain.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, type Signal, signal, testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
const moment = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(.+\)`;

let kit: TestRuntime;
let runtime: Runtime | null;
let started: Signal<string>;
let release: Signal;

beforeEach(async () => {
  started = signal<string>();
  release = signal();
  runtime = null;
  kit = await testRuntime({
    hold: {
      timeout: false,
      handler: async (
        _: unknown,
        ctx: { jobId: string; progress(done: number, total: number): void },
      ) => {
        ctx.progress(3, 9);
        started.resolve(ctx.jobId);
        await release.promise;
      },
    },
    limited: {
      limit: { key: (payload: { tenant: string }) => payload.tenant, concurrency: 1 },
      handler: async (_: unknown, ctx: { jobId: string }) => {
        started.resolve(ctx.jobId);
        await release.promise;
      },
    },
    fragile: {
      breaker: { failures: 2, successes: 1, openFor: "10m" },
      retry: { strategy: "fixed", baseDelay: 0, jitter: 0 },
      handler: async () => {
        throw new Error("refused");
      },
    },
    greet: async () => "hello",
    fail: {
      retry: { strategy: "fixed", baseDelay: "1h", jitter: 0 },
      handler: async () => {
        throw new Error("no luck\nat all");
      },
    },
    broken: async () => {
      throw new Error("PERMANENT: broken");
    },
    give_up: async (_: unknown, ctx: { cancel(reason: string): unknown }) => ctx.cancel("too late"),
  });
});

afterEach(async () => {
  release.resolve();
  await runtime?.stop();
  await kit.stop();
});

async function start(config: Partial<ResolvedConfig> = {}): Promise<Runtime> {
  runtime = kit.createRuntime(config);
  await runtime.start();
  return runtime;
}

async function explain(id: string): Promise<Explanation> {
  const explanation = await explainJob(kit.db, schemas, id);
  if (explanation === null) throw new Error(`there is no job ${id}`);
  return explanation;
}

function saying(sentence: string): unknown {
  return expect.stringMatching(new RegExp(`^${sentence}\\.$`));
}

/** Every way into a situation, by SQL alone, and what is said of the job then. */
const situations: Record<string, () => Promise<[id: string, expected: object]>> = {
  completed: async () => {
    const id = await addBySql(kit, "greet");
    await kit.drain();
    return [
      id,
      {
        state: "completed",
        reason: "completed",
        sentence: saying(`It completed at ${moment}, after \\d.* in attempt 1`),
      },
    ];
  },
  cancelled: async () => {
    const id = await addBySql(kit, "give_up");
    await kit.drain();
    const sentence = saying(`It was cancelled at ${moment}: "too late"`);
    return [id, { state: "cancelled", reason: "cancelled", sentence }];
  },
  "failed and removed from the queue": async () => {
    const id = await addBySql(kit, "broken");
    await kit.drain();
    await kit.db.query("delete from graphile_worker._private_jobs where id = $1", [id]);
    return [id, { state: "failed", reason: "failed", sentence: saying(".*has left the queue") }];
  },
  running: async () => {
    const id = await addBySql(kit, "hold");
    const { processId } = await start();
    await started.promise;
    const since = `in the process ${processId} on .+, pid ${process.pid}, since ${moment}`;
    return [
      id,
      {
        state: "running",
        reason: "running",
        sentence: saying(`It is running, attempt 1 of 25, ${since}(; it has reported 3 of 9)?`),
        facts: expect.objectContaining({ process: processId, attempt: 1 }),
      },
    ];
  },
  "held by a process that fell silent": async () => {
    const id = await addBySql(kit, "greet");
    await kit.db.query(
      `insert into taskrun.processes (id, host, pid, version, beat_at)
       values ('taskrun-1', 'here', 1, '0', now() - interval '2 h')`,
    );
    await kit.db.query(
      `update graphile_worker._private_jobs set locked_at = now(), locked_by = 'taskrun-1',
       attempts = 1`,
    );
    const silent = "which fell silent 2h ago; another running process gives it away";
    const sentence = saying(`It is held by the process taskrun-1, ${silent}`);
    return [id, { state: "running", reason: "held-by-silent-process", sentence }];
  },
  "held by a plain graphile-worker process": async () => {
    const id = await addBySql(kit, "greet");
    await kit.db.query(
      `update graphile_worker._private_jobs set locked_at = now(), locked_by = 'worker-1',
       attempts = 1`,
    );
    const sentence = saying(
      `It is running, attempt 1 of 25, in the process worker-1, since ${moment}`,
    );
    return [id, { state: "running", reason: "running", sentence }];
  },
  "being cancelled while it runs": async () => {
    const id = await addBySql(kit, "hold");
    await start();
    await started.promise;
    await kit.db.query(
      `insert into taskrun.cancellations (job_id, reason, requested_by)
       values ($1, 'wrong order', 'ada')`,
      [id],
    );
    const sentence = saying(
      'It is being cancelled, as asked for by ada \\("wrong order"\\): it still runs in .+',
    );
    return [id, { state: "running", reason: "cancelling", sentence }];
  },
  "about to compensate": async () => {
    const id = await addBySql(kit, "greet");
    await kit.db.query("insert into taskrun.job_details (job_id, ending) values ($1, $2)", [
      id,
      { state: "cancelled", error: null, reason: "wrong order" },
    ]);
    const sentence = saying(
      'It ends as cancelled \\("wrong order"\\) once its steps are compensated; ' +
        "that goes on now, after 0 attempts",
    );
    return [id, { state: "retrying", reason: "compensating", sentence }];
  },
  "blocked by its parents": async () => {
    const first = await addBySql(kit, "greet");
    const second = await addBySql(kit, "broken", {}, "run_at => now() + interval '1 h'");
    const { rows } = await kit.db.query("select taskrun.add_job('greet', '{}', $1) as id", [
      { after: [first, second] },
    ]);
    const [{ id }] = rows;
    const sentence = saying(
      `It is blocked: it waits for 2 jobs to end: ${first} \\(greet, pending\\), ` +
        `${second} \\(broken, scheduled\\)`,
    );
    return [id, { state: "blocked", reason: "blocked", sentence }];
  },
  "attempts exhausted": async () => {
    const id = await addBySql(kit, "fail", {}, "max_attempts => 1");
    await kit.drain();
    const sentence = saying(
      `It has failed for good: its one attempt is used up, the last one ended at ${moment}, ` +
        `with "no luck"; \`taskrun retry ${id}\` makes it due again`,
    );
    return [id, { state: "failed", reason: "attempts-exhausted", sentence }];
  },
  "a permanent error": async () => {
    const id = await addBySql(kit, "broken");
    await kit.drain();
    const sentence = saying(
      "It has failed for good in attempt 1 of 25, since its error was permanent " +
        `\\(by the rule message-prefix\\): it ended at ${moment}, with "PERMANENT: broken"; .*`,
    );
    return [id, { state: "failed", reason: "attempts-exhausted", sentence }];
  },
  "attempts exhausted by a plain graphile-worker process": async () => {
    const id = await addBySql(kit, "fail");
    await kit.db.query(
      "update graphile_worker._private_jobs set attempts = max_attempts, last_error = 'theirs'",
    );
    const sentence = saying('.*all 25 attempts are used up, the last one ended, with "theirs"; .*');
    return [id, { state: "failed", reason: "attempts-exhausted", sentence }];
  },
  "paused by somebody": async () => {
    const id = await addBySql(kit, "greet");
    await kit.db.query("select taskrun.pause('task', 'greet', 'ada', 'deploy')");
    await start();
    const sentence = saying(
      `It waits since the task greet was paused by ada at ${moment} \\("deploy"\\)`,
    );
    return [id, { state: "pending", reason: "paused", sentence }];
  },
  "its queue paused": async () => {
    const id = await addBySql(kit, "greet", {}, "queue_name => 'mail'");
    await kit.db.query("select taskrun.pause('queue', 'mail', null)");
    await start();
    const sentence = saying(`It waits since the queue mail was paused at ${moment}`);
    return [id, { state: "pending", reason: "paused", sentence }];
  },
  "everything paused, and due later": async () => {
    const id = await addBySql(kit, "greet", {}, "run_at => now() + interval '1 h'");
    await kit.db.query("select taskrun.pause('all', paused_by => 'bob')");
    const sentence = saying(
      `It waits since everything was paused by bob at ${moment}; it would be due at ${moment}`,
    );
    return [id, { state: "scheduled", reason: "paused", sentence }];
  },
  "breaker open": async () => {
    const id = await addBySql(kit, "fragile");
    await kit.drain();
    await start();
    const sentence = saying(
      `It waits since the breaker of fragile is open until ${moment}, ` +
        'after 2 failures in a row, the last one "refused"',
    );
    const facts = expect.objectContaining({ task: "fragile", failures: 2 });
    return [id, { state: "retrying", reason: "breaker-open", sentence, facts }];
  },
  "breaker half open": async () => {
    const id = await addBySql(kit, "greet");
    await kit.db.query(
      `insert into taskrun.breakers (task, state, canary_process)
       values ('greet', 'half_open', 'taskrun-2')`,
    );
    const sentence = saying(
      "It waits since the breaker of greet is half open: one job at a time is let through; " +
        "that one runs in the process taskrun-2",
    );
    return [id, { state: "pending", reason: "breaker-half-open", sentence }];
  },
  scheduled: async () => {
    const id = await addBySql(kit, "greet", {}, "run_at => now() + interval '90 min'");
    await start();
    const sentence = saying("It is scheduled: due at .+Z \\(in 1h (30|29)m\\)");
    return [id, { state: "scheduled", reason: "scheduled", sentence }];
  },
  "scheduled, with nobody there": async () => {
    const id = await addBySql(kit, "greet", {}, "run_at => now() + interval '90 min'");
    const sentence = saying(`It is scheduled: due at ${moment}; no process is running at present`);
    return [id, { state: "scheduled", reason: "scheduled", sentence }];
  },
  "never due": async () => {
    const id = await addBySql(kit, "greet", {}, "run_at => 'infinity'");
    const sentence = saying("It is never due: its run_at is infinity");
    return [id, { state: "scheduled", reason: "scheduled", sentence }];
  },
  retrying: async () => {
    const id = await addBySql(kit, "fail");
    await kit.drain();
    await start();
    const sentence = saying(
      'It is retrying: attempt 1 of 25 failed with "no luck", and the next one is due at ' +
        `.+Z \\(in (5m|4m \\d+s)\\)`,
    );
    return [id, { state: "retrying", reason: "retrying", sentence }];
  },
  "serial queue busy": async () => {
    const holder = await addBySql(kit, "hold", {}, "queue_name => 'mail'");
    const id = await addBySql(kit, "greet", {}, "queue_name => 'mail', priority => -5");
    await kit.db.query("update graphile_worker._private_jobs set priority = -9 where id = $1", [
      holder,
    ]);
    await start();
    expect(await started.promise).toBe(holder);
    const sentence = saying(
      "It waits since the jobs of the queue mail run one at a time, and " +
        `job ${holder} of it runs in the process taskrun-.+ since ${moment}`,
    );
    const facts = expect.objectContaining({ queue: "mail", running: holder });
    return [id, { state: "pending", reason: "queue-busy", sentence, facts }];
  },
  "serial queue with another job first": async () => {
    const first = await addBySql(kit, "hold", {}, "queue_name => 'mail'");
    const id = await addBySql(kit, "greet", {}, "queue_name => 'mail'");
    const sentence = saying(
      "It waits since the jobs of the queue mail run one at a time, and " +
        `job ${first} comes first; no process is running at present`,
    );
    return [id, { state: "pending", reason: "queue-busy", sentence }];
  },
  "no process at all": async () => {
    const id = await addBySql(kit, "greet");
    const sentence = saying("It waits since no taskrun process is running");
    return [id, { state: "pending", reason: "no-process", sentence }];
  },
  "no process with the task": async () => {
    const id = await addBySql(kit, "gret");
    await start();
    // It says which tasks it has shortly after its start.
    while ((await explain(id)).reason === "waiting");
    const sentence = saying(
      "It waits since the running process doesn't have the task gret, though there is greet",
    );
    return [id, { state: "pending", reason: "no-task", sentence }];
  },
  "at the limit of its key": async () => {
    const first = await addBySql(kit, "limited", { tenant: "acme" });
    const id = await addBySql(kit, "limited", { tenant: "acme" });
    await start();
    expect(await started.promise).toBe(first);
    // Its key is read with the first look that finds it due.
    while ((await explain(id)).reason === "waiting");
    const sentence = saying(
      `It waits for the limit of limited on jobs of the key "acme": 1 job of it runs \\(${first}\\)`,
    );
    return [id, { state: "pending", reason: "key-limit", sentence }];
  },
  "waiting its turn": async () => {
    await addBySql(kit, "hold", {}, "priority => -5");
    await addBySql(kit, "greet", {}, "priority => 3");
    const id = await addBySql(kit, "greet", {}, "priority => 3");
    await addBySql(kit, "greet", {}, "priority => 4");
    await start({ concurrency: 1 });
    await started.promise;
    const sentence = saying(
      `It is due since ${moment} and waits its turn: 1 due job comes before it ` +
        "\\(its priority is 3\\), and 1 running process has its task",
    );
    return [id, { state: "pending", reason: "waiting", sentence }];
  },
};

describe("explain tells the true reason of a job that is", () => {
  for (const [name, arrange] of Object.entries(situations)) {
    test(name, async () => {
      const [id, expected] = await arrange();
      const explanation = await explain(id);
      expect(explanation).toMatchObject({ id, ...expected });
      expect(explanation.state).toBe((await kit.job(id))?.state);
    });
  }
});

test("there is nothing to say of a job that isn't there", async () => {
  expect(await explainJob(kit.db, schemas, "99")).toBeNull();
});

test("a job that was retried by hand is told by what it is now", async () => {
  const id = await addBySql(kit, "broken");
  await kit.drain();
  await kit.db.query(
    "update graphile_worker._private_jobs set attempts = 0, run_at = now() + interval '1 h'",
  );
  expect(await explain(id)).toMatchObject({ state: "scheduled", reason: "scheduled" });
});
