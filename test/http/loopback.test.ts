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

test.each([
  { "x-forwarded-for": "203.0.113.9" },
  { "x-forwarded-for": "127.0.0.1, 203.0.113.9:4711" },
  { "x-forwarded-for": "2001:db8::1" },
  { "x-real-ip": "203.0.113.9" },
  { forwarded: 'proto=https;for="[2001:db8::1]:4711"' },
  { forwarded: "for=127.0.0.1, For=203.0.113.9" },
  { forwarded: "for=_hidden" },
  { "x-forwarded-host": "jobs.example" },
])("who comes by a proxy that nobody has named and that says %j is refused", (told) => {
  const ask = () => checkIsLocal(knock({ host: "localhost:3000", ...told }));
  expect(ask).toThrow(expect.objectContaining({ code: "wrong-host", status: 403 }));
});

test.each([
  { "x-forwarded-for": "127.0.0.1" },
  { "x-forwarded-for": "::1, ::ffff:127.0.0.1", "x-real-ip": "127.0.0.1" },
  { forwarded: 'for=127.0.0.1;host="localhost:5173";proto=http' },
  { forwarded: 'for="[::1]:4711"' },
  { "x-forwarded-host": "localhost:5173" },
])("who is on this machine comes by such a proxy too: %j", (told) => {
  expect(checkIsLocal(knock({ host: "localhost:3000", ...told }))).toBeUndefined();
});

function knock(headers: { readonly host?: string }) {
  return { headers, host: headers.host ?? "", address: "127.0.0.1" };
}
