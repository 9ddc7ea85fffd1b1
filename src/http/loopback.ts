/**
 * Which hosts are this machine alone. Without tokens, only such a host may be listened on and
 * asked for: a page in a browser can make a name of its own point here (DNS rebinding), and can
 * send requests that need no permission.
 */

import { isIPv4 } from "node:net";
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
  const other = [host, knock.host].find((one) => !isLoopback(nameIn(one)));
  if (other !== undefined) {
    throw forbidden("wrong-host", `The Host is ${JSON.stringify(other)}, not this machine`);
  }
  if (!isLoopback(knock.address.replace(/^::ffff:/i, ""))) {
    throw forbidden("wrong-host", `Another machine asks (${knock.address})`);
  }
  const isForeign = origin !== undefined && origin !== `http://${host}`;
  if (isForeign || site === "cross-site" || site === "same-site") {
    throw forbidden("wrong-origin", "A page of another site asks");
  }
}

function nameIn(host: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return bracketed ?? plain ?? "";
}

function forbidden(code: string, what: string): HttpError {
  return new HttpError(403, code, `${what}, and no token is configured.`, {
    nextStep: "Create one with `taskrun token create NAME`, and send it.",
  });
}
