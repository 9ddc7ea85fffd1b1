/**
 * Deletes accounts: one, or all that nobody has used for long. With each go its files under
 * `.taskrun/users/<id>`, and its owner gets a last mail.
 *
 * Each account is a transaction of its own. One that can't be deleted (other rows still point
 * to it, say) is reported and doesn't hold the others; a second run finds only what is left.
 */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { PoolClient } from "pg";
import { defineTask, PermanentError, type TaskContext } from "taskrun";
import { z } from "zod";
import { duration } from "./_duration.ts";
import { requireUsers } from "./_users.ts";

const maxReasons = 100;

const shared = {
  reason: z.string().min(1).default("unused"),
  /** Only says whom it would delete. */
  dryRun: z.boolean().default(false),
  /** Whether the owners get a mail. */
  notify: z.boolean().default(true),
};
const payload = z.union(
  [
    z.object({ user_id: z.int().positive(), ...shared }),
    z.object({
      unusedFor: duration.refine((ms) => ms >= 86_400_000, "must be a day or more"),
      limit: z.int().min(1).max(10_000).default(1_000),
      ...shared,
    }),
  ],
  { error: 'give { user_id } or { unusedFor: "365d", limit? }, and reason?, dryRun?, notify?' },
);
type Cleanup = z.output<typeof payload>;

interface Account {
  id: string;
  email: string;
}

export default defineTask({
  description: "Deletes one account, or those that were not used for long.",
  payload,
  output: z.object({
    found: z.number(),
    deleted: z.number(),
    dryRun: z.boolean(),
    accounts: z.array(z.string()),
    failures: z.array(z.object({ id: z.string(), reason: z.string() })),
  }),
  queue: "account_cleanup",
  timeout: "10m",
  async handler(cleanup, ctx) {
    await requireUsers(ctx);
    const accounts = await find(cleanup, ctx);
    const deleted: string[] = [];
    const failures: { id: string; reason: string }[] = [];
    for (const [index, account] of accounts.entries()) {
      // What is deleted by now stays deleted; the next attempt goes on with the rest.
      ctx.signal.throwIfAborted();
      const ending = cleanup.dryRun ? "deleted" : await remove(account, cleanup, ctx);
      if (ending === "deleted") deleted.push(account.id);
      else if (ending !== "kept") failures.push({ id: account.id, ...ending });
      await ctx.progress(index + 1, accounts.length, `${failures.length} failed`);
    }
    const [first] = failures;
    if (first !== undefined && deleted.length === 0) {
      throw new PermanentError(
        `none of ${accounts.length} accounts could be deleted; ${first.id}: ${first.reason}`,
      );
    }
    return {
      found: accounts.length,
      deleted: cleanup.dryRun ? 0 : deleted.length,
      dryRun: cleanup.dryRun,
      accounts: deleted.slice(0, maxReasons),
      failures: failures.slice(0, maxReasons),
    };
  },
});

async function find(cleanup: Cleanup, ctx: TaskContext): Promise<Account[]> {
  if ("user_id" in cleanup) {
    const query = "select id::text, email from users where id = $1";
    return (await ctx.query<Account>(query, [cleanup.user_id])).rows;
  }
  const { rows } = await ctx.query<Account>(
    `select id::text, email from users
     where coalesce(last_seen_at, created_at) < now() - $1 * interval '1 millisecond'
     order by coalesce(last_seen_at, created_at), id limit $2`,
    [cleanup.unusedFor, cleanup.limit],
  );
  return rows;
}

type Ending = "deleted" | "kept" | { reason: string };

async function remove(account: Account, cleanup: Cleanup, ctx: TaskContext): Promise<Ending> {
  try {
    return await ctx.withPgClient(async (client) => {
      await client.query("begin");
      try {
        const ending = await removeWithin(client, account, cleanup, ctx.jobId);
        await client.query("commit");
        return ending;
      } catch (error) {
        await client.query("rollback").catch(() => {});
        throw error;
      }
    });
  } catch (error) {
    // 23 is about this account's rows; anything else is about the database, or the disk.
    if (!(error instanceof Error && "code" in error && /^23...$/.test(String(error.code))))
      throw error;
    ctx.log.warn({ userId: account.id, err: error }, "account not deleted");
    return { reason: error.message };
  }
}

async function removeWithin(
  client: PoolClient,
  { id, email }: Account,
  cleanup: Cleanup,
  jobId: string,
): Promise<"deleted" | "kept"> {
  // Somebody may have signed in since the accounts were looked up.
  const { rowCount } = await client.query(
    `delete from users where id = $1 and ($2::float8 is null
       or coalesce(last_seen_at, created_at) < now() - $2 * interval '1 millisecond')`,
    [id, "unusedFor" in cleanup ? cleanup.unusedFor : null],
  );
  if (rowCount === 0) return "kept";
  if (cleanup.notify) {
    const mail = {
      to: email,
      subject: "Your account was deleted",
      body: `Your account and all that belonged to it are gone. Reason: ${cleanup.reason}.`,
    };
    // By SQL, so that the mail is queued when the account is gone, and only then.
    await client.query("select taskrun.add_job('send_email', $1, $2)", [
      JSON.stringify(mail),
      JSON.stringify({ parent_id: jobId }),
    ]);
  }
  // Last: files don't come back by a rollback.
  const files = join(process.env.TASKRUN_DATA_DIR ?? ".taskrun", "users", id);
  await rm(files, { recursive: true, force: true });
  return "deleted";
}
