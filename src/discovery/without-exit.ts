/**
 * While modules are imported, `process.exit` throws: the file that calls it is at fault, and must
 * not end the process, with success even, in the name of all others.
 */

import { processWide } from "../core/process-wide.ts";

interface Guard {
  /** Loads under way that want it. */
  depth: number;
  original: PropertyDescriptor | undefined;
}

export async function withoutExit<T>(load: () => Promise<T>): Promise<T> {
  const guard = processWide("exit-guard", (): Guard => ({ depth: 0, original: undefined }));
  if (guard.depth === 0) {
    guard.original = Object.getOwnPropertyDescriptor(process, "exit");
    Object.defineProperty(process, "exit", { value: refuse, configurable: true, writable: true });
  }
  guard.depth += 1;
  try {
    return await load();
  } finally {
    guard.depth -= 1;
    if (guard.depth === 0 && guard.original !== undefined) {
      Object.defineProperty(process, "exit", guard.original);
    }
  }
}

function refuse(code?: number | string | null): never {
  const said = code === undefined || code === null ? "" : String(code);
  const error = new Error(`process.exit(${said}) was called while task files are imported`);
  // The place that people look for is the caller's.
  Error.captureStackTrace(error, refuse);
  throw error;
}
