/**
 * Which hosts are this machine alone. Without tokens, only such a host may be listened on and
 * asked for: a page in a browser can make a name of its own point here (DNS rebinding), and can
 * send requests that need no permission.
 */

import type { IncomingHttpHeaders } from "node:http";
import { isIPv4 } from "node:net";
import { HttpError } from "./http-error.ts";

/** `host` without a port: "127.0.0.1", "localhost", "::1". */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (isIPv4(name)) return name.startsWith("127.");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1";
}

/** @throws HttpError 403 unless the request was made for this machine, and by no other site. */
export function checkIsLocal(headers: IncomingHttpHeaders): void {
  const { host = "", origin, "sec-fetch-site": site } = headers;
  if (!isLoopback(nameIn(host))) {
    throw forbidden("wrong-host", `The Host is ${JSON.stringify(host)}, not this machine`);
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
