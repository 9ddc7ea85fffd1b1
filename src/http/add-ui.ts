/** The dashboard at `ui/`, for browsers; its data is asked for as everybody's. */

import type { FastifyInstance } from "fastify";
import type { ApiOptions } from "./api-options.ts";
import { HttpError } from "./http-error.ts";

/** Leads browsers to it. */
export function addRoot(server: FastifyInstance, { prefixOf }: Pick<ApiOptions, "prefixOf">): void {
  server.get("/", async (request, reply) => {
    if (!request.headers.accept?.includes("text/html")) {
      throw new HttpError(404, "no-such-route", "There is no GET /.", {
        nextStep: "The dashboard is at /ui/, the reference at /reference.",
      });
    }
    return reply.redirect(`${prefixOf(request)}/ui/`, 303);
  });
}

export function addUi(
  server: FastifyInstance,
  { ui, prefixOf }: Pick<ApiOptions, "ui" | "prefixOf">,
): void {
  // Without the "/" the page's relative addresses would lead elsewhere.
  server.get("/ui", async (request, reply) => reply.redirect(`${prefixOf(request)}/ui/`, 303));
  server.get("/ui/*", async (request, reply) => {
    // why: the router makes an object of texts of the path
    const { "*": name = "" } = request.params as Readonly<Record<string, string>>;
    const file = await ui.find(name);
    reply.headers({ ...file.headers, etag: file.etag });
    if (request.headers["if-none-match"]?.includes(file.etag)) return reply.code(304).send();
    const takesGzip = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    if (file.gzipped === null || !takesGzip) return reply.send(file.content);
    return reply.header("content-encoding", "gzip").send(file.gzipped);
  });
}
