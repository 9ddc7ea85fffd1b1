/** A database of its own for one test or test file, on the run's Postgres. */

import { inject } from "vitest";
import {
  createScratchDatabase,
  type ScratchDatabase,
  type ScratchTemplate,
} from "../../src/store/scratch-database.ts";

/**
 * Made in some 50 ms, empty or from a template that is prepared once per run and name.
 * Call `drop()` when done; what isn't dropped goes with the run's server.
 */
export function createTestDatabase(
  options: { template?: ScratchTemplate } = {},
): Promise<ScratchDatabase> {
  return createScratchDatabase(inject("adminDatabaseUrl"), {
    ...options,
    ownerUrl: inject("ownerDatabaseUrl"),
  });
}
