/** Limits by key as three processes keep them together, on jobs that SQL alone has added. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, countLocks, type Signal, signal, testRuntime } from "../support/test-runtime.ts";

const toEnd: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

interface Payload {
  readonly tenant: string;
}

const byTenant = (payload: unknown) => (payload as Payload).tenant;

/**
 * What handlers see: who runs, since when, and in which order jobs ended. Of a tenant that
 * `together` names, no job ends before so many have run at once.
 */
class Observed {
  readonly running = new Map<string, number>();
  readonly most = new Map<string, number>();
  readonly startedAt = new Map<string, number[]>();
  readonly ended: string[] = [];
  readonly #expected: number;
  readonly #together: Readonly<Record<string, number>>;
  readonly #atOnce = new Map<string, Signal>();
  readonly all = signal();

  constructor(expected: number, together: Readonly<Record<string, number>> = {}) {
    this.#expected = expected;
    this.#together = together;
  }

  async run(tenant: string, work: () => Promise<unknown>): Promise<void> {
    this.startedAt.set(tenant, [...(this.startedAt.get(tenant) ?? []), performance.now()]);
    const running = (this.running.get(tenant) ?? 0) + 1;
    this.running.set(tenant, running);
    this.most.set(tenant, Math.max(running, this.most.get(tenant) ?? 0));
    const atOnce = this.#atOnce.get(tenant) ?? signal();
    this.#atOnce.set(tenant, atOnce);
    if (running >= (this.#together[tenant] ?? 1)) atOnce.resolve();
    await atOnce.promise;
    await work();
    this.running.set(tenant, (this.running.get(tenant) ?? 0) - 1);
    this.ended.push(tenant);
    if (this.ended.length === this.#expected) this.all.resolve();
  }

  /** The largest number of starts in any span of so many milliseconds. */
  busiest(tenant: string, spanMs: number): number {
    const times = this.startedAt.get(tenant) ?? [];
    return Math.max(
      ...times.map((from) => times.filter((at) => at >= from && at < from + spanMs).length),
    );
  }
}

async function kitWith(tasks: Record<string, unknown>): Promise<TestRuntime> {
  const kit = await testRuntime(tasks, { concurrency: 8, pollIntervalMs: 200 });
  toEnd.push(() => kit.stop());
  return kit;
}

function processes(kit: TestRuntime, count: number, more = {}): Runtime[] {
  return Array.from({ length: count }, () => {
    const runtime = kit.createRuntime(more);
    toEnd.push(() => runtime.stop());
    return runtime;
  });
}

async function addMany(
  kit: TestRuntime,
  tenant: string,
  count: number,
  queue: string | null = null,
) {
  await kit.db.query(
    `select count(*) from (select graphile_worker.add_job('call',
       json_build_object('tenant', $1::text), queue_name := $3)
     from generate_series(1, $2::int)) jobs`,
    [tenant, count, queue],
  );
}

test("no more of a key run at once than its limit allows, and all are done", async () => {
  const seen = new Observed(240, { a: 3, b: 3, c: 3, d: 3 });
  const handler = (payload: unknown) => seen.run(byTenant(payload), () => sleep(3));
  const kit = await kitWith({ call: { limit: { key: byTenant, concurrency: 3 }, handler } });
  const fleet = processes(kit, 3);
  for (const tenant of ["a", "b", "c", "d"]) await addMany(kit, tenant, 30);
  await Promise.all(fleet.map((runtime) => runtime.start()));
  for (const tenant of ["a", "b", "c", "d"]) await addMany(kit, tenant, 30);
  await seen.all.promise;
  expect([...seen.most.values()]).toEqual([3, 3, 3, 3]);
  await Promise.all(fleet.map((runtime) => runtime.stop()));
  expect(await countLocks(kit)).toBe(0);
});

test("a tenant with many jobs doesn't hold up one with few", async () => {
  const seen = new Observed(603);
  const lightAdded = signal();
  const work = () => lightAdded.promise.then(() => sleep(5));
  const handler = (payload: unknown) => seen.run(byTenant(payload), work);
  const kit = await kitWith({ call: { limit: { key: byTenant, concurrency: 6 }, handler } });
  await addMany(kit, "heavy", 600);
  const [runtime] = processes(kit, 1);
  await runtime?.start();
  await addMany(kit, "light", 3);
  lightAdded.resolve();
  await seen.all.promise;
  const place = seen.ended.lastIndexOf("light") - seen.ended.indexOf("light");
  expect(place).toBeLessThan(40);
  expect(seen.ended.lastIndexOf("light")).toBeLessThan(500);
});

test("in no span of the rate's length more jobs of a key start than it allows", async () => {
  const seen = new Observed(60);
  const handler = (payload: unknown) => seen.run(byTenant(payload), () => sleep(0));
  const limit = { key: byTenant, rate: { max: 5, per: 150 } };
  const kit = await kitWith({ call: { limit, handler } });
  for (const tenant of ["a", "b", "c"]) await addMany(kit, tenant, 20);
  const fleet = processes(kit, 3);
  const startedAt = performance.now();
  await Promise.all(fleet.map((runtime) => runtime.start()));
  await seen.all.promise;
  for (const tenant of ["a", "b", "c"]) expect(seen.busiest(tenant, 150)).toBeLessThanOrEqual(5);
  expect(performance.now() - startedAt).toBeGreaterThan(450);
});

test("a serial queue and a limit hold together", async () => {
  const seen = new Observed(40, { a: 2 });
  const one = new Observed(40);
  const handler = (payload: unknown, ctx: { queue: string | null }) =>
    seen.run(byTenant(payload), () => one.run(ctx.queue ?? "none", () => sleep(2)));
  const kit = await kitWith({ call: { limit: { key: byTenant, concurrency: 2 }, handler } });
  await addMany(kit, "a", 10, "line");
  await addMany(kit, "a", 10);
  await addMany(kit, "b", 20, "line");
  await Promise.all(processes(kit, 3).map((runtime) => runtime.start()));
  await seen.all.promise;
  expect(one.most.get("line")).toBe(1);
  expect(seen.most.get("a")).toBe(2);
});

test("jobs of a process that stops go back, and others run them within the limit", async () => {
  const running = signal();
  const release = signal();
  const seen = new Observed(4, { a: 2 });
  let stopping = true;
  const handler = async (payload: unknown) => {
    if (!stopping) return seen.run(byTenant(payload), () => sleep(1));
    running.resolve();
    await release.promise;
  };
  const kit = await kitWith({ call: { limit: { key: byTenant, concurrency: 2 }, handler } });
  await addMany(kit, "a", 4);
  const [first, second] = processes(kit, 2, { shutdownGraceMs: 0, shutdownDeadlineMs: 0 });
  await first?.start();
  await running.promise;
  await first?.stop();
  stopping = false;
  await second?.start();
  await seen.all.promise;
  expect(seen.most.get("a")).toBe(2);
  release.resolve();
});

test("jobs of a process that died count until they are rescued", async () => {
  const seen = new Observed(2);
  const handler = (payload: unknown) => seen.run(byTenant(payload), () => sleep(1));
  const kit = await kitWith({ call: { limit: { key: byTenant, concurrency: 1 }, handler } });
  const ids = [await addBySql(kit, "call", { tenant: "a" })];
  await kit.db.query(
    `with dead as (
       insert into taskrun.processes (id, host, pid, version) values ('dead', 'elsewhere', 1, '0')
     ), keyed as (
       insert into taskrun.limit_keys (job_id, task, key, lane, priority, run_at, revision, taken)
       select id, 'call', '=a', 0, priority, run_at, revision, true
       from graphile_worker._private_jobs
     )
     update graphile_worker._private_jobs set locked_by = 'dead', locked_at = now(), attempts = 1`,
  );
  ids.push(await addBySql(kit, "call", { tenant: "a" }));
  const [runtime] = processes(kit, 1, { heartbeatIntervalMs: 100 });
  if (runtime === undefined) throw new Error("no process");
  await runtime.start();
  for (;;) {
    const ended = [...seen.ended];
    const { rows } = await kit.db.query("select dead_at from taskrun.processes where id = 'dead'");
    if (rows[0].dead_at !== null) break;
    expect(ended).toEqual([]);
    await sleep(20);
  }
  await seen.all.promise;
  expect(seen.most.get("a")).toBe(1);
});

test("a drain does all that limits hold one behind the other", async () => {
  const seen = new Observed(30);
  const handler = (payload: unknown) => seen.run(byTenant(payload), () => sleep(0));
  const kit = await kitWith({ call: { limit: { key: byTenant, concurrency: 1 }, handler } });
  await addMany(kit, "a", 30);
  expect(await kit.drain()).toMatchObject({ completed: 30 });
  expect(seen.most.get("a")).toBe(1);
});
