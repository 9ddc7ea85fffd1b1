import { expect, test } from "vitest";
import { isTrustedProxy } from "../../src/config/trusted-proxy.ts";
import { TrustedProxies } from "../../src/http/trusted-proxies.ts";

test.each([
  "loopback",
  "uniquelocal",
  "10.0.0.1",
  "10.0.0.0/8",
  "10.0.0.0/255.0.0.0",
  "192.168.1.1/32",
  "::1",
  "fd00::/8",
  "::ffff:10.0.0.1",
  "2001:db8::1/128",
])("%s may be trusted, and the server can read it", (text) => {
  expect(isTrustedProxy(text)).toBe(true);
  expect(new TrustedProxies([text]).trusts("203.0.113.9", 0)).toBe(false);
});

test.each([
  "",
  "Loopback",
  "everybody",
  "10.0.0",
  "10.0.0.256",
  "10.0.0.0/0",
  "10.0.0.0/33",
  "10.0.0.0/8/8",
  "10.0.0.0/",
  "10.0.0.0/255.0.255.0",
  "fd00::/129",
  "fd00::/255.0.0.0",
  "fe80::1%eth0",
  "....",
])("%j may not", (text) => expect(isTrustedProxy(text)).toBe(false));
