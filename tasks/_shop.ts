/**
 * A small shop in the database the jobs are in: stock, customers' credit, shipments. Each
 * function can be called again for the same order and has its effect once: a step may run twice,
 * when its process dies after the work and before that is written down.
 */

import { BusinessLogicError, type TaskContext } from "taskrun";

export interface Item {
  sku: string;
  quantity: number;
}

/** Makes the shop's tables when they are missing. */
export async function openShop(ctx: TaskContext): Promise<void> {
  const { rows } = await ctx.query<{ found: boolean }>(
    "select to_regclass('shop_shipments') is not null as found",
  );
  if (rows[0]?.found) return;
  // Two jobs at once would both find none. Sent together these are one transaction, which the
  // lock lasts for.
  await ctx.query(
    `select pg_advisory_xact_lock(hashtext('shop'));
     create table if not exists shop_stock (
       sku text primary key,
       available integer not null check (available >= 0)
     );
     create table if not exists shop_holds (
       order_id text not null,
       sku text not null references shop_stock,
       quantity integer not null check (quantity > 0),
       primary key (order_id, sku)
     );
     create table if not exists shop_credit (
       customer text primary key,
       cents integer not null check (cents >= 0)
     );
     create table if not exists shop_payments (
       order_id text primary key,
       customer text not null references shop_credit,
       cents integer not null,
       paid_at timestamptz not null default now()
     );
     create table if not exists shop_shipments (
       order_id text primary key,
       country text not null,
       tracking text not null,
       created_at timestamptz not null default now()
     )`,
  );
}

/** Takes all items off the shelf, or none. */
export async function holdStock(ctx: TaskContext, orderId: string, items: readonly Item[]) {
  await ctx.withPgClient(async (client) => {
    await client.query("begin");
    try {
      // Always in the same order, so that two orders never wait for each other.
      for (const { sku, quantity } of items.toSorted((a, b) => (a.sku < b.sku ? -1 : 1))) {
        const { rows } = await client.query<{ available: number }>(
          "select available from shop_stock where sku = $1 for update",
          [sku],
        );
        const { rowCount: isHeld } = await client.query(
          "select from shop_holds where order_id = $1 and sku = $2",
          [orderId, sku],
        );
        if (isHeld) continue;
        const available = rows[0]?.available ?? 0;
        if (available < quantity) {
          throw new BusinessLogicError(`of ${sku} there are ${available}, not ${quantity}`);
        }
        await client.query(
          `with held as (
             insert into shop_holds (order_id, sku, quantity) values ($1, $2, $3)
           )
           update shop_stock set available = available - $3 where sku = $2`,
          [orderId, sku, quantity],
        );
      }
      await client.query("commit");
    } catch (error) {
      await client.query("rollback");
      throw error;
    }
  });
}

/** Puts back what is held for the order. */
export async function releaseStock(ctx: TaskContext, orderId: string): Promise<void> {
  await ctx.query(
    `with released as (
       delete from shop_holds where order_id = $1 returning sku, quantity
     )
     update shop_stock set available = available + quantity
     from released where shop_stock.sku = released.sku`,
    [orderId],
  );
}

export async function charge(ctx: TaskContext, orderId: string, customer: string, cents: number) {
  const { rowCount: isPaid } = await ctx.query(
    `with account as (
       update shop_credit set cents = cents - $3
       where customer = $2 and cents >= $3
         and not exists (select from shop_payments where order_id = $1)
       returning customer
     )
     insert into shop_payments (order_id, customer, cents)
     select $1, customer, $3 from account`,
    [orderId, customer, cents],
  );
  if (isPaid) return;
  const { rowCount: wasPaid } = await ctx.query("select from shop_payments where order_id = $1", [
    orderId,
  ]);
  if (wasPaid) return;
  throw new BusinessLogicError(`the payment of ${cents} cents by ${customer} was declined`);
}

export async function refund(ctx: TaskContext, orderId: string): Promise<void> {
  await ctx.query(
    `with refunded as (
       delete from shop_payments where order_id = $1 returning customer, cents
     )
     update shop_credit set cents = shop_credit.cents + refunded.cents
     from refunded where shop_credit.customer = refunded.customer`,
    [orderId],
  );
}

const carriers: Readonly<Record<string, string>> = { AT: "post", CH: "post", DE: "dhl" };

/** Returns the tracking number. */
export async function ship(ctx: TaskContext, orderId: string, country: string): Promise<string> {
  const carrier = carriers[country];
  if (carrier === undefined) throw new BusinessLogicError(`no carrier goes to ${country}`);
  const { rows } = await ctx.query<{ tracking: string }>(
    `insert into shop_shipments (order_id, country, tracking) values ($1, $2, $3)
     on conflict (order_id) do update set tracking = shop_shipments.tracking returning tracking`,
    [orderId, country, `${carrier}-${orderId}`],
  );
  return rows[0]?.tracking ?? "";
}

export async function cancelShipment(ctx: TaskContext, orderId: string): Promise<void> {
  await ctx.query("delete from shop_shipments where order_id = $1", [orderId]);
}
