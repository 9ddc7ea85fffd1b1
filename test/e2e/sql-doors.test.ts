/** What people reach with psql alone: the function that adds jobs and the view that shows them. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { longestPayload } from "../../src/core/payload-json.ts";
import { settlePlain } from "../../src/store/queue/settle.ts";
import { settleOthers } from "../../src/store/queue/settle-others.ts";
import { completed, ended, type QueueKit, queueKit } from "../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

describe("taskrun.add_job", () => {
  const addRaw = (call: string) => q.db.query(`select taskrun.add_job(${call}) as id`);

  test("with a name alone queues a job with an empty payload, due now", async () => {
    const { rows } = await addRaw("'greet'");
    expect(await q.kit.job(rows[0].id)).toMatchObject({
      task: "greet",
      payload: {},
      state: "pending",
      priority: 0,
      attempts: 0,
      max_attempts: 25,
      queue: null,
      key: null,
    });
  });

  test("null for the payload or the options is the same as leaving them out", async () => {
    const { rows } = await addRaw("'greet', null, null");
    expect(await q.kit.job(rows[0].id)).toMatchObject({ payload: {}, state: "pending" });
  });

  test("takes each option", async () => {
    const id = await q.add({
      run_at: "2099-01-02T03:04:05Z",
      priority: "high",
      queue: "line",
      key: "k",
      key_mode: "preserve_run_at",
      max_attempts: 3,
      flags: ["gpu"],
      correlation_id: "c",
      created_by: "ada",
      parent_id: 5,
      metadata: { a: 1 },
    });
    expect(await q.kit.job(id)).toMatchObject({
      state: "scheduled",
      run_at: new Date("2099-01-02T03:04:05Z"),
      priority: -10,
      queue: "line",
      key: "k",
      max_attempts: 3,
      correlation_id: "c",
      created_by: "ada",
      parent_id: "5",
      metadata: { a: 1 },
    });
    expect(await q.row(id)).toMatchObject({ flags: { gpu: true } });
  });

  const delays: [delay: unknown, seconds: number][] = [
    [90_000, 90],
    [1500.5, 1.5005],
    ["90 seconds", 90],
    ["1 hour 30 minutes", 5400],
    [0, 0],
  ];
  test.each(delays)("takes the delay %j", async (delay, seconds) => {
    const id = await q.add({ delay });
    const { rows } = await q.db.query(
      `select extract(epoch from run_at - created_at)::float8 as seconds
       from graphile_worker._private_jobs where id = $1`,
      [id],
    );
    expect(rows[0].seconds).toBeCloseTo(seconds, 3);
  });

  const priorities: [given: unknown, number: number][] = [
    ["critical", -100],
    ["high", -10],
    ["normal", 0],
    ["low", 10],
    [-32_768, -32_768],
    [32_767, 32_767],
  ];
  test.each(priorities)("takes the priority %j", async (priority, number) => {
    expect(await q.row(await q.add({ priority }))).toMatchObject({ priority: number });
  });

  const refused: [options: unknown, message: RegExp][] = [
    [{ prio: 1, kind: 2 }, /unknown option 'kind', 'prio'/],
    [[], /options must be a JSON object, got array/],
    ["high", /options must be a JSON object, got string/],
    [{ priority: "urgent" }, /priority "urgent" is not a name or integer/],
    [{ priority: 40_000 }, /priority 40000 is not a name or integer/],
    [{ run_at: "2099-01-01", delay: 5 }, /give run_at or delay, not both/],
    [{ delay: "soon" }, /delay is "soon", expected a duration/],
    [{ run_at: "tomorrowish" }, /run_at is "tomorrowish", expected a moment/],
    [{ run_at: "2099-99-99" }, /run_at is "2099-99-99", expected a moment/],
    [{ run_at: "infinity" }, /run_at is "infinity", expected a moment .* before the year 10000/],
    [{ run_at: "-infinity" }, /run_at is "-infinity", expected a moment/],
    [{ run_at: "NaN" }, /run_at is "NaN", expected a moment/],
    [{ run_at: "10000-01-01" }, /run_at is "10000-01-01", expected a moment/],
    [{ run_at: "0044-03-15 BC" }, /run_at is "0044-03-15 BC", expected a moment/],
    [{ run_at: "2030-01-01 Foo/Bar" }, /run_at is "2030-01-01 Foo\/Bar", expected a moment/],
    [{ run_at: 1e300 }, /run_at is 1000+\.\.\. \(301 characters\), expected a moment/],
    [{ run_at: "" }, /run_at is "", expected a moment/],
    [{ delay: "infinity" }, /delay is "infinity", expected a duration/],
    [{ delay: "NaN" }, /delay is "NaN", expected a duration/],
    [{ delay: 1e300 }, /delay is 1000+\.\.\. \(301 characters\), expected a duration/],
    [{ delay: 1e15 }, /delay is 1000000000000000, expected .* before the year 10000/],
    [{ delay: -1 }, /delay is -1, expected a duration/],
    [{ key: "k".repeat(513) }, /key is "k+\.\.\. \(515 characters\), expected text of 1 to 512/],
    [{ key: 5 }, /key is 5, expected text of 1 to 512 characters/],
    [{ queue: "" }, /queue is "", expected text of 1 to 128 characters/],
    [{ queue: ["a"] }, /queue is \["a"\], expected text of 1 to 128 characters/],
    [{ correlation_id: {} }, /correlation_id is {}, expected text of 1 to 10000 characters/],
    [{ correlation_id: "" }, /correlation_id is "", expected text of 1 to 10000/],
    [{ created_by: "c".repeat(10_001) }, /created_by is "c+\.\.\. \(10003 characters\), expected/],
    [{ max_attempts: 0 }, /max_attempts is 0, expected a whole number from 1 to 32767/],
    [{ max_attempts: 2.5 }, /max_attempts is 2.5, expected a whole number/],
    [{ key: "k", key_mode: "sometimes" }, /key_mode is "sometimes", expected "replace"/],
    [{ key: "" }, /key is "", expected text of 1 to 512 characters/],
    [{ queue: "q".repeat(200) }, /queue is "q+\.\.\. \(202 characters\), expected text of 1/],
    [{ flags: "gpu" }, /flags is "gpu", expected an array of names/],
    [{ flags: [1] }, /flags is \[1\], expected an array of names/],
    [{ metadata: [1] }, /metadata is \[1\], expected an object/],
    [{ parent_id: "x" }, /parent_id is "x", expected the id of a job/],
    [{ validate: "no" }, /validate is "no", expected true or false/],
    [{ timeout: 0 }, /timeout is 0, expected a duration like "30s"/],
    [{ timeout: true }, /timeout is true, expected/],
    [{ timeout: "-3s" }, /timeout is "-3s", expected/],
    [{ timeout: "soon" }, /timeout is "soon", expected/],
    [{ timeout: "9999 years" }, /timeout is "9999 years", expected/],
    [{ after: 5 }, /after is 5, expected an array of the ids of jobs/],
    [{ after: [1, "x"] }, /after is \[1, "x"\], expected an array of the ids/],
    [{ after: [1.5] }, /after is \[1.5\], expected an array of the ids/],
    [{ after: [[1]] }, /after is \[\[1\]\], expected an array of the ids/],
    [{ after: [1], on_parent_failure: "go" }, /on_parent_failure is "go", expected "cancel"/],
    [{ on_parent_failure: 1 }, /on_parent_failure is 1, expected "cancel"/],
    [{ retry: 3 }, /retry is 3, expected an object like/],
    [{ retry: { type: "fibonacci" } }, /retry\.type is "fibonacci", expected "exponential"/],
    [{ retry: { type: 1 } }, /retry\.type is 1, expected/],
    [{ retry_strategy: { type: "FIXED" } }, /retry_strategy\.type is "FIXED", expected/],
    [{ retry_strategy: { type: "fixed" } }, /retry_strategy\.interval_ms is missing/],
    [{ retry: { type: "linear", base_delay_ms: 1 } }, /retry\.increment_ms is missing/],
    [{ retry: { type: "fixed", interval_ms: "1s" } }, /retry\.interval_ms is "1s", expected/],
    [{ retry: { type: "fixed", interval_ms: -1 } }, /retry\.interval_ms is -1, expected/],
    [{ retry: { strategy: "doubling" } }, /retry\.strategy is "doubling", expected/],
    [{ retry: { baseDelay: "1 hour" } }, /retry\.baseDelay is "1 hour", expected a duration/],
    [{ retry: { factor: 0.5 } }, /retry\.factor is 0.5, expected a number of at least 1/],
    [{ retry: { jitter: 2 } }, /retry\.jitter is 2, expected a number from 0 to 1/],
    [{ retry: { maxAttempts: 0 } }, /retry\.maxAttempts is 0, expected a whole number/],
    [{ retry: { max_attempts: 5 } }, /retry has the unknown field 'max_attempts'/],
    [{ retry: {}, retry_strategy: {} }, /give retry or retry_strategy, not both/],
  ];
  test.each(refused)("refuses %j, alone and in a list", async (options, message) => {
    const call = q.add(options as Record<string, unknown>);
    await expect(call).rejects.toMatchObject({
      message: expect.stringMatching(message),
      code: "22023",
      hint: expect.stringMatching(/\.$/),
    });
    const list = JSON.stringify([{ task: "good" }, { task: "bad", options }]);
    await expect(q.db.query("select taskrun.add_jobs($1)", [list])).rejects.toMatchObject({
      message: expect.stringMatching(/^taskrun\.add_jobs: job 2 of the list: /),
      code: "22023",
    });
    const { rows } = await q.db.query("select 1 from graphile_worker._private_jobs");
    expect(rows).toEqual([]);
  });

  const names: [task: string | null, what: string][] = [
    ["", "the task's name is empty"],
    [null, "the task's name is null"],
    [
      "t".repeat(129),
      `the task's name has 129 characters: '${"t".repeat(60)}... (129 characters)'`,
    ],
  ];
  test.each(names)("refuses the task's name %j", async (task, what) => {
    await expect(q.db.query("select taskrun.add_job($1)", [task])).rejects.toMatchObject({
      message: `taskrun.add_job: ${what}`,
      code: "22023",
      hint: "Give a name of 1 to 128 characters.",
    });
    const list = JSON.stringify([{ task: "good" }, { task }]);
    const refusal = { message: expect.stringMatching(/job 2 of the list/), code: "22023" };
    await expect(q.db.query("select taskrun.add_jobs($1)", [list])).rejects.toMatchObject(refusal);
  });

  test("takes a name of 128 characters of any kind", async () => {
    const { rows } = await addRaw(`'${"💥".repeat(64)}${"é".repeat(64)}'`);
    expect(rows).toHaveLength(1);
  });

  test("takes payloads as large as the client does, and says of a larger one how large", async () => {
    const add = (payload: unknown) =>
      q.db.query("select taskrun.add_job('t', $1)", [JSON.stringify(payload)]);
    const numbers = Array(4_999_999).fill(1);
    expect(JSON.stringify(numbers)).toHaveLength(longestPayload - 1);
    await add(numbers);
    await add("x".repeat(longestPayload - 2));
    const refusal = {
      message: `taskrun.add_job: the payload for t has 10000001 characters of JSON, more than 10000000`,
      hint: expect.stringMatching(/^Put it into a table or a file/),
      code: "22023",
    };
    await expect(add([...numbers, 1])).rejects.toMatchObject(refusal);
    const list = JSON.stringify([
      { task: "t" },
      { task: "t", payload: "x".repeat(longestPayload) },
    ]);
    await expect(q.db.query("select taskrun.add_jobs($1)", [list])).rejects.toMatchObject({
      message: expect.stringMatching(
        /job 2 of the list: the payload for t has 10000002 characters/,
      ),
    });
    // A few bytes in the database, a hundred thousand digits for whoever reads them.
    const digits = `[${Array(200).fill("1e100000").join(",")}]`;
    await expect(q.db.query("select taskrun.add_job('t', $1)", [digits])).rejects.toMatchObject({
      message: expect.stringMatching(/the payload for t has 20000\d+ characters/),
    });
  });

  test("a job of a list that only the calendar can refuse is refused with its place", async () => {
    const list = [{ task: "a" }, { task: "b", options: { run_at: "2030-02-30T00:00:00Z" } }];
    await expect(
      q.db.query("select taskrun.add_jobs($1)", [JSON.stringify(list)]),
    ).rejects.toMatchObject({
      message: expect.stringMatching(
        /job 2 of the list: run_at is "2030-02-30T00:00:00Z", expected/,
      ),
      hint: "Correct the option 'run_at'.",
    });
  });

  test("numbers for what is text are kept as text", async () => {
    const id = await q.add({ correlation_id: 17, created_by: 4 });
    expect(await q.kit.job(id)).toMatchObject({ correlation_id: "17", created_by: "4" });
  });

  const long = "x".repeat(200_000);
  const refusedShort: [what: string, options: unknown, message: RegExp][] = [
    ["option", { [long]: 1 }, /unknown option 'x{60}\.\.\. \(200000 characters\)'$/],
    [
      "list of options",
      Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`no${n}`, n])),
      /unknown option 'no0', .* and 85 more$/,
    ],
    ["priority", { priority: long }, /priority "x{59}\.\.\. \(200002 characters\) is not a name/],
    ["nested value", { priority: { a: [long] } }, /priority {"a": .*\(200011 characters\) is not/],
    ["field", { retry: { [long]: 1 } }, /unknown field 'x{60}\.\.\. \(200000 characters\)'$/],
    ["type", { retry: { type: long } }, /retry\.type is "x+\.\.\. \(200002 characters\), expected/],
    ["key mode", { key_mode: long }, /key_mode is "x+\.\.\. \(200002 characters\), expected/],
    ["moment", { run_at: long }, /run_at is "x+\.\.\. \(200002 characters\), expected/],
    ["list", { after: [long] }, /after is \["x+\.\.\. \(200004 characters\), expected/],
  ];
  test.each(refusedShort)("tells of a very long %s its start and its length", async (...given) => {
    const [, options, message] = given;
    // why: what SQL lets one write
    const said = await q.add(options as Record<string, unknown>).then(String, (e) => e.message);
    expect(said).toMatch(message);
    expect(said.length).toBeLessThan(400);
  });

  test("belongs to the caller's transaction", async () => {
    const client = await q.db.connect();
    await client.query("begin");
    await client.query("select taskrun.add_job('t', '{}', '{\"metadata\": {\"a\": 1}}')");
    await client.query("rollback");
    client.release();
    const { rows } = await q.db.query(
      "select 1 from taskrun.jobs union all select 1 from taskrun.job_details",
    );
    expect(rows).toEqual([]);
  });

  test("a second add with a key replaces the waiting job, and what was said about it", async () => {
    const first = await q.add({ key: "k", metadata: { a: 1 }, correlation_id: "old" }, { n: 1 });
    const second = await q.add({ key: "k", metadata: { b: 2 } }, { n: 2 });
    expect(second).toBe(first);
    expect(await q.kit.job(first)).toMatchObject({
      payload: { n: 2 },
      metadata: { b: 2 },
      correlation_id: null,
    });
  });

  const kept: [options: Record<string, unknown>, details: Record<string, unknown>][] = [
    [{ timeout: "2m" }, { timeout_ms: 120_000, retry: null }],
    [{ timeout: "1.5s" }, { timeout_ms: 1500 }],
    [{ timeout: 250 }, { timeout_ms: 250 }],
    [{ timeout: false }, { timeout_ms: 0 }],
    [{ retry: { strategy: "fixed", baseDelay: "1h30m" } }, { timeout_ms: null }],
    [{ retry_strategy: { type: "Fixed", interval_ms: 5 } }, { timeout_ms: null }],
  ];
  test.each(kept)("keeps %j with the job, alone and in a list", async (options, details) => {
    const retry = options.retry ?? options.retry_strategy ?? null;
    const alone = await q.add(options);
    const list = [{ task: "t", options }];
    const { rows } = await q.db.query("select taskrun.add_jobs($1) as id", [JSON.stringify(list)]);
    for (const id of [alone, rows[0].id]) {
      expect(await detailsOf(id)).toMatchObject({ ...details, retry });
    }
  });

  const detailsOf = async (id: string) => {
    const found = await q.db.query("select * from taskrun.job_details where job_id = $1", [id]);
    return found.rows[0];
  };

  const attempts: [options: Record<string, unknown>, maxAttempts: number][] = [
    [{ retry: { maxAttempts: 7 } }, 7],
    [{ retry_strategy: { type: "fixed", interval_ms: 5, max_attempts: 9 } }, 9],
    [{ retry: { maxAttempts: 7 }, max_attempts: 2 }, 2],
    [{ retry: { baseDelay: "1s" } }, 25],
  ];
  test.each(attempts)("%j gives it %i attempts", async (options, maxAttempts) => {
    expect(await q.row(await q.add(options))).toMatchObject({ max_attempts: maxAttempts });
  });

  test("a replaced job keeps nothing of what was said about it before", async () => {
    const options = { key: "k", retry: { maxAttempts: 4 }, timeout: "1s", created_by: "ada" };
    const lone = (more: object) => q.add({ key: "k", ...more });
    const listed = (more: object) =>
      q.db.query("select taskrun.add_jobs($1)", [
        JSON.stringify([{ task: "t", options: { key: "k", ...more } }]),
      ]);
    for (const add of [lone, listed]) {
      const id = await q.add(options);
      await q.db.query(
        `insert into taskrun.steps (job_id, name, attempt, started_at) values ($1, 's', 1, now())`,
        [id],
      );
      await add({});
      expect(await detailsOf(id)).toBeUndefined();
      await add({ timeout: false });
      expect(await detailsOf(id)).toMatchObject({ timeout_ms: 0, retry: null, created_by: null });
      const { rows } = await q.db.query("select 1 from taskrun.steps where job_id = $1", [id]);
      expect(rows).toEqual([]);
    }
  });

  test("a job that unsafe_dedupe leaves in place keeps all that was said about it", async () => {
    const id = await q.add({ key: "k", timeout: "1s" });
    expect(await q.add({ key: "k", key_mode: "unsafe_dedupe", timeout: "9s" })).toBe(id);
    expect(await detailsOf(id)).toMatchObject({ timeout_ms: 1000 });
  });

  test("callers that fight over a key all get a job", async () => {
    for (let round = 0; round < 10; round += 1) {
      const key = `k${round}`;
      const adds = [1, 2, 3].map(() => q.add({ key }));
      const [jobs, ...ids] = await Promise.all([q.take("p"), ...adds]);
      for (const id of ids) expect(id).toMatch(/^\d+$/);
      for (const job of jobs) await settlePlain(q.db, q.schemas, [completed(job)]);
    }
  });
});

describe("taskrun.jobs", () => {
  const stateOf = async (id: string) => (await q.kit.job(id))?.state;

  test("shows each state", async () => {
    const scheduled = await q.add({ delay: "1 hour" });
    const running = await q.add();
    await q.take("p");
    const settled: Record<string, string> = {};
    for (const state of ["retrying", "snoozed", "cancelled", "failed"] as const) {
      settled[state] = await q.add();
      const [job] = await q.take("p");
      if (job === undefined) throw new Error("a job was due");
      await settleOthers(q.db, q.schemas, [ended(job, state, { delayMs: 60_000 })]);
    }
    const done = await q.add();
    const [job] = await q.take("p");
    if (job !== undefined) await settlePlain(q.db, q.schemas, [completed(job)]);
    const pending = await q.add();
    const { retrying = "", snoozed = "", cancelled = "", failed = "" } = settled;
    const ids = { pending, scheduled, running, retrying, snoozed, cancelled, failed, done };
    const states: Record<string, string | undefined> = {};
    for (const [name, id] of Object.entries(ids)) states[name] = await stateOf(id);
    expect(states).toEqual({
      pending: "pending",
      scheduled: "scheduled",
      running: "running",
      retrying: "retrying",
      snoozed: "scheduled",
      cancelled: "cancelled",
      failed: "failed",
      done: "completed",
    });
    const { rows } = await q.db.query("select count(*)::int as n from taskrun.jobs");
    expect(rows).toEqual([{ n: 8 }]);
  });

  test("a payload that jsonb refuses is shown as text, and hides no other row", async () => {
    const odd = `{"s": "a\\u0000b"}`;
    const fine = await q.add({}, { s: "caf\u00e9 \\u0041" });
    const { rows: added } = await q.db.query(
      "select id from graphile_worker.add_job('t', $1::text::json)",
      [odd],
    );
    const payloads = async () => {
      const { rows } = await q.db.query("select id, payload from taskrun.jobs order by id");
      return rows;
    };
    const expected = [
      { id: fine, payload: { s: "caf\u00e9 \\u0041" } },
      { id: added[0].id, payload: odd },
    ];
    expect(await payloads()).toEqual(expected);
    const jobs = await q.take("p");
    await settlePlain(
      q.db,
      q.schemas,
      jobs.map((job) => completed(job)),
    );
    expect(await payloads()).toEqual(expected);
  });
});
