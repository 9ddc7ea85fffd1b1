import { expect, test } from "vitest";
import type { Knock } from "../../src/http/gate.ts";
import { checkIsOwnPage, sessionCookie, sessionIn } from "../../src/http/session-cookie.ts";

test("it is out of reach for scripts and other sites, and of this path alone", () => {
  const place = { path: "/jobs", isSecure: true };
  expect(sessionCookie("s", place, 60_000)).toBe(
    "taskrun_session=s; Path=/jobs; Max-Age=60; HttpOnly; SameSite=Strict; Secure",
  );
  expect(sessionCookie(null, { path: "/", isSecure: false }, 60_000)).toBe(
    "taskrun_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
  );
});

test("it is found among others", () => {
  expect(sessionIn("a=b; taskrun_session=x=y; c=d")).toBe("x=y");
  expect(sessionIn("xtaskrun_session=1; taskrun_session=")).toBeNull();
  expect(sessionIn(undefined)).toBeNull();
});

const knock = (method: string, headers: Knock["headers"]) => {
  return { method, headers, host: "jobs.example" };
};
const ours = { "x-taskrun-request": "1" };

test.each([
  ["GET", {}],
  ["HEAD", { "sec-fetch-site": "same-origin" }],
  ["POST", ours],
  ["POST", { ...ours, origin: "https://JOBS.example" }],
  ["DELETE", { ...ours, origin: "http://jobs.example", "sec-fetch-site": "same-origin" }],
])("%s with %j is a page of ours", (method, headers) => {
  expect(() => checkIsOwnPage(knock(method, headers))).not.toThrow();
});

test.each([
  ["POST", {}],
  ["POST", { "x-taskrun-request": "0" }],
  ["POST", { ...ours, origin: "https://evil.example" }],
  ["POST", { ...ours, origin: "null" }],
  ["POST", { ...ours, "sec-fetch-site": "same-site" }],
  ["GET", { origin: "https://evil.example" }],
  ["GET", { "sec-fetch-site": "cross-site" }],
])("%s with %j is refused", (method, headers) => {
  expect(() => checkIsOwnPage(knock(method, headers))).toThrow(
    expect.objectContaining({ status: 403, code: "wrong-origin" }),
  );
});
