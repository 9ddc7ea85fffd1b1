/** Which database errors pass by themselves, and how to wait for that. */

// Connection lost, serialization and deadlock, out of resources, operator intervention.
const transientClasses = new Set(["08", "40", "53", "57"]);
// read_only_sql_transaction: a primary that has just become a standby.
const transientCodes = new Set(["25006", "55P03"]);

// Bad data, a broken constraint, too much of something, a trigger's own exception, an internal
// error: said of the values that were sent, not of the state the database is in.
const refusalClasses = new Set(["21", "22", "23", "54", "P0", "XX"]);

const connectionCodes = new Set([
  "ECONNABORTED",
  "EADDRNOTAVAIL",
  "EHOSTDOWN",
  "ENETDOWN",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

// pg reports a lost connection, a full pool and a server that is silent without any code.
const saidWithoutCode = new RegExp(
  [
    "connection",
    "timeout exceeded when trying to connect",
    "client was closed",
    "^timeout expired",
    "query read timeout",
  ].join("|"),
  "i",
);

/** Whether the same statement may well succeed a little later. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? error.code : undefined;
  if (typeof code === "string" && code.length === 5 && !connectionCodes.has(code)) {
    if (transientClasses.has(code.slice(0, 2)) || transientCodes.has(code)) return true;
    return isOfSession(code, error);
  }
  // The socket's file is missing while a server on the same machine restarts.
  if (code === "ENOENT") return "syscall" in error && error.syscall === "connect";
  if (typeof code === "string") return connectionCodes.has(code);
  if (error instanceof AggregateError) return error.errors.some(isTransient);
  return saidWithoutCode.test(error.message);
}

/** Of a session that could not begin, or ended: poolers say so of one for which they lack room. */
function isOfSession(code: string, error: Error): boolean {
  return code.startsWith("XX") && "severity" in error && error.severity === "FATAL";
}

/**
 * Whether the database objects to what was sent: it would refuse the same values again, but may
 * take others. What is neither that nor transient (no permission, no such table, no such
 * database) passes when somebody mends it.
 */
export function isRefusal(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const isSqlState = typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && code !== "EPIPE";
  if (!isSqlState) return !isTransient(error);
  return refusalClasses.has(code.slice(0, 2)) && !isTransient(error);
}

/** Whether the statement was ended because it took too long: by the server, or by not waiting. */
export function isTooSlow(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && error.code === "57014") || /^query read timeout/i.test(error.message);
}

export interface RetryOptions {
  /** Gives up, throwing the last error, when this aborts. */
  readonly signal?: AbortSignal;
  readonly onRetry?: (error: unknown, delayMs: number) => void;
  /** Which errors are worth another try. Default `isTransient`. */
  readonly retries?: (error: unknown) => boolean;
}

/** Runs `action` until it succeeds or fails for good; waits up to 2 s between tries, jittered. */
export async function retryTransient<T>(
  action: (tries: number) => Promise<T>,
  { signal, onRetry, retries = isTransient }: RetryOptions = {},
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await action(tries);
    } catch (error) {
      if (!retries(error) || signal?.aborted) throw error;
      const delayMs = Math.min(2000, 50 * 2 ** Math.min(tries, 10)) * (0.5 + Math.random() / 2);
      onRetry?.(error, delayMs);
      await pause(delayMs, signal);
    }
  }
}

/** setTimeout takes no more, and fires at once when given more. */
const longestTimerMs = 2 ** 31 - 1;

/** Resolves after `delayMs`, 24 days at most, or as soon as `signal` aborts. */
export function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(delayMs, longestTimerMs));
    signal?.addEventListener("abort", done, { once: true });
  });
}
