/**
 * Makes any thrown thing storable: Postgres takes no NUL and no lone surrogates, a history row
 * is no place for a 50 MB stack, and a thrown thing may be hostile to being read at all.
 */

import { errorChain, readProperty } from "./error-chain.ts";
import { maskAddresses } from "./line-masker.ts";
import type { ClassificationRule, Failure, Outcome } from "./outcome.ts";

const longestName = 200;
const longestMessage = 10_000;
const longestStack = 20_000;
const longestPart = 2_000;
const mostParts = 5;

/** The failure that `thrown` stands for. Never throws. */
export function toFailure(thrown: unknown, rule: ClassificationRule): Failure {
  return {
    name: storable(nameOf(thrown), longestName),
    // Clients of all kinds quote their address, and an error is kept and shown.
    message: maskAddresses(storable(messageOf(thrown), longestMessage)),
    stack: maskedStack(stackOf(thrown)),
    rule,
    thrown,
  };
}

/**
 * The failure as a log line's `err`: from its storable texts, since what was thrown may bite.
 * Without a prototype, so that pino's serialiser takes the error's type from `name`.
 */
export function loggable({ name, message, stack }: Failure): object {
  return Object.assign(Object.create(null), { name, message, stack: stack ?? "" });
}

/** `text` as Postgres takes it; what is over `longest` characters is cut, with a note. */
export function storable(text: string, longest: number): string {
  // Cut first: cleaning 50 MB to keep 10 kB would block the event loop.
  if (text.length <= longest) return clean(text);
  const note = ` … (cut: ${text.length} characters in all)`;
  return clean(text.slice(0, longest - note.length)) + note;
}

function clean(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}

function nameOf(thrown: unknown): string {
  if (!isErrorLike(thrown)) return "NonError";
  const name = readProperty(thrown, "name");
  return typeof name === "string" && name !== "" ? name : "Error";
}

function messageOf(thrown: unknown): string {
  if (isErrorLike(thrown)) {
    const message = readProperty(thrown, "message");
    if (typeof message === "string" && message !== "") return message;
    // As Node says that none of a host's addresses answered.
    const parts = partsOf(thrown).map((part) => messageOf(part));
    return parts.length > 0 ? parts.join("; ") : `${nameOf(thrown)} without a message`;
  }
  if (typeof thrown === "string") return thrown === "" ? "an empty string was thrown" : thrown;
  return `${describe(thrown)} was thrown`;
}

function describe(thrown: unknown): string {
  if (typeof thrown === "function") return "a function";
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  try {
    return JSON.stringify(thrown) ?? "an object";
  } catch {
    return "an object that can't be shown";
  }
}

/** Errors of another realm or package are not `instanceof Error`; a message makes an error. */
function isErrorLike(thrown: unknown): boolean {
  if (typeof thrown !== "object" || thrown === null) return false;
  try {
    return thrown instanceof Error || "message" in thrown;
  } catch {
    return false;
  }
}

/** The errors in an AggregateError, the first ones. */
function partsOf(thrown: unknown): readonly unknown[] {
  const errors = readProperty(thrown, "errors");
  try {
    if (!Array.isArray(errors)) return [];
    // One level: an error may be among its own errors.
    const parts = errors.slice(0, mostParts);
    return parts.filter((part) => readProperty(part, "errors") === undefined);
  } catch {
    return [];
  }
}

function maskedStack(stack: string | null): string | null {
  return stack === null ? null : maskAddresses(stack);
}

function stackOf(thrown: unknown): string | null {
  const stacks: string[] = [];
  for (const error of errorChain(thrown)) {
    const stack = readProperty(error, "stack");
    if (typeof stack === "string") stacks.push(stack.slice(0, longestStack + 1));
    else if (stacks.length > 0) stacks.push(messageOf(error));
    for (const part of partsOf(error)) {
      const partStack = readProperty(part, "stack");
      const text = typeof partStack === "string" ? partStack : messageOf(part);
      stacks.push(`one of its errors: ${text.slice(0, longestPart)}`);
    }
  }
  return stacks.length === 0 ? null : storable(stacks.join("\ncaused by: "), longestStack);
}

/** Of an attempt that fell to a fault of ours; not to be fetched again and again. */
export function failedByFault(fault: unknown): Outcome {
  return { state: "failed", error: toFailure(fault, "default") };
}
