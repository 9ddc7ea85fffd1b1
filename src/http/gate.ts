/** Who asks, what is looked at to know it, and what they may do. Knows of no way to find out. */

import type { IncomingHttpHeaders } from "node:http";
import type { FastifyRequest } from "fastify";
import type { TokenScope } from "../store/tokens.ts";
import { HttpError } from "./http-error.ts";

export interface Caller {
  /** The token's; null where none is needed. */
  readonly name: string | null;
  readonly scopes: readonly TokenScope[];
}

/** What is looked at of a request. */
export interface Knock {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly address: string;
  /** The part of the URL behind "?". */
  readonly query: string;
  /** The host that the caller asked for; the proxy's word where proxies are trusted. */
  readonly host: string;
  /** The whole of it, for an application that says itself who asks. */
  readonly request: FastifyRequest;
}

/** Lets callers in: ours, or the one of an application that the API is embedded in. */
export interface Gate {
  /** @throws HttpError 400, 401, 403 or 429 */
  admit(knock: Knock): Promise<Caller>;
  /** Whether a caller must show who they are. */
  isClosed(): Promise<boolean>;
}

/** @throws HttpError 403 */
export function checkScope(caller: Caller, scope: TokenScope): void {
  if (caller.scopes.includes(scope)) return;
  const who = caller.name === null ? "You" : `The token ${caller.name}`;
  throw new HttpError(403, "wrong-scope", `${who} may not do this: it needs the scope ${scope}.`, {
    headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="${scope}"` },
  });
}
