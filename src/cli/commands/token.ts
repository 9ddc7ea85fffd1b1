/** `taskrun token`: who may use the HTTP API, and for what. */

import { loadConfig } from "../../config/load-config.ts";
import { closestName } from "../../core/closest-name.ts";
import { parseDuration } from "../../core/duration.ts";
import {
  createToken,
  listTokens,
  revokeToken,
  type TokenRow,
  type TokenScope,
  tokenScopes,
} from "../../store/tokens.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { print, printJson, printTable, say } from "../output.ts";
import { type OpenStore, withStore } from "../with-store.ts";

const actions = ["create", "list", "revoke"] as const;
const defaultScopes: readonly TokenScope[] = ["enqueue", "read"];
const longestName = 100;

export async function token(args: CommandArguments): Promise<ExitCode> {
  const work = workFrom(args);
  const { config } = await loadConfig(args.forConfig());
  return withStore(config, { migrate: true }, work);
}

/** Everything that was typed is read before the database is opened. */
function workFrom(args: CommandArguments): (store: OpenStore) => Promise<ExitCode> {
  const given = args.required("action");
  const action = actions.find((known) => known === given);
  const json = args.isSet("json");
  if (action === undefined) {
    const meant = closestName(given, actions);
    const hint = meant === null ? `There is ${actions.join(", ")}.` : `Did you mean ${meant}?`;
    throw usageError(`${given}: unknown action`, hint);
  }
  if (action !== "create") refuseFlags(args, action);
  if (action === "list") return (store) => list(store, json);
  const name = nameFrom(args);
  if (action === "revoke") return (store) => revoke(store, name, json);
  const scopes = scopesFrom(args.texts("scope"));
  const expiresInMs = expiryFrom(args.text("expires"));
  return (store) => create(store, { name, scopes, expiresInMs, json });
}

interface NewTokenRequest {
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  readonly expiresInMs: number | null;
  readonly json: boolean;
}

async function create({ pool, schemas }: OpenStore, request: NewTokenRequest): Promise<ExitCode> {
  const { name, json } = request;
  const made = await createToken(pool, schemas, request);
  if (made === null) {
    throw new CliError(
      exitCodes.failed,
      `There is a token ${name} already.`,
      `Revoke it first (\`taskrun token revoke ${name}\`), or take another name.`,
    );
  }
  const until = made.expires_at === null ? "" : ` until ${made.expires_at.toISOString()}`;
  say(`Token ${name} may ${made.scopes.join(", ")}${until}. It is shown this once:`);
  if (json) printJson(made);
  else print(made.token);
  return exitCodes.ok;
}

async function list({ pool, schemas }: OpenStore, json: boolean): Promise<ExitCode> {
  const rows = await listTokens(pool, schemas);
  if (json) printJson(rows);
  else if (rows.length === 0)
    say("There are no tokens: the HTTP API listens on this machine only.");
  else printTable(["name", "scopes", "created", "last used", "expires", "state"], rows.map(cells));
  return exitCodes.ok;
}

function cells(row: TokenRow): string[] {
  const { created_at, last_used_at, expires_at, revoked_at } = row;
  const isExpired = expires_at !== null && expires_at.getTime() <= Date.now();
  const state = revoked_at !== null ? "revoked" : isExpired ? "expired" : "valid";
  const moments = [created_at, last_used_at, expires_at].map((one) => one?.toISOString() ?? "-");
  return [row.name, row.scopes.join(","), ...moments, state];
}

async function revoke(
  { pool, schemas }: OpenStore,
  name: string,
  json: boolean,
): Promise<ExitCode> {
  if (!(await revokeToken(pool, schemas, name))) {
    const known = (await listTokens(pool, schemas)).filter((row) => row.revoked_at === null);
    const meant = closestName(
      name,
      known.map((row) => row.name),
    );
    throw new CliError(
      exitCodes.failed,
      `There is no token ${name}.`,
      meant === null ? "`taskrun token list` shows them." : `Did you mean ${meant}?`,
    );
  }
  if (json) printJson({ name, revoked: true });
  say(`Revoked the token ${name}: it is refused from the next request on.`);
  return exitCodes.ok;
}

function refuseFlags(args: CommandArguments, action: string): void {
  const flag = ["scope", "expires"].find((one) => args.texts(one).length > 0);
  if (flag !== undefined) throw usageError(`--${flag} goes with create, not with ${action}`);
  if (action === "list" && args.text("name") !== undefined) {
    throw usageError("list goes without a name");
  }
}

function nameFrom(args: CommandArguments): string {
  const name = args.required("name").trim();
  const isText = name.isWellFormed() && !name.includes("\0");
  if (isText && name.length >= 1 && name.length <= longestName) return name;
  throw usageError(`<name>: expected 1 to ${longestName} characters`);
}

function scopesFrom(texts: readonly string[]): readonly TokenScope[] {
  const names = texts.flatMap((text) => text.split(",")).map((name) => name.trim());
  if (names.length === 0) return defaultScopes;
  const scopes = names.map((name) => {
    const scope = tokenScopes.find((known) => known === name);
    if (scope !== undefined) return scope;
    const meant = closestName(name, tokenScopes);
    const hint = meant === null ? `There is ${tokenScopes.join(", ")}.` : `Did you mean ${meant}?`;
    throw usageError(`--scope ${name}: unknown scope`, hint);
  });
  return tokenScopes.filter((scope) => scopes.includes(scope));
}

function expiryFrom(text: string | undefined): number | null {
  if (text === undefined) return null;
  try {
    const ms = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
    if (ms > 0) return ms;
  } catch {
    // Told below, together with a duration of nothing.
  }
  throw usageError(`--expires ${text}: expected a duration such as "12h" or "30d"`);
}
