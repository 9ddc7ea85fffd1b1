/**
 * Who asks, and whether they may. With tokens in the database every request needs one; without,
 * only this machine may ask. Whoever makes the first token closes the door at once and for good.
 */

import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type pg from "pg";
import type { Logger } from "../core/logger.ts";
import type { Schemas } from "../store/schemas.ts";
import {
  findToken,
  hasTokens,
  noteTokenUse,
  type TokenScope,
  tokenScopes,
} from "../store/tokens.ts";
import { FailedLogins } from "./failed-logins.ts";
import { HttpError } from "./http-error.ts";
import { checkIsLocal } from "./loopback.ts";

export interface Caller {
  /** The token's; null where none is needed. */
  readonly name: string | null;
  readonly scopes: readonly TokenScope[];
}

/** What is looked at of a request. */
export interface Knock {
  readonly headers: IncomingHttpHeaders;
  readonly address: string;
  /** The part of the URL behind "?". */
  readonly query: string;
}

export interface GatekeeperOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
}

const failedLogins = { limit: 10, windowMs: 60_000 };
const longestToken = 200;

export class Gatekeeper {
  readonly #options: GatekeeperOptions;
  readonly #failedLogins = new FailedLogins(failedLogins);
  /** Hashes of tokens that were right: others behind the same proxy must not lock them out. */
  readonly #trusted = new Set<string>();
  #isClosed = false;

  constructor(options: GatekeeperOptions) {
    this.#options = options;
  }

  /** Whether a token is needed. */
  async isClosed(): Promise<boolean> {
    const { db, schemas } = this.#options;
    this.#isClosed ||= await hasTokens(db, schemas);
    return this.#isClosed;
  }

  /** @throws HttpError 400, 401, 403 or 429 */
  async admit(knock: Knock): Promise<Caller> {
    refuseTokenInUrl(knock.query);
    if (await this.isClosed()) return this.#byToken(knock);
    checkIsLocal(knock.headers);
    return { name: null, scopes: tokenScopes };
  }

  async #byToken({ headers, address }: Knock): Promise<Caller> {
    const token = tokenIn(headers.authorization);
    const hash = createHash("sha256").update(token).digest("hex");
    if (!this.#trusted.has(hash)) this.#refuseGuesser(address);
    const { db, schemas, logger } = this.#options;
    const found = await findToken(db, schemas, token);
    if (found?.state !== "valid") {
      this.#trusted.delete(hash);
      this.#failedLogins.failed(address);
      logger.warn({ address, token: found?.name ?? null }, "a request had a wrong token");
      if (found === null) throw unauthorized("wrong-token", "The token is not known.");
      throw unauthorized(`token-${found.state}`, `The token ${found.name} is ${found.state}.`);
    }
    this.#trusted.add(hash);
    if (found.isUnnoted) {
      noteTokenUse(db, schemas, found.id).catch((err: unknown) =>
        logger.debug({ err }, "the use of a token can't be noted"),
      );
    }
    return { name: found.name, scopes: found.scopes };
  }

  #refuseGuesser(address: string): void {
    const waitMs = this.#failedLogins.waitMs(address);
    if (waitMs === 0) return;
    throw new HttpError(429, "too-many-wrong-tokens", "Too many wrong tokens from this address.", {
      headers: { "retry-after": String(Math.ceil(waitMs / 1000)) },
    });
  }
}

/** @throws HttpError 403 */
export function checkScope(caller: Caller, scope: TokenScope): void {
  if (caller.scopes.includes(scope)) return;
  throw new HttpError(
    403,
    "wrong-scope",
    `The token ${caller.name} may not do this: it needs the scope ${scope}.`,
    {
      headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="${scope}"` },
    },
  );
}

/** It would be in logs, in the browser's history and in what is sent on as the referrer. */
function refuseTokenInUrl(query: string): void {
  const names = [...new URLSearchParams(query).keys()].map((name) => name.toLowerCase());
  const found = names.find((name) => /^((access|auth|bearer)_?)?token$|^api_?key$/.test(name));
  if (found === undefined) return;
  throw new HttpError(400, "token-in-url", `A token must not be in the address (${found}).`, {
    nextStep: "Send it as a header: Authorization: Bearer TOKEN. Revoke this one.",
  });
}

function tokenIn(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw unauthorized("no-token", "There is no token: Authorization: Bearer TOKEN.");
  }
  const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (token !== undefined && token.length <= longestToken) return token;
  throw unauthorized("wrong-token", "Authorization must be: Bearer TOKEN.");
}

function unauthorized(code: string, message: string): HttpError {
  const error = code === "no-token" ? "" : ' error="invalid_token"';
  return new HttpError(401, code, message, {
    nextStep: "Create a token with `taskrun token create NAME`.",
    headers: { "www-authenticate": `Bearer${error}` },
  });
}
