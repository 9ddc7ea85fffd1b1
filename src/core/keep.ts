/**
 * Values that outlive the versions of the modules that use them. Owns the values of the process,
 * by key; refuses to know modules.
 */

import { processWide } from "./process-wide.ts";

interface Kept {
  readonly value: unknown;
  readonly dispose: () => unknown;
}

/**
 * The value under `key`: what `create` returned when it was asked for the first time in this
 * process, also after the module was reloaded. A connection pool, for instance.
 *
 * `dispose` is called with the value when watch mode ends; of several calls the last one's. When
 * `create` throws, or what it returned rejects, nothing is kept and the next call creates again.
 *
 * @example
 * export const pool = keep("db", () => new Pool(), (pool) => pool.end());
 */
export function keep<Value>(
  key: string,
  create: () => Value,
  dispose?: (value: Awaited<Value>) => unknown,
): Value {
  const values = keptValues();
  const known = values.get(key);
  // why: who asks under a key gets what was made under it, as documented
  const value = known === undefined ? create() : (known.value as Value);
  const kept: Kept = { value, dispose: async () => dispose?.(await value) };
  // The newest function replaces an older one, which would hold its module's old version.
  values.set(key, kept);
  if (known === undefined && value instanceof Promise) {
    value.catch(() => {
      if (values.get(key)?.value === value) values.delete(key);
    });
  }
  return value;
}

/** Disposes of every kept value and forgets it; `onError` hears of those that failed. */
export async function disposeKept(onError: (error: unknown, key: string) => void): Promise<void> {
  const values = [...keptValues()];
  keptValues().clear();
  await Promise.all(
    values.map(async ([key, { dispose }]) => {
      try {
        await dispose();
      } catch (error) {
        onError(error, key);
      }
    }),
  );
}

function keptValues(): Map<string, Kept> {
  return processWide("kept-values", () => new Map<string, Kept>());
}
