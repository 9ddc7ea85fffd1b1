/**
 * Which proxies are believed when they say by X-Forwarded-… who asked, and for what address. None,
 * unless the configuration names them: a caller could say anything.
 */

import { compile } from "@fastify/proxy-addr";
import type { FastifyRequest } from "fastify";

export class TrustedProxies {
  /** For Fastify, which reads -For, -Host and -Proto by it. */
  readonly trusts: (address: string, hop: number) => boolean;

  /**
   * Addresses, networks like "10.0.0.0/8", or "loopback", "linklocal", "uniquelocal".
   *
   * @throws TypeError for another text
   */
  constructor(proxies: readonly string[]) {
    this.trusts = compile([...proxies]);
  }

  /** What a proxy has taken off the path: "" or "/jobs". */
  prefixOf(request: FastifyRequest): string {
    const prefix = request.headers["x-forwarded-prefix"];
    if (typeof prefix !== "string" || !/^(\/[\w.~-]+)+\/?$/.test(prefix)) return "";
    const address = request.socket.remoteAddress ?? "";
    return this.trusts(address, 0) ? prefix.replace(/\/$/, "") : "";
  }
}
