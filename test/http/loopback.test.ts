import { expect, test } from "vitest";
import { checkIsLocal, isLoopback } from "../../src/http/loopback.ts";

test.each(["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "app.localhost", "::1"])(
  "%s is this machine",
  (host) => expect(isLoopback(host)).toBe(true),
);

test.each(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.example", "localhost.evil.example", ""])(
  "%s is not this machine alone",
  (host) => expect(isLoopback(host)).toBe(false),
);

test.each([
  { host: "127.0.0.1:3000" },
  { host: "localhost" },
  { host: "[::1]:3000" },
  { host: "localhost:3000", origin: "http://localhost:3000" },
  { host: "localhost:3000", "sec-fetch-site": "same-origin" },
])("%j is let in", (headers) => expect(checkIsLocal(knock(headers))).toBeUndefined());

test.each([
  {},
  { host: "" },
  { host: "evil.example" },
  { host: "evil.example:127" },
  { host: "user@127.0.0.1" },
  { host: "[::1].evil.example" },
  { host: "localhost:3000", origin: "http://localhost:4000" },
  { host: "localhost:3000", origin: "https://localhost:3000" },
  { host: "localhost:3000", origin: "null" },
  { host: "localhost:3000", "sec-fetch-site": "cross-site" },
  { host: "localhost:3000", "sec-fetch-site": "same-site" },
])("%j is refused", (headers) => {
  expect(() => checkIsLocal(knock(headers))).toThrow(expect.objectContaining({ status: 403 }));
});

test.each([
  [{ address: "::1" }, null],
  [{ address: "::ffff:127.0.0.1" }, null],
  [{ address: "::ffff:203.0.113.9" }, "wrong-host"],
  [{ address: "203.0.113.9" }, "wrong-host"],
  [{ host: "jobs.example" }, "wrong-host"],
])("of who asks by a proxy, %j decides: %s", (said, code) => {
  const ask = () => checkIsLocal({ ...knock({ host: "localhost:3000" }), ...said });
  if (code === null) expect(ask()).toBeUndefined();
  else expect(ask).toThrow(expect.objectContaining({ code }));
});

function knock(headers: { readonly host?: string }) {
  return { headers, host: headers.host ?? "", address: "127.0.0.1" };
}
