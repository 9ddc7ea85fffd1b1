/** Reads how long a server asked to wait from an error that an HTTP client threw. */

import { readProperty } from "./error-chain.ts";

/** No server makes a job wait longer. */
const longestMs = 365 * 86_400_000;

/**
 * Milliseconds that a `Retry-After` header asks for: seconds or an HTTP date, on the error's
 * `headers` or its `response.headers`, a plain object or a `Headers`. null when there is none.
 */
export function retryAfterMs(error: unknown, nowMs: number): number | null {
  const text =
    header(readProperty(error, "headers")) ??
    header(readProperty(readProperty(error, "response"), "headers"));
  if (text === null) return null;
  const askedMs = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  if (Number.isNaN(askedMs)) return null;
  return Math.min(Math.max(0, Math.round(askedMs)), longestMs);
}

function header(headers: unknown): string | null {
  if (typeof headers !== "object" || headers === null) return null;
  try {
    const found =
      "get" in headers && typeof headers.get === "function"
        ? headers.get("retry-after")
        : Object.entries(headers).find(([name]) => name.toLowerCase() === "retry-after")?.[1];
    const first = Array.isArray(found) ? found[0] : found;
    return typeof first === "string" || typeof first === "number" ? String(first).trim() : null;
  } catch {
    return null;
  }
}
