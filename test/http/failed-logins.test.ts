import { expect, test } from "vitest";
import { FailedLogins } from "../../src/http/failed-logins.ts";

test("an address waits for the rest of the window after as many failures as the limit", () => {
  let now = 1000;
  const logins = new FailedLogins({ limit: 3, windowMs: 60, now: () => now });
  logins.failed("a");
  now += 10;
  logins.failed("a");
  expect(logins.waitMs("a")).toBe(0);
  logins.failed("a");
  expect(logins.waitMs("a")).toBe(50);
  expect(logins.waitMs("b")).toBe(0);
  now += 50;
  expect(logins.waitMs("a")).toBe(0);
  logins.failed("a");
  expect(logins.waitMs("a")).toBe(0);
});

test("addresses that are tried in masses push out the oldest", () => {
  const logins = new FailedLogins({ limit: 1, windowMs: 60_000 });
  logins.failed("first");
  for (let n = 0; n < 10_000; n += 1) logins.failed(`address ${n}`);
  expect(logins.waitMs("first")).toBe(0);
  expect(logins.waitMs("address 9999")).toBeGreaterThan(0);
});
