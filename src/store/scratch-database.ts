/**
 * Databases for one test each: made in milliseconds from a prepared template, dropped by force,
 * and swept when a killed test run has left them. Owns their names and the template's making;
 * knows nothing of what is in them.
 */

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, DatabaseError, escapeIdentifier, escapeLiteral } from "pg";

export interface ScratchDatabase {
  /** As the owner. */
  readonly url: string;
  /** The same database as the role of the admin URL. */
  readonly adminUrl: string;
  readonly name: string;
  /** Ends the sessions in it and drops it. May be called twice. */
  drop(): Promise<void>;
}

export interface ScratchTemplate {
  /** A hash of what `prepare` makes: letters, digits and underscores, at most 40 of them. */
  readonly name: string;
  /** Fills an empty database. Run once per name and server; must close its connections. */
  readonly prepare: (url: string) => Promise<void>;
}

export interface ScratchDatabaseOptions {
  readonly template?: ScratchTemplate;
  /** Whose credentials, taken from this URL, own the database. Default: the admin URL's. */
  readonly ownerUrl?: string;
}

const scratchPrefix = "taskrun_scratch_";
const templatePrefix = "taskrun_template_";
/** No test run takes this long: what is older and has no sessions was left behind. */
const scratchLifeMs = 2 * 3_600_000;
const templateLifeMs = 7 * 24 * 3_600_000;
// Ten milliseconds apart.
const looksForSessions = 20;

/**
 * Makes a database of its own for one test. Safe in any number of processes at once.
 *
 * @param adminUrl a role that may create databases (and hand them to the owner, when one is given)
 * @throws what `prepare` throws, and Postgres' own errors.
 */
export async function createScratchDatabase(
  adminUrl: string,
  options: ScratchDatabaseOptions = {},
): Promise<ScratchDatabase> {
  const ownerUrl = options.ownerUrl ?? adminUrl;
  return withClient(adminUrl, async (admin) => {
    await sweepLeftovers(admin);
    const template = options.template
      ? await ensureTemplate(admin, adminUrl, ownerUrl, options.template)
      : null;
    const name = newName();
    await createDatabase(admin, name, template, ownerUrl);
    return {
      name,
      url: inDatabase(ownerUrl, name, adminUrl),
      adminUrl: inDatabase(adminUrl, name, adminUrl),
      drop: () => withClient(adminUrl, (again) => dropDatabase(again, name)),
    };
  });
}

/** The template exists under its final name only when it is complete. */
async function ensureTemplate(
  admin: Client,
  adminUrl: string,
  ownerUrl: string,
  { name, prepare }: ScratchTemplate,
): Promise<string> {
  if (!/^\w{1,40}$/.test(name)) {
    throw new Error(`A template's name is 1 to 40 letters, digits or underscores, not "${name}".`);
  }
  const template = `${templatePrefix}${name}`;
  if (await databaseExists(admin, template)) return template;
  await admin.query("select pg_advisory_lock(hashtextextended($1, 0))", [template]);
  try {
    if (await databaseExists(admin, template)) return template;
    const draft = newName();
    await createDatabase(admin, draft, null, ownerUrl);
    try {
      await prepare(inDatabase(ownerUrl, draft, adminUrl));
      const made = escapeLiteral(new Date().toISOString());
      await admin.query(`comment on database ${escapeIdentifier(draft)} is ${made}`);
      // A session in a template makes every copy of it fail.
      await admin.query(`alter database ${escapeIdentifier(draft)} with allow_connections false`);
      await whenUnused(() =>
        admin.query(
          `alter database ${escapeIdentifier(draft)} rename to ${escapeIdentifier(template)}`,
        ),
      );
    } catch (error) {
      await dropDatabase(admin, draft);
      throw error;
    }
    return template;
  } finally {
    await admin.query("select pg_advisory_unlock(hashtextextended($1, 0))", [template]);
  }
}

async function createDatabase(
  admin: Client,
  name: string,
  template: string | null,
  ownerUrl: string,
): Promise<void> {
  const owner = decodeURIComponent(new URL(ownerUrl).username);
  const from = template === null ? "template0" : escapeIdentifier(template);
  const ownedBy = owner === "" ? "" : ` owner ${escapeIdentifier(owner)}`;
  const how = await copyStrategy(admin);
  await whenUnused(() =>
    admin.query(`create database ${escapeIdentifier(name)} template ${from}${ownedBy}${how}`),
  );
}

/**
 * Copying files is three times as fast as copying through the log, but makes the server flush
 * everything it holds: good where flushing costs nothing, on a throwaway server.
 */
async function copyStrategy(admin: Client): Promise<string> {
  const { rows } = await admin.query<{ throwaway: boolean }>(
    `select current_setting('fsync') = 'off'
        and current_setting('server_version_num')::int >= 150000 as throwaway`,
  );
  return rows[0]?.throwaway === true ? " strategy file_copy" : "";
}

/** Whoever is about to leave may: being thrown out is an error that somebody has to catch. */
async function dropDatabase(admin: Client, name: string): Promise<void> {
  for (let look = 1; look <= looksForSessions && (await hasSessions(admin, name)); look += 1) {
    await sleep(10);
  }
  await admin.query(`drop database if exists ${escapeIdentifier(name)} with (force)`);
}

async function hasSessions(admin: Client, name: string): Promise<boolean> {
  const { rowCount } = await admin.query(
    "select from pg_stat_activity where datname = $1 and backend_type = 'client backend' limit 1",
    [name],
  );
  return rowCount === 1;
}

async function databaseExists(admin: Client, name: string): Promise<boolean> {
  const { rowCount } = await admin.query("select from pg_database where datname = $1", [name]);
  return rowCount === 1;
}

async function sweepLeftovers(admin: Client): Promise<void> {
  const { rows } = await admin.query<{ name: string; made: string | null }>(
    `select datname as name, shobj_description(oid, 'pg_database') as made
       from pg_database d
      where (starts_with(datname, $1) or starts_with(datname, $2))
        and pg_has_role(datdba, 'usage')
        and not exists (select from pg_stat_activity a where a.datid = d.oid)`,
    [scratchPrefix, templatePrefix],
  );
  for (const { name, made } of rows) {
    const isTemplate = name.startsWith(templatePrefix);
    const madeMs = isTemplate ? Date.parse(made ?? "") : madeAt(name);
    const lifeMs = isTemplate ? templateLifeMs : scratchLifeMs;
    if (!(Date.now() - madeMs > lifeMs)) continue;
    // Another process may sweep the same one at this moment, and either may be the one that does.
    await admin.query(`drop database if exists ${escapeIdentifier(name)}`).catch(() => undefined);
  }
}

/** The name says when it was made, so that any process can tell a leftover. */
function newName(): string {
  return `${scratchPrefix}${Date.now().toString(36)}_${randomBytes(5).toString("hex")}`;
}

function madeAt(name: string): number {
  return Number.parseInt(name.slice(scratchPrefix.length), 36);
}

/** `credentialsUrl`'s role and password, the server of `serverUrl`, the database `name`. */
function inDatabase(credentialsUrl: string, name: string, serverUrl: string): string {
  const url = new URL(serverUrl);
  const { username, password } = new URL(credentialsUrl);
  url.username = username;
  url.password = password;
  url.pathname = `/${name}`;
  return url.href;
}

/** A session that has just ended may still be seen for a moment. */
async function whenUnused<T>(act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      const inUse = error instanceof DatabaseError && error.code === "55006";
      if (!inUse || attempt === 10) throw error;
      await sleep(50 * attempt);
    }
  }
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: "taskrun scratch" });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
