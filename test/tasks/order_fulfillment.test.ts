/** What the example task order_fulfillment promises, on a real database. */

import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import orderFulfillment from "../../tasks/order_fulfillment.ts";
import sendEmail from "../../tasks/send_email.ts";
import { heard, type ProjectDatabase, projectDatabase } from "../support/project-database.ts";
import { signal, testRuntime } from "../support/test-runtime.ts";

const order = {
  orderId: "A-17",
  customer: "ann",
  email: "ann@example.com",
  country: "DE",
  items: [
    { sku: "mug", quantity: 2, cents: 900 },
    { sku: "tea", quantity: 1, cents: 450 },
  ],
};

interface Queries {
  query(text: string): Promise<{ rows: Record<string, unknown>[] }>;
}

/** The shop's tables with 5 mugs, 5 teas and 100 euros of Ann's; made by an order that fails. */
async function stock(db: Queries & ProjectDatabase["pool"]): Promise<void> {
  await runTask(orderFulfillment, { ...order, orderId: "first" }, { pool: db });
  await db.query(`insert into shop_stock values ('mug', 5), ('tea', 5)`);
  await db.query(`insert into shop_credit values ('ann', 10000)`);
}

async function shop(db: Queries) {
  const { rows } = await db.query(
    `select (select json_object_agg(sku, available) from shop_stock) as stock,
       (select cents from shop_credit where customer = 'ann') as credit,
       (select count(*)::int from shop_holds) as holds,
       (select count(*)::int from shop_payments) as payments,
       (select count(*)::int from shop_shipments) as shipments`,
  );
  return rows[0];
}

const untouched = {
  stock: { mug: 5, tea: 5 },
  credit: 10_000,
  holds: 0,
  payments: 0,
  shipments: 0,
};

describe("in the testing kit", () => {
  let project: ProjectDatabase;

  beforeEach(async () => {
    project = await projectDatabase();
    await stock(project.pool);
  });
  afterEach(() => project.stop());

  const fulfil = (payload: object = {}, more: object = {}) =>
    runTask(orderFulfillment, { ...order, ...payload }, { pool: project.pool, ...more });

  test("an order is held, paid, shipped, and the customer told", async () => {
    const { output, enqueued, steps } = await fulfil();
    expect(output).toEqual({ orderId: "A-17", cents: 2250, tracking: "dhl-A-17" });
    expect(await shop(project.pool)).toEqual({
      stock: { mug: 3, tea: 4 },
      credit: 7750,
      holds: 2,
      payments: 1,
      shipments: 1,
    });
    expect(steps.map(({ name }) => name)).toEqual([
      "hold inventory",
      "charge payment",
      "create shipment",
      "notify",
    ]);
    expect(enqueued).toMatchObject([
      { task: "send_email", payload: { to: "ann@example.com" }, options: { key: "shipped:A-17" } },
    ]);
  });

  test("an order that is run twice has its effects once", async () => {
    await fulfil();
    const after = await shop(project.pool);
    expect((await fulfil()).outcome.state).toBe("completed");
    expect(await shop(project.pool)).toEqual(after);
  });

  test.each([
    [
      "goods that are not there",
      { items: [order.items[1], { sku: "mug", quantity: 6, cents: 1 }] },
      "of mug there are 5, not 6",
      [],
    ],
    [
      "a payment that is declined",
      { items: [{ sku: "mug", quantity: 5, cents: 9000 }] },
      "the payment of 45000 cents by ann was declined",
      ["hold inventory"],
    ],
    [
      "a country that no carrier goes to",
      { country: "AQ" },
      "no carrier goes to AQ",
      ["hold inventory", "charge payment"],
    ],
  ])("%s leave the shop as it was, and the customer told why", async (_, change, reason, done) => {
    const { outcome, enqueued, steps } = await fulfil(change);
    expect(outcome).toMatchObject({ state: "failed", error: { message: reason } });
    expect(await shop(project.pool)).toEqual(untouched);
    expect(steps.map(({ name, compensated }) => [name, compensated])).toEqual(
      done.map((name) => [name, true]),
    );
    expect(enqueued).toMatchObject([
      { payload: { body: expect.stringContaining(reason) }, options: { key: "failed:A-17" } },
    ]);
  });

  test("a database that fails for a moment costs an attempt, and no step is run again", async () => {
    let broken = true;
    const pool = heard(project.pool, (text) => {
      if (broken && text.includes("shop_shipments (")) {
        broken = false;
        throw Object.assign(new Error("terminating connection"), { code: "57P01" });
      }
    });
    const first = await fulfil({}, { pool });
    expect(first.outcome.state).toBe("retrying");
    const { outcome } = await fulfil({}, { pool, attempt: 2, steps: first.steps });
    expect(outcome.state).toBe("completed");
    expect(await shop(project.pool)).toMatchObject({ credit: 7750, holds: 2, shipments: 1 });
  });

  test("a payload that makes no sense fails at once, and nobody is told", async () => {
    const { outcome, enqueued } = await fulfil({ items: [], orderId: 7 });
    expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
    expect(enqueued).toEqual([]);
  });
});

test("in a process: cancelled while the payment is made, all is undone and the job cancelled", async () => {
  const told = signal();
  const fulfillment: typeof orderFulfillment = {
    ...orderFulfillment,
    handler(payload, ctx) {
      ctx.signal.addEventListener("abort", () => told.resolve());
      return orderFulfillment.handler(payload, ctx);
    },
  };
  await using kit = await testRuntime({ order_fulfillment: fulfillment, send_email: sendEmail });
  await stock(kit.db);
  const { id } = await kit.enqueue("order_fulfillment", order);
  const paying = signal();
  // Somebody else is at Ann's account: the payment has to wait.
  const other = await kit.db.connect();
  await other.query("begin; select from shop_credit for update");
  const runtime = kit.createRuntime({ pollIntervalMs: 50 });
  await runtime.start();
  const waiting = setInterval(async () => {
    const { rowCount } = await kit.db.query("select from taskrun.steps where job_id = $1", [id]);
    if (rowCount === 1) paying.resolve();
  }, 20);
  await paying.promise;
  clearInterval(waiting);
  await kit.db.query("select taskrun.cancel_job($1, 'ordered by mistake')", [id]);
  // The process hears of it while the payment waits: else it might be done before.
  await told.promise;
  await other.query("commit");
  other.release();
  let job = await kit.job(id);
  while (job?.state !== "cancelled") job = await kit.job(id);
  await runtime.stop();
  expect(job.error).toContain("ordered by mistake");
  expect(await shop(kit.db)).toEqual(untouched);
  expect(await kit.enqueued("send_email")).toEqual([]);
});
