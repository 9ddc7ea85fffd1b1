/**
 * Keeps a process alive when a handler has left an error behind, in a timer or a promise that
 * nobody awaits: it must not end the attempts of all the others. Also when one calls
 * process.exit. The attempt at fault fails, where that can be told.
 */

import { TaskrunError } from "../core/errors.ts";
import { loggable, toFailure } from "../core/failure.ts";
import type { Logger } from "../core/logger.ts";
import type { ErrorOrigin } from "../runtime/attempt/error-origins.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** Null while there is none. */
type FindRuntime = () => Pick<Runtime, "claimError" | "running"> | null;

/** Holds until the process ends. `logger` and `runtime` are asked for at each error. */
export function surviveStrayErrors(logger: () => Logger, runtime: FindRuntime = () => null): void {
  const tell = (error: unknown, what: string): void => {
    const origin = runtime()?.claimError(error) ?? null;
    const err = loggable(toFailure(error, "default"));
    logger().error({ ...origin?.fields, err }, what + (origin === null ? "" : thenOf(origin)));
  };
  process.on("unhandledRejection", (reason) => {
    tell(reason, "a promise that nobody awaits was rejected");
  });
  process.on("uncaughtException", (error) => {
    tell(error, "an error was thrown where nobody could catch it");
  });
  guardExit(runtime);
}

function thenOf({ fails }: ErrorOrigin): string {
  return fails ? ": its attempt fails" : "; its attempt had ended or is unknown";
}

/** The command itself ends the process by the function that it kept from before. */
function guardExit(runtime: FindRuntime): void {
  const exit = Reflect.get(process, "exit");
  const guarded = (code?: number | string | null): never => {
    const now = runtime();
    if (now === null || now.running === 0) return exit(code);
    const said = code === undefined || code === null ? "" : String(code);
    const error = new TaskrunError(
      "process-exit",
      `process.exit(${said}) was called while jobs run`,
    );
    now.claimError(error);
    throw error;
  };
  Object.defineProperty(process, "exit", { value: guarded, configurable: true, writable: true });
}
