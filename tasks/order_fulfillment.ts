/**
 * Fulfils an order in steps: holds the goods, takes the payment, ships, tells the customer. When
 * one fails for good, or the job is cancelled, the ones before are undone: the shipment is called
 * off, the payment refunded, the goods go back on the shelf.
 */

import { defineTask } from "taskrun";
import { z } from "zod";
import {
  cancelShipment,
  charge,
  holdStock,
  openShop,
  refund,
  releaseStock,
  ship,
} from "./_shop.ts";

const item = z.object({
  sku: z.string().min(1).max(100),
  quantity: z.int().positive().max(1000),
  cents: z.int().positive(),
});

export default defineTask({
  description: "Fulfils an order; when a step fails for good, undoes those before.",
  payload: z.object({
    orderId: z.string().regex(/^[\w-]{1,64}$/),
    customer: z.string().min(1),
    email: z.email({ pattern: z.regexes.html5Email }),
    country: z.string().length(2).default("DE"),
    items: z
      .array(item)
      .min(1)
      .max(100)
      .refine((items) => new Set(items.map(({ sku }) => sku)).size === items.length, {
        message: "names a sku twice",
      }),
  }),
  output: z.object({ orderId: z.string(), cents: z.number(), tracking: z.string() }),
  timeout: "1m",
  async handler({ orderId, customer, email, country, items }, ctx) {
    const cents = items.reduce((sum, { quantity, cents: each }) => sum + quantity * each, 0);
    await openShop(ctx);

    await ctx.step("hold inventory", () => holdStock(ctx, orderId, items), {
      compensate: () => releaseStock(ctx, orderId),
    });
    await ctx.step("charge payment", () => charge(ctx, orderId, customer, cents), {
      compensate: () => refund(ctx, orderId),
    });
    const tracking = await ctx.step("create shipment", () => ship(ctx, orderId, country), {
      compensate: () => cancelShipment(ctx, orderId),
    });
    // Nothing undoes a mail, so it comes last; the key makes it one mail also when this runs twice.
    await ctx.step("notify", async () => {
      const subject = `Your order ${orderId} is on its way`;
      const body = `We have shipped your order. Its tracking number is ${tracking}.`;
      await ctx.enqueue(
        "send_email",
        { to: email, subject, body },
        { key: `shipped:${orderId}`, keyMode: "preserve_run_at" },
      );
    });
    return { orderId, cents, tracking };
  },
  async onFailed(order, ctx, error) {
    const { orderId, email } = order;
    // Broken payloads come as they were queued: there may be nobody to tell.
    if (typeof orderId !== "string" || typeof email !== "string") return;
    // By name: the steps may have been undone, and this be called, long after it was thrown.
    const ours = error instanceof Error && error.name === "BusinessLogicError";
    const reason = ours ? error.message : "something went wrong";
    const subject = `We could not fulfil your order ${orderId}`;
    const body = `We are sorry: ${reason}. What you paid is refunded.`;
    await ctx.enqueue("send_email", { to: email, subject, body }, { key: `failed:${orderId}` });
  },
});
