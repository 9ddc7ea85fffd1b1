/** Which database errors pass by themselves, and how to wait for that. */

// Connection lost, serialization and deadlock, out of resources, operator intervention.
const transientClasses = new Set(["08", "40", "53", "57"]);
// read_only_sql_transaction: a primary that has just become a standby.
const transientCodes = new Set(["25006", "55P03"]);

const connectionCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** Whether the same statement may well succeed a little later. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? error.code : undefined;
  if (typeof code === "string" && code.length === 5 && !connectionCodes.has(code)) {
    return transientClasses.has(code.slice(0, 2)) || transientCodes.has(code);
  }
  if (typeof code === "string") return connectionCodes.has(code);
  if (error instanceof AggregateError) return error.errors.some(isTransient);
  // pg reports a lost connection and a full pool without any code.
  return /connection|timeout exceeded when trying to connect|client was closed/i.test(
    error.message,
  );
}

export interface RetryOptions {
  /** Gives up, throwing the last error, when this aborts. */
  readonly signal?: AbortSignal;
  readonly onRetry?: (error: unknown, delayMs: number) => void;
}

/** Runs `action` until it succeeds or fails for good; waits up to 2 s between tries, jittered. */
export async function retryTransient<T>(
  action: (tries: number) => Promise<T>,
  { signal, onRetry }: RetryOptions = {},
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await action(tries);
    } catch (error) {
      if (!isTransient(error) || signal?.aborted) throw error;
      const delayMs = Math.min(2000, 50 * 2 ** Math.min(tries, 10)) * (0.5 + Math.random() / 2);
      onRetry?.(error, delayMs);
      await pause(delayMs, signal);
    }
  }
}

/** Resolves after `delayMs`, or as soon as `signal` aborts. */
export function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal?.addEventListener("abort", done, { once: true });
  });
}
