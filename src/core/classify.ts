/**
 * What an error means for the job. A pure function over a table: the first row that matches
 * decides. Every row looks at what was thrown and then through its `cause` chain. The entries of
 * a batch are looked up one by one: it is permanent when all of them are.
 *
 *   1 thrown-on-purpose   taskrun's own error classes
 *   2 task-classify       the task's `classify`, then (config-classify) the config's
 *   3 message-prefix      a message that starts with PERMANENT: or RETRYABLE:
 *   4 payload-schema      the payload broke the task's schema: permanent
 *   5 http-status         408, 425, 429, 5xx retryable (after Retry-After), other 4xx permanent
 *   6 network-code        ECONNRESET and its like: retryable
 *   7 sqlstate            08 40 53 57 55P03 retryable; 22 23 42 permanent
 *   8 default             retryable
 */

import { isBatchError } from "./batch-error.ts";
import { errorChain, readProperty } from "./error-chain.ts";
import type { ClassificationRule } from "./outcome.ts";
import { retryAfterMs } from "./retry-after.ts";
import type { Classify } from "./task.ts";
import { intentOf } from "./task-errors.ts";

export type Classification =
  | { readonly kind: "permanent"; readonly rule: ClassificationRule }
  | {
      readonly kind: "retryable";
      readonly rule: ClassificationRule;
      /** null = as the retry policy says. */
      readonly afterMs: number | null;
    }
  | { readonly kind: "snooze"; readonly rule: ClassificationRule; readonly afterMs: number };

export interface ClassifyOptions {
  /** The task's own word; null = it has none. */
  readonly task: Classify | null;
  /** The config's. */
  readonly config: Classify | null;
  /** Told when one of the two threw; its row is passed over then. */
  readonly onClassifyThrew?: (source: "task" | "config", error: unknown) => void;
  /** What a Retry-After date is counted from. Default: now. */
  readonly nowMs?: number;
}

type Row = (chain: readonly unknown[], options: ClassifyOptions) => Classification | null;

const table: readonly Row[] = [
  thrownOnPurpose,
  (chain, options) => askClassify("task", chain, options),
  (chain, options) => askClassify("config", chain, options),
  eachInChain(messagePrefix),
  eachInChain(payloadSchema),
  eachInChain(httpStatus),
  eachInChain(networkCode),
  eachInChain(sqlState),
];

/** What `thrown` means for the job. Never throws. */
export function classify(thrown: unknown, options: ClassifyOptions): Classification {
  return isBatchError(thrown)
    ? together(thrown.errors.map((error) => classify(error, options)))
    : classifyOne(thrown, options);
}

/** One job waits for all its failed entries: as long as the one that asks for the longest wait. */
function together(verdicts: readonly Classification[]): Classification {
  const [first] = verdicts;
  const again = verdicts.filter((verdict) => verdict.kind !== "permanent");
  if (first === undefined || again.length === 0) return first ?? retryable("default");
  const { rule } = again.find(({ kind }) => kind === "retryable") ?? first;
  const asked = again.map(({ afterMs }) => afterMs).filter((afterMs) => afterMs !== null);
  const afterMs = asked.length === 0 ? null : Math.max(...asked);
  const snoozes = verdicts.every(({ kind }) => kind === "snooze");
  return snoozes ? { kind: "snooze", rule, afterMs: afterMs ?? 0 } : retryable(rule, afterMs);
}

function classifyOne(thrown: unknown, options: ClassifyOptions): Classification {
  const chain = errorChain(thrown);
  for (const row of table) {
    const verdict = row(chain, options);
    if (verdict !== null) return verdict;
  }
  return retryable("default");
}

function eachInChain(
  match: (error: unknown, options: ClassifyOptions) => Classification | null,
): Row {
  return (chain, options) => {
    for (const error of chain) {
      const verdict = match(error, options);
      if (verdict !== null) return verdict;
    }
    return null;
  };
}

function thrownOnPurpose(chain: readonly unknown[]): Classification | null {
  const rule = "thrown-on-purpose";
  for (const error of chain) {
    const afterMs = readProperty(error, "afterMs");
    switch (intentOf(error)) {
      case "permanent":
        return permanent(rule);
      case "retryable":
        return retryable(rule, typeof afterMs === "number" ? afterMs : null);
      case "timeout":
        return retryable(rule);
      case "snooze":
        return { kind: "snooze", rule, afterMs: typeof afterMs === "number" ? afterMs : 0 };
    }
  }
  return null;
}

function askClassify(
  source: "task" | "config",
  chain: readonly unknown[],
  options: ClassifyOptions,
): Classification | null {
  const ask = options[source];
  if (ask === null) return null;
  try {
    const answer = ask(chain[0]);
    if (answer === "permanent") return permanent(`${source}-classify`);
    return answer === "retryable" ? retryable(`${source}-classify`) : null;
  } catch (error) {
    options.onClassifyThrew?.(source, error);
    return null;
  }
}

function messagePrefix(error: unknown): Classification | null {
  const message = typeof error === "string" ? error : readProperty(error, "message");
  if (typeof message !== "string") return null;
  if (message.startsWith("PERMANENT:")) return permanent("message-prefix");
  return message.startsWith("RETRYABLE:") ? retryable("message-prefix") : null;
}

function payloadSchema(error: unknown): Classification | null {
  return intentOf(error) === "payload-schema" ? permanent("payload-schema") : null;
}

const retryableStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

function httpStatus(error: unknown, options: ClassifyOptions): Classification | null {
  const status = [
    readProperty(error, "status"),
    readProperty(error, "statusCode"),
    readProperty(readProperty(error, "response"), "status"),
  ].find((each) => typeof each === "number" && each >= 400 && each <= 599);
  if (typeof status !== "number") return null;
  if (status < 500 && !retryableStatuses.has(status)) return permanent("http-status");
  return retryable("http-status", retryAfterMs(error, options.nowMs ?? Date.now()));
}

const networkCodes: ReadonlySet<unknown> = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETRESET",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ESOCKETTIMEDOUT",
  "ETIMEDOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_SOCKET",
]);

function networkCode(error: unknown): Classification | null {
  return networkCodes.has(readProperty(error, "code")) ? retryable("network-code") : null;
}

function sqlState(error: unknown): Classification | null {
  const code = readProperty(error, "code");
  if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) return null;
  if (/^(?:08|40|53|57)|^55P03$/.test(code)) return retryable("sqlstate");
  return /^(?:22|23|42)/.test(code) ? permanent("sqlstate") : null;
}

function permanent(rule: ClassificationRule): Classification {
  return { kind: "permanent", rule };
}

function retryable(rule: ClassificationRule, afterMs: number | null = null): Classification {
  return { kind: "retryable", rule, afterMs };
}
