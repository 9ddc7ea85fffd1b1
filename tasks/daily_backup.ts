/**
 * Writes all tables of a schema to `.taskrun/backups/<schema>-<time>.jsonl.gz`, keeps the last
 * few of them, and if `recurring` is there again a day later. The rows only, not the tables'
 * definitions: those are in the project's migrations.
 */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { defineTask, type TaskContext } from "taskrun";
import { z } from "zod";
import { dumpTables } from "./_dump-tables.ts";
import { duration } from "./_duration.ts";

const payload = z.object({
  backup_type: z.literal("database").default("database"),
  // Also the start of the file's name.
  schema: z
    .string()
    .regex(/^[A-Za-z_][\w$]{0,62}$/)
    .default("public"),
  /** How many backups stay. */
  keep: z.int().min(1).max(1_000).default(7),
  /** Older ones go even if there are fewer. */
  retention_days: z.number().positive().optional(),
  recurring: z.boolean().default(false),
  every: duration
    .refine((everyMs) => everyMs >= 60_000, "must be a minute or more")
    .default(86_400_000),
});
type Backup = z.output<typeof payload>;

export default defineTask({
  description: "Backs up a schema's rows to a file, and does so again every day if recurring.",
  payload,
  output: z.object({
    backup_location: z.string(),
    backup_size: z.number(),
    tables: z.number(),
    rows: z.number(),
    removed: z.array(z.string()),
    next_backup_scheduled: z.boolean(),
  }),
  queue: ({ schema }) => `daily_backup:${schema}`,
  timeout: "30m",
  retry: { strategy: "exponential", baseDelay: "1m", maxDelay: "30m", maxAttempts: 5 },
  async handler(backup, ctx) {
    // First, so that a backup that fails for good isn't the last one.
    if (backup.recurring) await scheduleNext(backup, ctx);
    const folder = join(process.env.TASKRUN_DATA_DIR ?? ".taskrun", "backups");
    const time = new Date().toISOString().replaceAll(/[-:]/g, "");
    const name = `${backup.schema}-${time}.jsonl.gz`;
    const dump = await dumpTables({ schema: backup.schema, file: join(folder, name) }, ctx);
    const removed = await removeOld(folder, name, backup, ctx);
    ctx.log.info({ ...dump, removed: removed.length }, "backed up");
    return {
      backup_location: dump.file,
      backup_size: dump.bytes,
      tables: dump.tables,
      rows: dump.rows,
      removed,
      next_backup_scheduled: backup.recurring,
    };
  },
});

/**
 * However often this job is tried, and whoever else adds a recurring one: there is one next
 * backup, at the time set first, with the payload given last.
 *
 * The two keys take turns. With one only, the next backup would take over the key of the one
 * that is running, which then would not be tried again.
 */
async function scheduleNext({ schema, every }: Backup, ctx: TaskContext): Promise<void> {
  const keys = [`daily_backup:${schema}:1`, `daily_backup:${schema}:2`];
  const { rows: others } = await ctx.query<{ key: string; state: string }>(
    `select key, state from taskrun.jobs
     where key = any ($1) and id <> $2 and state in ('pending', 'scheduled', 'retrying', 'running')`,
    [keys, ctx.jobId],
  );
  const waiting = others.find(({ state }) => state !== "running");
  const taken = [ctx.key, ...others.map((other) => other.key)];
  const key = waiting?.key ?? keys.find((each) => !taken.includes(each));
  if (key === undefined) return;
  // Days that nobody was there to back up are not made up for.
  const lateMs = Math.max(0, Date.now() - ctx.runAt.getTime());
  const runAt = new Date(ctx.runAt.getTime() + (Math.floor(lateMs / every) + 1) * every);
  await ctx.enqueue(ctx.task, ctx.job.payload, { key, keyMode: "preserve_run_at", runAt });
}

async function removeOld(
  folder: string,
  newest: string,
  { schema, keep, retention_days }: Backup,
  ctx: TaskContext,
): Promise<string[]> {
  // The time in the name is of one length, so names sort by it.
  const own = new RegExp(`^${schema.replaceAll("$", "\\$")}-\\d{8}T\\d{6}\\.\\d{3}Z\\.jsonl\\.gz$`);
  const found = (await readdir(folder)).filter((name) => own.test(name)).sort();
  const oldest = new Date(Date.now() - (retention_days ?? Number.POSITIVE_INFINITY) * 86_400_000);
  const limit = retention_days === undefined ? "" : oldest.toISOString().replaceAll(/[-:]/g, "");
  const surplus = found
    .filter((name, index) => index < found.length - keep || name < `${schema}-${limit}`)
    .filter((name) => name !== newest);
  for (const name of surplus) {
    ctx.signal.throwIfAborted();
    await rm(join(folder, name), { force: true });
  }
  return surplus;
}
