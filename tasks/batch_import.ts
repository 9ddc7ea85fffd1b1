/**
 * Imports items into the table `imported_items`, made when missing. An item that can't be
 * taken is reported and doesn't hold the others; an item that was imported before is
 * overwritten, so a second run of the same job changes nothing.
 */

import { defineTask, PermanentError, type TaskContext } from "taskrun";
import { z } from "zod";

const maxReasons = 100;

const item = z.object({
  id: z.string().min(1).max(200),
  name: z.string().min(1),
  price: z.number().nonnegative(),
});

interface Refusal {
  index: number;
  reason: string;
}

export default defineTask({
  description: "Imports items into the table imported_items; reports those it can't take.",
  // Each item is checked by itself, since one bad item must not turn the others away.
  payload: z.object({ source: z.string().min(1).default("default"), items: z.array(z.unknown()) }),
  output: z.object({
    imported: z.number(),
    failed: z.number(),
    failures: z.array(z.object({ index: z.number(), reason: z.string() })),
  }),
  timeout: "15m",
  async handler({ source, items }, ctx) {
    await createTable(ctx);
    const refused: Refusal[] = [];
    for (const [index, raw] of items.entries()) {
      // What is imported by now stays; the next attempt writes it once more and goes on.
      ctx.signal.throwIfAborted();
      const reason = await importItem(source, raw, ctx);
      if (reason !== null) {
        refused.push({ index, reason });
        ctx.log.warn({ index, reason }, "item refused");
      }
      await ctx.progress(index + 1, items.length, `${refused.length} refused`);
    }
    const [first] = refused;
    if (first !== undefined && refused.length === items.length) {
      throw new PermanentError(
        `none of ${items.length} items could be imported; item ${first.index}: ${first.reason}`,
      );
    }
    const failures = refused.slice(0, maxReasons);
    return { imported: items.length - refused.length, failed: refused.length, failures };
  },
});

/** Null when it went in, else why this item can't. */
async function importItem(source: string, raw: unknown, ctx: TaskContext): Promise<string | null> {
  const parsed = item.safeParse(raw);
  if (!parsed.success) {
    return parsed.error.issues.map((fault) => [...fault.path, fault.message].join(": ")).join("; ");
  }
  const { id, name, price } = parsed.data;
  try {
    await ctx.query(
      `insert into imported_items (source, id, name, price) values ($1, $2, $3, $4)
       on conflict (source, id) do update
         set name = excluded.name, price = excluded.price, imported_at = now()`,
      [source, id, name, price],
    );
    return null;
  } catch (error) {
    // SQLSTATE 22 and 23 are about the values; anything else is about the database.
    if (!(error instanceof Error && "code" in error && /^2[23]/.test(String(error.code))))
      throw error;
    return error.message;
  }
}

async function createTable(ctx: TaskContext): Promise<void> {
  // Looked for first: `if not exists` wants the right to create even where the table is.
  const { rows } = await ctx.query<{ found: boolean }>(
    "select to_regclass('imported_items') is not null as found",
  );
  if (rows[0]?.found) return;
  // Two jobs at once would both find none, and one of them fail on a duplicate type. Sent
  // together, both statements are one transaction, which the lock lasts for.
  await ctx.query(
    `select pg_advisory_xact_lock(hashtext('imported_items'));
     create table if not exists imported_items (
       source text not null,
       id text not null,
       name text not null,
       price numeric not null,
       imported_at timestamptz not null default now(),
       primary key (source, id)
     )`,
  );
}
