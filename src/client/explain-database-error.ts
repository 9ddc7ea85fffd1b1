/** Puts one database error into plain words: that of a database without our schema. */

import { errorChain, readProperty } from "../core/error-chain.ts";
import { TaskrunError } from "../core/errors.ts";
import type { Schemas } from "../store/schemas.ts";

/** invalid_schema_name, undefined_table, undefined_function */
const missing = new Set<unknown>(["3F000", "42P01", "42883"]);

/** `not-migrated` when that is what `error` means; else the error as it is. */
export function explainDatabaseError(error: unknown, { ownName }: Schemas): unknown {
  const found = errorChain(error).find((each) => missing.has(readProperty(each, "code")));
  const message = readProperty(found, "message");
  if (typeof message !== "string" || !message.includes(ownName)) return error;
  return new TaskrunError("not-migrated", `The database is not ready: ${message}`, {
    cause: error,
  });
}
