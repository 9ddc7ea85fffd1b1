/**
 * Keeps a process alive when a handler has left an error behind, in a timer or a promise that
 * nobody awaits: it must not end the attempts of all the others.
 */

import type { Logger } from "../core/logger.ts";

/** Holds until the process ends. `logger` is asked for at each error. */
export function surviveStrayErrors(logger: () => Logger): void {
  process.on("unhandledRejection", (reason) => {
    logger().error({ err: reason }, "a promise that nobody awaits was rejected");
  });
  process.on("uncaughtException", (error) => {
    logger().error({ err: error }, "an error was thrown where nobody could catch it");
  });
}
