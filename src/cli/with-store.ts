/** One connection to the queue's tables for a command that asks or adds and then ends. */

import pg from "pg";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { TaskrunError } from "../core/errors.ts";
import { migrate } from "../store/migrate.ts";
import { type Schemas, schemasFor } from "../store/schemas.ts";
import { type OpenDatabase, openDatabase } from "./open-database.ts";
import { say } from "./output.ts";

export interface OpenStore {
  readonly pool: pg.Pool;
  readonly schemas: Schemas;
  readonly database: OpenDatabase;
}

/** Opens the database, lends the store to `use`, and closes both whatever happens. */
export async function withStore<Result>(
  config: ResolvedConfig,
  options: { readonly migrate: boolean },
  use: (store: OpenStore) => Promise<Result>,
): Promise<Result> {
  const database = await openDatabase(config, { waitMs: 10_000 });
  const pool = new pg.Pool({
    connectionString: database.connectionString,
    max: 2,
    application_name: "taskrun cli",
    connectionTimeoutMillis: 10_000,
  });
  pool.on("error", () => {});
  try {
    // An embedded database belongs to this project alone, so that it may always be migrated.
    if (options.migrate || database.embedded) {
      await migrate(database.connectionString, { schema: config.schema, onProgress: say }).catch(
        goOnWithoutRights,
      );
    }
    return await use({ pool, schemas: schemasFor(config.schema), database });
  } finally {
    await pool.end().catch(() => {});
    await database.close();
  }
}

/** Who may not migrate may still be allowed to add jobs; if not, the statement itself says so. */
function goOnWithoutRights(error: unknown): void {
  if (!(error instanceof TaskrunError && error.code === "missing-rights")) throw error;
}
