/** What `httpTrustProxy` may name: no more than the server's own reading of it takes. */

import { isIP, isIPv4 } from "node:net";

const named: ReadonlySet<string> = new Set(["loopback", "linklocal", "uniquelocal"]);

/** An address, or a network like "10.0.0.0/8", "10.0.0.0/255.0.0.0", "fd00::/8"; or a name. */
export function isTrustedProxy(text: string): boolean {
  if (named.has(text)) return true;
  const [address = "", range, ...more] = text.split("/");
  if (isIP(address) === 0 || address.includes("%") || more.length > 0) return false;
  if (range === undefined) return true;
  if (/^\d{1,3}$/.test(range)) return isWithin(Number(range), isIPv4(address) ? 32 : 128);
  return isIPv4(address) && isMask(range);
}

function isWithin(bits: number, most: number): boolean {
  return bits >= 1 && bits <= most;
}

/** "255.255.0.0": ones, and then zeros. */
function isMask(text: string): boolean {
  const parts = text.split(".").map((part) => Number(part).toString(2).padStart(8, "0"));
  return isIPv4(text) && /^1+0*$/.test(parts.join(""));
}
