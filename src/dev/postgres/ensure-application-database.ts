/** Makes the application's role and database where they are missing. Changes neither later. */

import { Client } from "pg";
import { appName } from "./cluster.ts";

/** Run at each start: an earlier one may have been killed between the two statements. */
export async function ensureApplicationDatabase(
  superuserUrl: string,
  password: string,
): Promise<void> {
  const client = new Client({ connectionString: superuserUrl });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ role: boolean; database: boolean }>(
      `select exists (select from pg_roles where rolname = $1) as role,
              exists (select from pg_database where datname = $1) as database`,
      [appName],
    );
    if (rows[0]?.role !== true) {
      const secret = client.escapeLiteral(password);
      await client.query(`create role ${appName} login nosuperuser password ${secret}`);
    }
    if (rows[0]?.database !== true) {
      await client.query(`create database ${appName} owner ${appName}`);
    }
  } finally {
    await client.end();
  }
}
