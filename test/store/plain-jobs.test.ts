import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addPlainJobs } from "../../src/store/plain-jobs.ts";
import { type QueueKit, queueKit } from "../support/queue-kit.ts";

let queue: QueueKit;

beforeAll(async () => {
  queue = await queueKit();
});

afterAll(() => queue.stop());

type Options = Readonly<Record<string, unknown>>;

interface Given {
  readonly task: string;
  readonly payload: unknown;
  readonly options: Options;
}

function addPlain(jobs: readonly Given[]): Promise<string[]> {
  const plain = jobs.map(({ task, payload, options }) => ({
    kind: { json: JSON.stringify({ task, ...options }) },
    payloadJson: JSON.stringify(payload),
  }));
  return addPlainJobs(queue.db, queue.schemas, plain);
}

async function addOneByOne(jobs: readonly Given[]): Promise<string[]> {
  const ids: string[] = [];
  for (const { task, payload, options } of jobs) ids.push(await queue.add(options, payload, task));
  return ids;
}

/** All that is written of the jobs, but for when and under which id it was. */
async function written(ids: readonly (string | undefined)[]) {
  const { rows } = await queue.db.query(
    `select t.identifier as task, q.queue_name, j.payload::jsonb as payload, j.priority, j.attempts,
       j.max_attempts, j.last_error, j.key, j.revision, j.flags, j.locked_at, j.is_available,
       case when j.run_at < '2029-01-01' then round(extract(epoch from j.run_at - j.created_at)) end
         as later,
       case when j.run_at > '2029-01-01' then j.run_at end as run_at,
       d.correlation_id, d.created_by, d.parent_id, d.metadata, d.retry, d.timeout_ms, d.progress,
       d.ending, d.blocked_run_at, d.job_id is not null as has_details
     from unnest($1::bigint[]) with ordinality as given (id, place)
     left join graphile_worker._private_jobs j on j.id = given.id
     left join graphile_worker._private_tasks t on t.id = j.task_id
     left join graphile_worker._private_job_queues q on q.id = j.job_queue_id
     left join taskrun.job_details d on d.job_id = given.id
     order by place`,
    [ids],
  );
  return rows;
}

const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });

const options = fc.record({
  priority: maybe(fc.integer({ min: -32_768, max: 32_767 })),
  queue: maybe(fc.constantFrom("q1", "q 2", 'q"3')),
  max_attempts: maybe(fc.integer({ min: 1, max: 32_767 })),
  run_at: maybe(fc.constant("2030-01-31T08:00:00Z")),
  correlation_id: maybe(fc.constantFrom("c", "é \\ \"'{}")),
  created_by: maybe(fc.constant("ann")),
  parent_id: maybe(fc.constantFrom("17", 18)),
  metadata: maybe(fc.constantFrom({}, { a: [1, null, "ü"] })),
  retry: maybe(fc.constantFrom({ baseDelay: "1s" }, { strategy: "fixed", jitter: 0 })),
  timeout: maybe(fc.constantFrom(false, 1500)),
  validate: maybe(fc.constant(false)),
});
const withDelay = fc.record({ delay: fc.integer({ min: 60_000, max: 10_000_000 }) });
const job = fc.record({
  task: fc.constantFrom("t", "mail", "with space", "it's"),
  payload: fc.jsonValue({ depthSize: "small" }).filter((value) => !hasUnstorable(value)),
  options: fc.oneof({ weight: 4, arbitrary: options }, withDelay),
});

function hasUnstorable(value: unknown): boolean {
  const text = JSON.stringify(value);
  return text.includes("\\u0000") || !text.isWellFormed() || /\\ud[89a-f]/i.test(text);
}

test("writes what add_job writes of each, whatever they are and however alike", async () => {
  const property = fc.asyncProperty(
    fc.array(job, { minLength: 1, maxLength: 12 }),
    async (list) => {
      const ids = await addPlain(list);
      expect(new Set(ids).size).toBe(list.length);
      expect(await written(ids)).toEqual(await written(await addOneByOne(list)));
    },
  );
  await fc.assert(property, { numRuns: 60 });
}, 120_000);

test("writes one job that has nothing but its row as it writes it among others", async () => {
  const row = fc.record({
    task: fc.constantFrom("t", "with space", "it's"),
    payload: fc.jsonValue({ depthSize: "small" }).filter((value) => !hasUnstorable(value)),
    options: fc.record(
      {
        priority: fc.integer({ min: -32_768, max: 32_767 }),
        max_attempts: fc.integer({ min: 1, max: 32_767 }),
        validate: fc.constant(false),
      },
      { requiredKeys: ["validate"] },
    ),
  });
  const property = fc.asyncProperty(row, async (job) => {
    const [alone] = await addPlain([job]);
    const [first, second] = await addPlain([job, job]);
    expect(await written([alone, alone])).toEqual(await written([first, second]));
  });
  await fc.assert(property, { numRuns: 40 });
  const [unknown] = await addPlain([
    { task: "never named before", payload: 1, options: { validate: false } },
  ]);
  expect(await written([unknown])).toMatchObject([{ task: "never named before", payload: 1 }]);
});

test("gives ids that rise in the order of the list, each its own job's", async () => {
  const list = Array.from({ length: 5000 }, (_, n) => ({
    task: `t${n % 7}`,
    payload: { n },
    options: n % 3 === 0 ? { priority: n % 5 } : { correlation_id: `c${n % 11}` },
  }));
  const ids = await addPlain(list);
  const numbers = ids.map(Number);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  const rows = await written(ids);
  expect(rows.map(({ payload, priority, task }) => ({ payload, priority, task }))).toEqual(
    list.map(({ payload, options, task }) => ({
      payload,
      priority: "priority" in options ? options.priority : 0,
      task,
    })),
  );
  expect(rows.map(({ correlation_id }) => correlation_id ?? undefined)).toEqual(
    list.map(({ options }) => ("correlation_id" in options ? options.correlation_id : undefined)),
  );
});

test("tells those who listen how many have come", async () => {
  const listener = await queue.db.connect();
  try {
    await listener.query('listen "jobs:insert"');
    const heard = new Promise<string>((resolve) =>
      listener.on("notification", ({ payload }) => resolve(payload ?? "")),
    );
    await addPlain([1, 2, 3].map((payload) => ({ task: "t", payload, options: {} })));
    expect(JSON.parse(await heard)).toEqual({ r: expect.any(Number), count: 3 });
    const next = new Promise<string>((resolve) =>
      listener.on("notification", ({ payload }) => resolve(payload ?? "")),
    );
    await addPlain([{ task: "t", payload: 1, options: { validate: false } }]);
    expect(JSON.parse(await next)).toEqual({ r: expect.any(Number), count: 1 });
  } finally {
    listener.release(true);
  }
});

test("adds all or none, and names tasks and queues once however many add at the same time", async () => {
  const count = async () => {
    const { rows } = await queue.db.query(
      `select count(*)::int as count from graphile_worker._private_jobs`,
    );
    return rows[0].count;
  };
  const before = await count();
  const broken = addPlain([
    { task: "t", payload: 1, options: {} },
    { task: "t", payload: 2, options: { priority: 99_999 } },
  ]);
  await expect(broken).rejects.toMatchObject({ code: "22003" });
  expect(await count()).toBe(before);
  const all = Array.from({ length: 20 }, (_, n) =>
    addPlain([{ task: `new ${n % 2}`, payload: n, options: { queue: `new ${n % 3}` } }]),
  );
  const rows = await written((await Promise.all(all)).flat());
  expect(rows.map(({ task, queue_name }) => [task, queue_name])).toEqual(
    Array.from({ length: 20 }, (_, n) => [`new ${n % 2}`, `new ${n % 3}`]),
  );
});

test("refuses a payload by the schema that was published, with its place", async () => {
  await queue.db.query(
    `insert into taskrun.tasks (name, task, payload_schema)
     values ('strict', 'strict', '{"type": "object"}')`,
  );
  const list = (options: Options) => [
    { task: "t", payload: 1, options: {} },
    { task: "strict", payload: 5, options },
  ];
  await expect(addPlain(list({}))).rejects.toThrow(
    "taskrun.add_jobs: job 2 of the list: the payload for strict is wrong at $: ",
  );
  expect(await addPlain(list({ validate: false }))).toHaveLength(2);
});

test("who may call add_jobs may call it, with the same rights, from the migration on", async () => {
  const role = `plain_${process.pid}`;
  const { db } = queue;
  const signature = "taskrun.add_plain_jobs(jsonb, integer[], json)";
  const file = new URL("../../src/store/migrations/0020-plain-jobs.sql", import.meta.url);
  const sql = readFileSync(file, "utf8")
    .replaceAll(":QUEUE", '"graphile_worker"')
    .replaceAll(":OWN", '"taskrun"');
  const { rows: may } = await db.query("select rolcreaterole from pg_roles where rolname = user");
  const client = await db.connect();
  try {
    await client.query("begin");
    await client.query(`drop function ${signature};
      drop function taskrun.write_plain_details(bigint[], jsonb, integer[]);
      alter function taskrun.add_jobs(jsonb) security definer set search_path = pg_catalog, pg_temp;
      revoke execute on function taskrun.add_jobs(jsonb) from public`);
    if (may[0].rolcreaterole) {
      await client.query(`create role ${role};
        grant execute on function taskrun.add_jobs(jsonb) to ${role}`);
    }
    await client.query(sql);
    const { rows } = await client.query(
      `select prosecdef, proconfig, has_function_privilege('public', oid, 'execute') as public
       from pg_proc where oid = $1::regprocedure`,
      [signature],
    );
    expect(rows[0]).toEqual({
      prosecdef: true,
      proconfig: ["search_path=pg_catalog, pg_temp"],
      public: false,
    });
    if (may[0].rolcreaterole) {
      const { rows: granted } = await client.query(
        "select has_function_privilege($1, $2, 'execute') as granted",
        [role, signature],
      );
      expect(granted[0].granted).toBe(true);
    }
  } finally {
    await client.query("rollback");
    client.release();
  }
});
