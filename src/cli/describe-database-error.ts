/**
 * What an error of the database, or of the way to it, means: one sentence, what to do, and
 * whether waiting may help. Decides on SQLSTATE and Node's codes.
 */

import { isTransient } from "../store/transient.ts";

export interface DatabaseFault {
  readonly sentence: string;
  readonly hint: string | null;
  /** True when the same connection may well succeed a little later. */
  readonly passes: boolean;
}

const refusals: Readonly<Record<string, readonly [sentence: string, hint: string]>> = {
  "28P01": ["the password is wrong", "Correct the user or the password in DATABASE_URL."],
  "28000": [
    "the server doesn't let this user in from here",
    "Check the user in DATABASE_URL, the server's pg_hba.conf, and whether it wants sslmode=require.",
  ],
  "3D000": ["there is no such database", "Create it (`createdb NAME`), or correct DATABASE_URL."],
  "42501": [
    "this user has not the rights that this takes",
    "Connect as the owner of the queue, or as a member of a role that may: `taskrun db roles`.",
  ],
  "25006": ["the database is read-only", "Connect to the primary server, not to a standby."],
  "42P01": ["a table of the queue is missing", "Run `taskrun migrate`."],
  "3F000": ["the queue's schema is missing", "Run `taskrun migrate`."],
};

/** Only who makes the schemas needs a right on the database itself. */
const noCreate: (typeof refusals)[string] = [
  "this user has not the rights that taskrun needs",
  "Grant it CREATE on the database once for `taskrun migrate`, or migrate as another user.",
];

const waits: Readonly<Record<string, string>> = {
  "57P03": "the server is starting up",
  "53300": "the server has no connection to spare",
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "the host's name is unknown",
  EAI_AGAIN: "the host's name can't be looked up now",
  ETIMEDOUT: "the host doesn't answer",
  ECONNRESET: "the connection was cut",
  ECONNABORTED: "the connection was cut",
  EPIPE: "the connection was cut",
  EHOSTUNREACH: "the host can't be reached",
  ENETUNREACH: "the host's network can't be reached",
  ENOENT: "the socket isn't there",
};

/** Null for an error that has nothing to do with a database. */
export function describeDatabaseError(error: unknown): DatabaseFault | null {
  if (!(error instanceof Error)) return null;
  const code = codeOf(error);
  const isOnDatabase = code === "42501" && /permission denied for database/.test(error.message);
  const refusal = code === null ? undefined : isOnDatabase ? noCreate : refusals[code];
  if (refusal !== undefined) {
    const said = withoutCode(error.message);
    return { sentence: `${refusal[0]}${said}`, hint: refusal[1], passes: false };
  }
  const wait = code === null ? undefined : waits[code];
  if (wait !== undefined) return { sentence: wait, hint: null, passes: true };
  if (/^SASL:.*password/i.test(error.message)) {
    return {
      sentence: "the server wants a password and there is none",
      hint: "Put it into DATABASE_URL, behind the user's name: user:password@host.",
      passes: false,
    };
  }
  if (/does not support SSL/i.test(error.message)) {
    return {
      sentence: "the server doesn't speak TLS, which the connection asks for",
      hint: "Take sslmode out of DATABASE_URL, or set it to disable.",
      passes: false,
    };
  }
  if (code !== null && /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_/.test(code)) {
    return {
      sentence: `the server's certificate is not trusted (${code})`,
      hint: "Give its authority with sslrootcert=… in DATABASE_URL.",
      passes: false,
    };
  }
  if (/unsupported startup parameter/.test(error.message)) {
    return {
      sentence: `the pooler refuses a setting of the session (${error.message})`,
      hint: "pgbouncer: ignore_startup_parameters = extra_float_digits, options, statement_timeout",
      passes: false,
    };
  }
  if (code !== null && /^[0-9A-Z]{5}$/.test(code) && "severity" in error) {
    return {
      sentence: `${error.message} (SQLSTATE ${code})`,
      hint: null,
      passes: isTransient(error),
    };
  }
  // pg tells a server that is silent, and a connection that was cut off, by these texts alone.
  if (/^(timeout expired|Query read timeout)$/.test(error.message)) {
    return { sentence: "the server doesn't answer", hint: null, passes: true };
  }
  if (/^Connection terminated|trying to connect/.test(error.message)) {
    return { sentence: error.message, hint: null, passes: true };
  }
  // Whatever else the way to a server may say.
  if (code !== null && isTransient(error)) {
    return { sentence: error.message, hint: null, passes: true };
  }
  return null;
}

/** A host with several addresses fails with one error for each of them. */
function codeOf(error: Error): string | null {
  if ("code" in error && typeof error.code === "string") return error.code;
  if (!(error instanceof AggregateError)) return null;
  const [first]: unknown[] = error.errors;
  return first instanceof Error ? codeOf(first) : null;
}

function withoutCode(message: string): string {
  return message === "" ? "" : ` (${message})`;
}
