/** `GET /openapi.json` and `GET /reference`: what the API is, for programs and for people. */

import type { FastifyInstance } from "fastify";
import type { ApiOptions } from "./api-options.ts";
import { openApiDocument } from "./openapi.ts";
import { referencePage, referencePolicy } from "./reference-page.ts";

export function addReference(
  server: FastifyInstance,
  { routes, version, prefixOf }: Pick<ApiOptions, "routes" | "version" | "prefixOf">,
): void {
  server.get("/openapi.json", async (request) =>
    openApiDocument(routes, { version, url: prefixOf(request) || "/" }),
  );
  server.get("/reference", async (_, reply) => {
    const page = referencePage(openApiDocument(routes, { version, url: "/" }));
    const headers = { "content-security-policy": referencePolicy };
    return reply.headers(headers).type("text/html; charset=utf-8").send(page);
  });
}
