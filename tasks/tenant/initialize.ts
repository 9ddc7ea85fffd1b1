/**
 * Gives a tenant a schema of its own with the tables a tenant starts with, and lets its owner
 * know. A second run finds all of it there and changes nothing.
 *
 * One transaction: a tenant is there as a whole, with its mail queued, or not at all. Refuses a
 * schema that it hasn't made, whatever is in there.
 */

import { escapeIdentifier, type PoolClient } from "pg";
import { BusinessLogicError, defineTask } from "taskrun";
import { z } from "zod";

const payload = z.object({
  tenant_id: z.uuid(),
  // Becomes the schema's name.
  slug: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,40}$/, "give a letter, then letters, digits and _")
    .optional(),
  owner_email: z.email({ pattern: z.regexes.html5Email }).optional(),
});
type Tenant = z.output<typeof payload>;

export default defineTask({
  description: "Makes a tenant's schema and tables, once.",
  aliases: ["tenant:initialize"],
  payload,
  output: z.object({ tenant_id: z.string(), schema: z.string(), created: z.boolean() }),
  queue: ({ tenant_id }) => `tenant:${tenant_id}`,
  retry: { maxAttempts: 5 },
  async handler(tenant, ctx) {
    const schema = `tenant_${tenant.slug ?? tenant.tenant_id.replaceAll("-", "")}`;
    const created = await ctx.withPgClient(async (client) => {
      await client.query("begin");
      try {
        const isNew = await initialize(client, tenant, schema, ctx.jobId);
        ctx.signal.throwIfAborted();
        await client.query("commit");
        return isNew;
      } catch (error) {
        await client.query("rollback").catch(() => {});
        throw error;
      }
    });
    ctx.log.info({ schema, created }, created ? "tenant made" : "the tenant was there already");
    return { tenant_id: tenant.tenant_id, schema, created };
  },
});

const tenantsTable = `create table tenants (
  id uuid primary key,
  schema text not null unique,
  owner_email text,
  created_at timestamptz not null default now()
)`;

/** False when the tenant was there already. */
async function initialize(client: PoolClient, tenant: Tenant, schema: string, jobId: string) {
  // Two tenants at once would both make the list of tenants, and one of them fail.
  await client.query("select pg_advisory_xact_lock(hashtext('tenants'))");
  const list = await client.query("select to_regclass('tenants') is not null as found");
  if (!list.rows[0]?.found) await client.query(tenantsTable);
  const { rows } = await client.query<{ id: string; schema: string }>(
    "select id, schema from tenants where id = $1 or schema = $2",
    [tenant.tenant_id, schema],
  );
  const known = rows.find(({ id }) => id === tenant.tenant_id);
  if (known?.schema === schema) return false;
  if (known) throw new BusinessLogicError(`the tenant ${known.id} has the schema ${known.schema}`);
  if (rows.length > 0) throw new BusinessLogicError(`${schema} belongs to another tenant`);
  await refuseForeignSchema(client, schema);
  await client.query(tablesOf(escapeIdentifier(schema)));
  await client.query("insert into tenants (id, schema, owner_email) values ($1, $2, $3)", [
    tenant.tenant_id,
    schema,
    tenant.owner_email ?? null,
  ]);
  if (tenant.owner_email !== undefined) {
    const mail = {
      to: tenant.owner_email,
      subject: "Your workspace is ready",
      body: "You can sign in now and invite the others.",
    };
    // By SQL, so that the mail is queued when the tenant is there, and never without it.
    await client.query("select taskrun.add_job('send_email', $1, $2)", [
      JSON.stringify(mail),
      JSON.stringify({ parent_id: jobId }),
    ]);
  }
  return true;
}

async function refuseForeignSchema(client: PoolClient, schema: string): Promise<void> {
  const { rowCount } = await client.query("select from pg_namespace where nspname = $1", [schema]);
  if (rowCount !== 0) {
    throw new BusinessLogicError(`there is a schema ${schema} already, and it is no tenant's`);
  }
}

function tablesOf(schema: string): string {
  return `
    create schema ${schema};
    create table ${schema}.members (
      email text primary key,
      role text not null check (role in ('owner', 'member')),
      joined_at timestamptz not null default now()
    );
    create table ${schema}.settings (name text primary key, value jsonb not null);
    insert into ${schema}.settings (name, value) values ('locale', '"en"'), ('time_zone', '"UTC"');`;
}
