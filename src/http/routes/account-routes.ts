/**
 * Accounts with a password, for examples and first steps: only where the API is open to whoever
 * uses this machine anyway. With the first token they are over.
 */

import { z } from "zod";
import { createAccount, findAccount } from "../../store/accounts.ts";
import { beginSession } from "../../store/sessions.ts";
import type { Knock } from "../gate.ts";
import { HttpError } from "../http-error.ts";
import { type ApiParts, type HttpRoute, httpRoute } from "../http-route.ts";
import { checkIsLocal } from "../loopback.ts";
import type { SignIn } from "../sign-in.ts";
import { at } from "../task-shape.ts";

const lastsMs = 24 * 3_600_000;

const username = z
  .string()
  .regex(/^[\w.-]{1,100}$/, { error: "expected letters, digits, '.', '_' or '-'" });
const password = z.string().min(8).max(1_000);

export const accountRoutes: readonly HttpRoute[] = [
  httpRoute({
    method: "POST",
    path: "/auth/register",
    scope: "none",
    summary: "Make an account, where no token is needed",
    status: 201,
    body: z.strictObject({ username, email: z.email().max(320), password }),
    data: z.object({ id: z.string(), username: z.string(), email: z.string(), created_at: at }),
    async answer({ body, knock }, api) {
      await checkIsOpen(api, knock);
      const account = await createAccount(api.db, api.schemas, body);
      if (account !== null) return { data: account };
      const what = "An account has that username or email already.";
      throw new HttpError(409, "account-exists", what, { nextStep: "POST /auth/login." });
    },
  }),
  httpRoute({
    method: "POST",
    path: "/auth/login",
    scope: "none",
    summary: "Get a token for an account, where none is needed",
    body: z.strictObject({ username_or_email: z.string().min(1).max(320), password }),
    data: z.object({
      session_token: z.string().describe("Authorization: Bearer …; created_by is the username"),
      username: z.string(),
      expires_at: at,
    }),
    async answer({ body, knock }, api) {
      const signIn = await checkIsOpen(api, knock);
      signIn.refuseGuesser(knock);
      const { db, schemas } = api;
      const { username_or_email: usernameOrEmail, password: given } = body;
      const account = await findAccount(db, schemas, { usernameOrEmail, password: given });
      if (account === null) {
        signIn.failed(knock);
        throw new HttpError(401, "wrong-password", "The name or the password is wrong.");
      }
      const session = await beginSession(db, schemas, { accountId: account.id }, lastsMs);
      const { secret: session_token, expires_at } = session;
      return { data: { session_token, username: account.username, expires_at } };
    },
  }),
];

/** @throws HttpError 403 where a token is needed, or another machine or page asks */
async function checkIsOpen({ gate, signIn }: ApiParts, knock: Knock): Promise<SignIn> {
  if (signIn === null || (await gate.isClosed())) {
    const what = "Accounts are only for an API that needs no token.";
    throw new HttpError(403, "accounts-off", what, {
      nextStep: "Ask for a token: `taskrun token create NAME`.",
    });
  }
  checkIsLocal(knock);
  return signIn;
}
