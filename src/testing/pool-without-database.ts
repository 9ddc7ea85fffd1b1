/** Stands in for the handlers' pool where there is none: using it is an error that says so. */

import type { Pool } from "pg";
import { TaskrunError } from "../core/errors.ts";

export function poolWithoutDatabase(): Pool {
  const refuse = async () => {
    throw new TaskrunError("no-test-pool", "The task under test asked for the database");
  };
  // why: a context calls these two only
  return { query: refuse, connect: refuse } as unknown as Pool;
}
