/** Lets in whom another application lets in, which the API is embedded in. */

import type { FastifyRequest } from "fastify";
import type { TokenScope } from "../store/tokens.ts";
import type { Caller, Gate, Knock } from "./gate.ts";
import { HttpError } from "./http-error.ts";
import { checkIsNoForeignPage, checkIsOwnPage } from "./session-cookie.ts";

/** Who asks, in the application's words. */
export interface HostCaller {
  /** Kept as `created_by` with the tasks that they create. */
  readonly name: string;
  /** `enqueue`: create tasks; `read`: look at everything; `operate`: change what is there. */
  readonly scopes: readonly TokenScope[];
}

/** What a browser asks its user for once, and then sends by itself. */
const keptByBrowsers = /^(?:basic|digest|negotiate|ntlm)\b/i;

/** Null for somebody who may not ask. What it throws is answered as the API's own fault. */
export type Authorize<Request> = (
  request: Request,
) => HostCaller | null | Promise<HostCaller | null>;

export class HostGate implements Gate {
  readonly #authorize: Authorize<FastifyRequest>;

  constructor(authorize: Authorize<FastifyRequest>) {
    this.#authorize = authorize;
  }

  async isClosed(): Promise<boolean> {
    return true;
  }

  async admit(knock: Knock): Promise<Caller> {
    const caller = await this.#authorize(knock.request);
    if (caller === null) throw new HttpError(401, "not-signed-in", "You may not ask here.");
    const { cookie, authorization = "" } = knock.headers;
    // A browser may have been let in by what it sends for pages of other sites as well.
    if (cookie !== undefined && authorization === "") checkIsOwnPage(knock);
    if (keptByBrowsers.test(authorization)) checkIsNoForeignPage(knock);
    return caller;
  }
}
