/**
 * How a browser comes to its cookie: by a token, or by the link that a developer's terminal shows.
 * Owns the link: it is good for one time, for a day, in the process that printed it.
 */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type pg from "pg";
import type { Schemas } from "../store/schemas.ts";
import { beginSession, endSession } from "../store/sessions.ts";
import type { Knock } from "./gate.ts";
import type { Gatekeeper } from "./gatekeeper.ts";
import { HttpError } from "./http-error.ts";
import { sessionIn } from "./session-cookie.ts";

export interface SignInOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly gatekeeper: Gatekeeper;
}

/** How long a browser stays signed in. */
export const sessionMs = 12 * 3_600_000;
const linkMs = 24 * 3_600_000;

export class SignIn {
  readonly #options: SignInOptions;
  #link: { readonly sha256: Buffer; readonly untilMs: number } | null = null;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  /** A new secret for a link; the one before is good for nothing any more. */
  newLink(): string {
    const secret = randomBytes(32).toString("base64url");
    this.#link = { sha256: hashOf(secret), untilMs: Date.now() + linkMs };
    return secret;
  }

  /**
   * Returns the session's secret.
   *
   * @throws HttpError 401 or 429
   */
  async byLink(secret: string, { address }: Knock): Promise<string> {
    const { gatekeeper, db, schemas } = this.#options;
    gatekeeper.refuseGuesser(address);
    const link = this.#link;
    const isRight = link !== null && timingSafeEqual(link.sha256, hashOf(secret));
    if (!isRight || link.untilMs < Date.now()) {
      gatekeeper.failed(address);
      throw new HttpError(401, "link-used", "The link was used before, or is not known here.", {
        nextStep: "Start taskrun anew for another one, or sign in with a token.",
      });
    }
    this.#link = null;
    return (await beginSession(db, schemas, {}, sessionMs)).secret;
  }

  /**
   * Returns the session's secret.
   *
   * @throws HttpError 401 or 429
   */
  async byToken(token: string, { address }: Knock): Promise<string> {
    const { gatekeeper, db, schemas } = this.#options;
    const { id } = await gatekeeper.checkToken(token, address);
    return (await beginSession(db, schemas, { tokenId: id }, sessionMs)).secret;
  }

  /** @throws HttpError 429 */
  refuseGuesser({ address }: Knock): void {
    this.#options.gatekeeper.refuseGuesser(address);
  }

  /** Counts a wrong password. */
  failed({ address }: Knock): void {
    this.#options.gatekeeper.failed(address);
  }

  async end({ headers }: Knock): Promise<void> {
    const { db, schemas } = this.#options;
    const secret = sessionIn(headers.cookie);
    if (secret !== null) await endSession(db, schemas, secret);
  }
}

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
