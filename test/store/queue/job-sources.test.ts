import { afterAll, beforeAll, expect, test } from "vitest";
import { seedHistory } from "../../../bench/support/seed-history.ts";
import type { JobFilter } from "../../../src/store/job-filter.ts";
import { listJobPage } from "../../../src/store/jobs.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { plannedPool } from "../../support/query-plans.ts";
import { testRuntime } from "../../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
const hourMs = 3_600_000;
const ago = (hours: number): Date => new Date(Date.now() - hours * hourMs);
let kit: TestRuntime;

beforeAll(async () => {
  kit = await testRuntime({});
  await seedHistory(kit.db, { history: 50_000, queued: 10_000 });
  await kit.db.query("analyze");
}, 120_000);
afterAll(() => kit.stop());

const filters: readonly JobFilter[] = [
  {},
  { before: "30000" },
  { task: "task-1" },
  { task: "rare" },
  { task: "nobody" },
  { queue: "serial-4" },
  { queue: "serial-7", state: "failed" },
  { correlationId: "order-5" },
  { correlationId: "order-5", state: "completed" },
  { since: ago(1) },
  { since: ago(13), until: ago(12) },
  { since: ago(13), until: ago(12), state: "failed" },
  { until: ago(12) },
  { state: "failed" },
  { state: "failed", task: "rare" },
  { state: "cancelled" },
  { state: "completed", task: "task-20" },
  { state: "pending" },
  { state: "retrying" },
  { state: "blocked" },
  { payload: [{ path: ["n"], value: "77" }] },
  { payload: [{ path: ["n"], value: "77" }], since: ago(13), until: ago(12) },
];

test.for(filters)(
  "%j finds what the view shows, and nowhere reads a whole table",
  async (filter) => {
    const { db, scans } = plannedPool(kit.db);
    const { jobs } = await listJobPage(db, schemas, filter, { budgetMs: Number.POSITIVE_INFINITY });
    expect(jobs.map(({ id }) => id)).toEqual(await idsInView(filter));
    expect(scans.size).toBeGreaterThan(1);
    expect([...scans].filter((scan) => /^Seq Scan (history|_private_jobs)$/.test(scan))).toEqual(
      [],
    );
  },
);

test("pages that have no time find the same one after the other", async () => {
  const filter: JobFilter = { task: "rare", limit: 500 };
  const ids: string[] = [];
  let before: string | undefined;
  for (let pages = 0; pages < 1_000; pages += 1) {
    const more = before === undefined ? filter : { ...filter, before };
    const { jobs, searchedTo } = await listJobPage(kit.db, schemas, more, { budgetMs: 0 });
    ids.push(...jobs.map(({ id }) => id));
    if (searchedTo === null) break;
    expect(BigInt(searchedTo.before) < BigInt(before ?? "60001")).toBe(true);
    expect(searchedTo.at).toBeInstanceOf(Date);
    before = searchedTo.before;
  }
  expect(ids).toEqual(await idsInView({ task: "rare" }));
});

/** By the view alone, which reads everything. */
async function idsInView(filter: JobFilter): Promise<string[]> {
  const { before, state, task, queue, correlationId, since, until, payload } = filter;
  const { rows } = await kit.db.query<{ id: string }>(
    `select id::text from taskrun.jobs
     where ($1::bigint is null or id < $1) and ($2::text is null or state = $2)
       and ($3::text is null or task = $3) and ($4::text is null or queue = $4)
       and ($5::text is null or correlation_id = $5)
       and ($6::timestamptz is null or coalesce(finished_at, created_at) >= $6)
       and ($7::timestamptz is null or coalesce(finished_at, created_at) < $7)
       and ($8::text is null or payload ->> 'n' = $8)
     order by jobs.id desc limit 50`,
    [before, state, task, queue, correlationId, since, until, payload?.[0]?.value],
  );
  return rows.map(({ id }) => id);
}
