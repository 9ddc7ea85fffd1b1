/**
 * A logger that takes graphile-worker's argument order beside pino's: its handlers say
 * `logger.info("sent", { to })`, and pino would drop those fields.
 */

import type { GraphileLogger } from "../../core/context.ts";
import type { Logger, LogMethod } from "../../core/logger.ts";

export function graphileLogger(log: Logger): GraphileLogger {
  return {
    get level() {
      return log.level;
    },
    trace: inBothOrders((fields, message) => log.trace(fields, message)),
    debug: inBothOrders((fields, message) => log.debug(fields, message)),
    info: inBothOrders((fields, message) => log.info(fields, message)),
    warn: inBothOrders((fields, message) => log.warn(fields, message)),
    error: inBothOrders((fields, message) => log.error(fields, message)),
    fatal: inBothOrders((fields, message) => log.fatal(fields, message)),
    child: (fields) => log.child(fields),
    scope: (fields) => graphileLogger(log.child(fields)),
    isLevelEnabled: (level) => log.isLevelEnabled(level),
  };
}

function inBothOrders(write: (fields: object, message?: string) => void): LogMethod {
  return (first: object | string, second?: unknown) => {
    if (typeof first === "string") write(typeof second === "object" ? (second ?? {}) : {}, first);
    else write(first, typeof second === "string" ? second : undefined);
  };
}
