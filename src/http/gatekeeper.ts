/**
 * Who asks, and whether they may. With tokens in the database every request needs one, or the
 * cookie of a browser that has shown one; without, only this machine may ask. Whoever makes the
 * first token closes the door at once and for good.
 */

import { createHash } from "node:crypto";
import type pg from "pg";
import type { Logger } from "../core/logger.ts";
import type { Schemas } from "../store/schemas.ts";
import { findSession, sessionPrefix } from "../store/sessions.ts";
import {
  type FoundToken,
  findToken,
  hasTokens,
  noteTokenUse,
  tokenScopes,
} from "../store/tokens.ts";
import { FailedLogins } from "./failed-logins.ts";
import type { Caller, Gate, Knock } from "./gate.ts";
import { HttpError } from "./http-error.ts";
import { checkIsLocal } from "./loopback.ts";
import { checkIsOwnPage, sessionIn } from "./session-cookie.ts";

export interface GatekeeperOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
}

const failedLogins = { limit: 10, windowMs: 60_000 };
const longestToken = 200;

export class Gatekeeper implements Gate {
  readonly #options: GatekeeperOptions;
  readonly #failedLogins = new FailedLogins(failedLogins);
  /** Hashes of tokens that were right: others behind the same proxy must not lock them out. */
  readonly #trusted = new Set<string>();
  #isClosed = false;

  constructor(options: GatekeeperOptions) {
    this.#options = options;
  }

  async isClosed(): Promise<boolean> {
    const { db, schemas } = this.#options;
    this.#isClosed ||= await hasTokens(db, schemas);
    return this.#isClosed;
  }

  async admit(knock: Knock): Promise<Caller> {
    refuseTokenInUrl(knock.query);
    const { authorization } = knock.headers;
    if (!(await this.isClosed())) return this.#locally(knock);
    const session = authorization === undefined ? sessionIn(knock.headers.cookie) : null;
    if (session !== null) return this.#bySession(knock, session);
    return this.checkToken(tokenIn(authorization), knock.address);
  }

  /** @throws HttpError 401 or 429, unless the token is in use */
  async checkToken(token: string, address: string): Promise<FoundToken> {
    const hash = createHash("sha256").update(token).digest("hex");
    if (!this.#trusted.has(hash)) this.refuseGuesser(address);
    const { db, schemas, logger } = this.#options;
    const found = await findToken(db, schemas, token);
    if (found?.state !== "valid") {
      this.#trusted.delete(hash);
      this.failed(address, found?.name ?? null);
      if (found === null) throw unauthorized("wrong-token", "The token is not known.");
      throw unauthorized(`token-${found.state}`, `The token ${found.name} is ${found.state}.`);
    }
    this.#trusted.add(hash);
    if (found.isUnnoted) {
      noteTokenUse(db, schemas, found.id).catch((err: unknown) =>
        logger.debug({ err }, "the use of a token can't be noted"),
      );
    }
    return found;
  }

  /** @throws HttpError 429 for an address that has shown too many wrong secrets */
  refuseGuesser(address: string): void {
    const waitMs = this.#failedLogins.waitMs(address);
    if (waitMs === 0) return;
    throw new HttpError(429, "too-many-wrong-tokens", "Too many wrong tokens from this address.", {
      headers: { "retry-after": String(Math.ceil(waitMs / 1000)) },
    });
  }

  /** Counts a wrong secret. */
  failed(address: string, name: string | null = null): void {
    this.#failedLogins.failed(address);
    this.#options.logger.warn({ address, token: name }, "a request had a wrong token");
  }

  /** Nobody needs to sign in here, but an account that has is who asks. */
  async #locally(knock: Knock): Promise<Caller> {
    checkIsLocal(knock);
    const { headers, address } = knock;
    const secret = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1];
    if (!secret?.startsWith(sessionPrefix)) return { name: null, scopes: tokenScopes };
    this.refuseGuesser(address);
    const { db, schemas } = this.#options;
    const session = await findSession(db, schemas, secret);
    if (session?.kind === "account") return session;
    this.failed(address);
    throw unauthorized("wrong-token", "The session is over or not known.");
  }

  async #bySession(knock: Knock, secret: string): Promise<Caller> {
    const { db, schemas } = this.#options;
    const session = await findSession(db, schemas, secret);
    // An account counts only as long as nobody needs a token.
    if (session === null || session.kind === "account") {
      throw unauthorized("session-over", "You are not signed in any more.");
    }
    checkIsOwnPage(knock);
    return session;
  }
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
