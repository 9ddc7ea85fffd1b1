/**
 * Writes a tenant's rows to `.taskrun/exports/<schema>-<jobId>.jsonl`, one line a row, as they
 * were at one moment. A cancelled or failed export leaves no file behind.
 */

import { join } from "node:path";
import { defineTask, PermanentError, type TaskContext } from "taskrun";
import { z } from "zod";
import { type Dump, dumpTables } from "../_dump-tables.ts";

const shared = {
  tenant_id: z.uuid(),
  /** Who asked for it; noted in the log. */
  user_id: z.string().optional(),
  compress: z.boolean().default(false),
  /** Gets a mail when the file is there. */
  notify: z.email({ pattern: z.regexes.html5Email }).optional(),
};
const payload = z.discriminatedUnion("export_type", [
  z.object({ export_type: z.literal("full"), ...shared }),
  z.object({
    export_type: z.literal("partial"),
    tables: z.array(z.string().min(1)).min(1),
    ...shared,
  }),
]);

export default defineTask({
  description: "Exports a tenant's rows to a file of JSON lines.",
  aliases: ["data:export"],
  payload,
  output: z.object({
    file: z.string(),
    bytes: z.number(),
    tables: z.number(),
    rows: z.number(),
    notified: z.boolean(),
  }),
  timeout: "10m",
  async handler(request, ctx) {
    const schema = await schemaOf(request.tenant_id, ctx);
    const folder = join(process.env.TASKRUN_DATA_DIR ?? ".taskrun", "exports");
    const file = join(folder, `${schema}-${ctx.jobId}.jsonl${request.compress ? ".gz" : ""}`);
    const tables = request.export_type === "partial" ? { tables: request.tables } : {};
    const dump = await dumpTables({ schema, file, ...tables }, ctx);
    ctx.log.info({ ...dump, userId: request.user_id }, "exported");
    return { ...dump, notified: await notify(request.notify, dump, ctx) };
  },
});

async function schemaOf(tenantId: string, ctx: TaskContext): Promise<string> {
  const { rows: tables } = await ctx.query<{ found: boolean }>(
    "select to_regclass('tenants') is not null as found",
  );
  const { rows } = tables[0]?.found
    ? await ctx.query<{ schema: string }>("select schema from tenants where id = $1", [tenantId])
    : { rows: [] };
  if (rows[0]) return rows[0].schema;
  throw new PermanentError(`there is no tenant ${tenantId}; tenant/initialize makes one`);
}

/** The file is there: that nobody can be told is no reason to write it again. */
async function notify(to: string | undefined, { rows }: Dump, ctx: TaskContext): Promise<boolean> {
  if (to === undefined) return false;
  const mail = { to, subject: "Your export is ready", body: `It has ${rows} rows.` };
  try {
    await ctx.enqueue("send_email", mail, { key: `data_export:${ctx.jobId}` });
    return true;
  } catch (error) {
    ctx.log.error({ err: error }, "the mail about the export could not be queued");
    return false;
  }
}
