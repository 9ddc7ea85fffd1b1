import { expect, test } from "vitest";
import { describeDatabaseError } from "../../src/cli/describe-database-error.ts";
import { maskAddresses } from "../../src/core/line-masker.ts";

function failure(message: string, fields: object = {}): Error {
  return Object.assign(new Error(message), fields);
}

const waits = [
  failure("connect ECONNREFUSED 127.0.0.1:1", { code: "ECONNREFUSED" }),
  failure("getaddrinfo ENOTFOUND db", { code: "ENOTFOUND" }),
  failure("the database system is starting up", { code: "57P03", severity: "FATAL" }),
  failure("sorry, too many clients already", { code: "53300", severity: "FATAL" }),
  failure("read ECONNRESET", { code: "ECONNRESET", syscall: "read" }),
  failure("write EPIPE", { code: "EPIPE", syscall: "write" }),
  failure("connect EHOSTUNREACH 10.0.0.7:5432", { code: "EHOSTUNREACH", syscall: "connect" }),
  failure("connect ENETUNREACH 10.0.0.7:5432", { code: "ENETUNREACH", syscall: "connect" }),
  failure("deadlock detected", { code: "40P01", severity: "ERROR" }),
  failure("Connection terminated unexpectedly"),
  failure("timeout expired"),
  failure("Query read timeout"),
  new AggregateError([failure("connect ECONNREFUSED ::1:1", { code: "ECONNREFUSED" })]),
];

test.each(waits)("%s may pass", (error) => {
  expect(describeDatabaseError(error)).toMatchObject({ passes: true });
});

const refusals: [Error, string][] = [
  [failure("password authentication failed", { code: "28P01" }), "the password is wrong"],
  [failure('database "x" does not exist', { code: "3D000" }), "there is no such database"],
  [failure("no pg_hba.conf entry", { code: "28000" }), "doesn't let this user in"],
  [failure("permission denied for database x", { code: "42501" }), "not the rights"],
  [failure("cannot execute CREATE in a read-only transaction", { code: "25006" }), "read-only"],
  [failure("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string"), "there is none"],
  [failure("The server does not support SSL connections"), "TLS"],
  [failure("self-signed certificate", { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }), "not trusted"],
  [
    failure("unsupported startup parameter: options", { code: "08P01", severity: "FATAL" }),
    "the pooler refuses",
  ],
  [failure("syntax error", { code: "42601", severity: "ERROR" }), "SQLSTATE 42601"],
];

test.each(refusals)("%s doesn't pass by itself: %s", (error, sentence) => {
  const fault = describeDatabaseError(error);
  expect(fault).toMatchObject({ passes: false });
  expect(fault?.sentence).toContain(sentence);
  const hint = fault?.hint ?? "";
  expect(maskAddresses(hint), "what is shown as an example isn't hidden").toBe(hint);
});

test("whoever lacks rights on the queue is sent to the roles, not told to create schemas", () => {
  const hintOn = (thing: string) =>
    describeDatabaseError(failure(`permission denied for ${thing}`, { code: "42501" }))?.hint;
  expect(hintOn("database app")).toContain("CREATE on the database");
  for (const thing of ["table pauses", "view jobs", "function add_job", "schema taskrun"]) {
    expect(hintOn(thing)).toMatch(/owner.*taskrun db roles/);
  }
});

test.each([new TypeError("x is not a function"), "text", null, failure("x", { code: "ENOTDIR" })])(
  "%s has nothing to do with a database",
  (error) => expect(describeDatabaseError(error)).toBeNull(),
);
