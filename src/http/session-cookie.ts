/**
 * The cookie of a browser that has signed in: how it is written and read, and what a request that
 * comes with it must show, so that no other site can make the browser send one.
 */

import type { Knock } from "./gate.ts";
import { HttpError } from "./http-error.ts";

const name = "taskrun_session";

type Asked = Pick<Knock, "method" | "headers" | "host">;

export interface CookiePlace {
  /** The path that the browser sends it to: "/" or "/prefix". */
  readonly path: string;
  /** Whether the browser speaks TLS. */
  readonly isSecure: boolean;
}

/** A `Set-Cookie`; `secret` null takes it away. */
export function sessionCookie(
  secret: string | null,
  { path, isSecure }: CookiePlace,
  lastsMs: number,
): string {
  const age = secret === null ? 0 : Math.floor(lastsMs / 1000);
  const secure = isSecure ? "; Secure" : "";
  return `${name}=${secret ?? ""}; Path=${path}; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`;
}

/** Null without one. */
export function sessionIn(cookies = ""): string | null {
  for (const cookie of cookies.split(";")) {
    const [key = "", value = ""] = cookie.split(/=(.*)/s);
    if (key.trim() === name && value !== "") return value.trim();
  }
  return null;
}

/**
 * What changes something must come from a page of ours: with a header that no form can send, and
 * from the host that was asked.
 *
 * @throws HttpError 403
 */
export function checkIsOwnPage(asked: Asked): void {
  const { method, headers } = asked;
  checkIsNoForeignPage(asked);
  if (method === "GET" || method === "HEAD" || headers["x-taskrun-request"] === "1") return;
  throw foreign("A request with a cookie needs the header X-Taskrun-Request: 1");
}

/**
 * A browser tells of a page of another site whenever that changes something.
 *
 * @throws HttpError 403
 */
export function checkIsNoForeignPage({ headers, host }: Pick<Asked, "headers" | "host">): void {
  const site = headers["sec-fetch-site"];
  const { origin } = headers;
  const isForeign = origin !== undefined && hostOf(origin) !== host.toLowerCase();
  if (isForeign || site === "cross-site" || site === "same-site") {
    throw foreign(`A page of another site asks (${origin ?? site})`);
  }
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host.toLowerCase() : null;
}

function foreign(what: string): HttpError {
  return new HttpError(403, "wrong-origin", `${what}.`, {
    nextStep: "Behind a proxy that changes the Host, name the proxy in httpTrustProxy.",
  });
}
