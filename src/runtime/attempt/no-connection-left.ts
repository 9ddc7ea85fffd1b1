/** Says of a handler that waited in vain for a connection whose handler it is, and what to do. */

import type { Pool } from "pg";
import { TaskrunError } from "../../core/errors.ts";

// pg's pool says it by this text alone; of a server that can't be reached it says another.
const fullPool = "timeout exceeded when trying to connect";

/** The error itself if it is any other. */
export function noConnectionLeft(error: unknown, task: string, { options }: Pool): unknown {
  if (!(error instanceof Error) || error.message !== fullPool) return error;
  const { connectionTimeoutMillis = 0, max } = options;
  return new TaskrunError(
    "no-connection-left",
    `The task ${task} waited ${connectionTimeoutMillis / 1000} s for a connection: ` +
      `handlers hold all ${max} of theirs (handlerPoolSize)`,
    { cause: error },
  );
}
