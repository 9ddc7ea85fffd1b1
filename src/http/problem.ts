/**
 * Every refusal in one shape: the members of RFC 9457 inside `{ "success": false, "error": … }`.
 * Owns which error has which status; refuses to tell a caller anything of an error that it
 * doesn't know.
 */

import { STATUS_CODES } from "node:http";
import { errorChain, readProperty } from "../core/error-chain.ts";
import { sentence, TaskrunError, type TaskrunErrorCode } from "../core/errors.ts";
import { isTransient } from "../store/transient.ts";
import { HttpError, type RequestIssue } from "./http-error.ts";

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The path that was asked for. */
  readonly instance: string;
  /** For programs to decide on. */
  readonly code: string;
  readonly next_step?: string;
  readonly issues?: readonly RequestIssue[];
}

export interface ProblemBody {
  readonly success: false;
  readonly error: Problem;
}

export function problemBody(error: HttpError, instance: string): ProblemBody {
  const { status, code, message, nextStep, issues } = error;
  return {
    success: false,
    error: {
      type: `urn:taskrun:error:${code}`,
      title: STATUS_CODES[status] ?? "Error",
      status,
      detail: message,
      instance,
      code,
      ...(nextStep === null ? {} : { next_step: nextStep }),
      ...(issues === null ? {} : { issues }),
    },
  };
}

/** Any error as one that may be told; null for a fault of our own. */
export function httpErrorFrom(error: unknown): HttpError | null {
  if (error instanceof HttpError) return error;
  if (error instanceof TaskrunError) return ofTaskrun(error);
  return ofFramework(error) ?? ofDatabase(error);
}

const statuses: Partial<Record<TaskrunErrorCode, number>> = {
  "bad-duration": 422,
  "bad-enqueue-option": 422,
  "bad-job-filter": 422,
  "bad-payload": 422,
  "job-not-found": 404,
  "not-migrated": 503,
  "schema-newer": 503,
  "task-not-loadable": 503,
  "unknown-task": 404,
  "wrong-job-state": 409,
};

function ofTaskrun(error: TaskrunError): HttpError | null {
  const { code, what, nextStep } = error;
  const status = statuses[code];
  if (status === undefined) return null;
  return new HttpError(status, code, sentence(what), { nextStep });
}

/** By the codes of Fastify. */
const framework: Readonly<Record<string, readonly [number, string, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, "body-too-large", "The body is larger than 1 MB."],
  FST_ERR_CTP_INVALID_JSON_BODY: [
    400,
    "bad-json",
    "The body is not JSON, or has a key that no body may have (__proto__).",
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    415,
    "wrong-content-type",
    "The body must be JSON: Content-Type: application/json.",
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    400,
    "bad-request",
    "The body is not as long as Content-Length says.",
  ],
  FST_ERR_BAD_URL: [400, "bad-request", "The address is not a valid one."],
};

function ofFramework(error: unknown): HttpError | null {
  const known = framework[String(readProperty(error, "code"))];
  if (known !== undefined) return new HttpError(...known);
  const status = readProperty(error, "statusCode");
  if (typeof status !== "number" || status < 400 || status >= 500) return null;
  return new HttpError(status, "bad-request", error instanceof Error ? error.message : "");
}

/** What our SQL functions raise for an option that can't be. */
const refusedValue = "22023";
/** program_limit_exceeded: of the values, not of the server's state. */
const tooMuch = /^54\d{3}$/;
/** A NUL, or half a character as JSON writes it: in no text of ours. */
const noText: ReadonlySet<unknown> = new Set(["22021", "22P05"]);
const missing: ReadonlySet<unknown> = new Set(["3F000", "42P01", "42883"]);

function ofDatabase(error: unknown): HttpError | null {
  for (const each of errorChain(error)) {
    const [code, message] = [readProperty(each, "code"), readProperty(each, "message")];
    if (code === refusedValue && typeof message === "string" && /^taskrun[.:]/.test(message)) {
      return new HttpError(422, "bad-enqueue-option", message);
    }
    if (typeof code === "string" && tooMuch.test(code)) {
      return new HttpError(422, "bad-body", "The body is too deep or too large to be stored.");
    }
    if (noText.has(code)) {
      return new HttpError(422, "bad-body", "The body has a text that Postgres can't store (NUL).");
    }
    if (missing.has(code)) {
      return new HttpError(503, "not-migrated", "The database is not up to date.", {
        nextStep: "Run `taskrun migrate`.",
      });
    }
    if (!isTransient(each)) continue;
    return new HttpError(503, "database-unavailable", "The database doesn't answer now.", {
      nextStep: "Try again in a moment.",
      headers: { "retry-after": "2" },
    });
  }
  return null;
}
