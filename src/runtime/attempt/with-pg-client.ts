/** Lends handlers a client of their pool, as graphile-worker's helper of that name does. */

import type { Pool } from "pg";
import { classify } from "../../core/classify.ts";
import type { TaskContext, WithPgClient } from "../../core/context.ts";
import { noConnectionLeft } from "./no-connection-left.ts";

const tries = 3;
const firstWaitMs = 100;

export function withPgClientOf(pool: Pool, task: string): TaskContext["withPgClient"] {
  const once: WithPgClient = async (use) => {
    const client = await pool.connect().catch((error: unknown) => {
      throw noConnectionLeft(error, task, pool);
    });
    let fault: Error | boolean = true;
    try {
      const result = await use(client);
      fault = false;
      return result;
    } catch (error) {
      fault = isTransient(error);
      throw error;
    } finally {
      // A client whose connection failed must not go back to the pool.
      client.release(fault);
    }
  };
  const withRetries: WithPgClient = async (use) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await once(use);
      } catch (error) {
        if (attempt === tries || !isTransient(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, firstWaitMs * 2 ** (attempt - 1)));
      }
    }
  };
  return Object.assign(once, { withRetries });
}

function isTransient(error: unknown): boolean {
  const { kind, rule } = classify(error, { task: null, config: null });
  return kind === "retryable" && (rule === "network-code" || rule === "sqlstate");
}
