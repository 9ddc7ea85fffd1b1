/**
 * Which hosts are this machine alone. Without tokens, only such a host may be listened on and
 * asked for: a page in a browser can make a name of its own point here (DNS rebinding), and can
 * send requests that need no permission.
 */

import { isIPv4, isIPv6 } from "node:net";
import { shortText } from "../core/short-text.ts";
import type { Knock } from "./gate.ts";
import { HttpError } from "./http-error.ts";

/** `host` without a port: "127.0.0.1", "localhost", "::1". */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (isIPv4(name)) return name.startsWith("127.");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1";
}

/**
 * @throws HttpError 403 unless the request was made on this machine and for it, and by no other
 *   site; also in the words of a proxy that is trusted
 */
export function checkIsLocal(knock: Pick<Knock, "headers" | "host" | "address">): void {
  const { host = "", origin, "sec-fetch-site": site } = knock.headers;
  const told = [knock.headers["x-forwarded-host"] ?? []].flat();
  const other = [host, knock.host, ...told].find((one) => !isLoopback(nameIn(one)));
  if (other !== undefined) {
    throw forbidden(
      "wrong-host",
      `The Host is ${JSON.stringify(shortText(other))}, not this machine`,
    );
  }
  for (const address of [knock.address, ...toldAddresses(knock.headers)]) {
    if (isLoopback(nameIn(address).replace(/^::ffff:/i, ""))) continue;
    throw forbidden("wrong-host", `Another machine asks (${shortText(address)})`);
  }
  const isForeign = origin !== undefined && origin !== `http://${host}`;
  if (isForeign || site === "cross-site" || site === "same-site") {
    throw forbidden("wrong-origin", "A page of another site asks");
  }
}

/**
 * Of whom a proxy says that they ask, whether or not the configuration names it. Believed only to
 * refuse: a proxy on this machine that sends the API's own address as the Host would else let in
 * everybody whom it serves. One that says nothing at all can't be told from a program here.
 */
function toldAddresses(headers: Knock["headers"]): string[] {
  const lists = [headers["x-forwarded-for"] ?? [], headers["x-real-ip"] ?? []].flat();
  const plain = lists.flatMap((list) => list.split(","));
  const { forwarded = "" } = headers;
  const standard = [...forwarded.matchAll(/(?:^|[;,\s])for=("[^"]*"|[^;,\s]*)/gi)];
  return [...plain, ...standard.map(([, one = ""]) => one.replaceAll('"', ""))].map((one) =>
    one.trim(),
  );
}

/** Without the port. An address of version 6 may come without brackets. */
function nameIn(host: string): string {
  if (isIPv6(host)) return host;
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return bracketed ?? plain ?? "";
}

function forbidden(code: string, what: string): HttpError {
  return new HttpError(403, code, `${what}, and no token is configured.`, {
    nextStep: "Create one with `taskrun token create NAME`, and send it.",
  });
}
