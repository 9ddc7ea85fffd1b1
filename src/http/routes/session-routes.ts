/** The calls by which a browser signs in and out, and learns who it is. */

import { z } from "zod";
import { tokenScopes } from "../../store/tokens.ts";
import { HttpError } from "../http-error.ts";
import { type ApiParts, type Asked, type HttpRoute, httpRoute } from "../http-route.ts";
import { sessionCookie } from "../session-cookie.ts";
import { type SignIn, sessionMs } from "../sign-in.ts";
import { listOf } from "../task-shape.ts";

const who = z.object({
  name: z.string().nullable().describe("The token's; null where none is needed"),
  scopes: listOf(z.enum(tokenScopes)),
  needs_token: z.boolean(),
});

/** Also where another application says who asks. */
export const whoRoutes: readonly HttpRoute[] = [
  httpRoute({
    method: "GET",
    path: "/session",
    scope: "any",
    summary: "Say who asks, and what they may do",
    data: who,
    async answer({ caller: { name, scopes } }, { gate }) {
      return { data: { name, scopes, needs_token: await gate.isClosed() } };
    },
  }),
];

export const sessionRoutes: readonly HttpRoute[] = [
  httpRoute({
    method: "POST",
    path: "/session",
    scope: "none",
    summary: "Sign a browser in with a token",
    body: z.strictObject({ token: z.string().min(1).max(200) }),
    data: z.object({ signed_in: z.literal(true) }),
    async answer({ body: { token }, knock, place }, api) {
      const secret = await signInOf(api).byToken(token, knock);
      return { data: { signed_in: true as const }, headers: cookie(secret, place) };
    },
  }),
  httpRoute({
    method: "DELETE",
    path: "/session",
    scope: "any",
    summary: "Sign a browser out",
    data: z.object({ signed_in: z.literal(false) }),
    async answer({ knock, place }, api) {
      await signInOf(api).end(knock);
      return { data: { signed_in: false as const }, headers: cookie(null, place) };
    },
  }),
  httpRoute({
    method: "GET",
    path: "/login",
    scope: "none",
    summary: "Sign a browser in by the link that a developer's terminal shows, one time",
    status: 303,
    query: z.strictObject({ once: z.string().min(1).max(200) }),
    data: z.null(),
    async answer({ query: { once }, knock, place }, api) {
      const secret = await signInOf(api).byLink(once, knock);
      return { data: null, headers: { ...cookie(secret, place), location: `${place.prefix}/ui/` } };
    },
  }),
];

function cookie(secret: string | null, { prefix, isSecure }: Asked["place"]) {
  const path = prefix === "" ? "/" : prefix;
  return { "set-cookie": sessionCookie(secret, { path, isSecure }, sessionMs) };
}

function signInOf({ signIn }: ApiParts): SignIn {
  if (signIn !== null) return signIn;
  throw new HttpError(404, "no-such-route", "Another application says who asks here.");
}
