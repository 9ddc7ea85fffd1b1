import { Pool } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import {
  createToken,
  findToken,
  hasTokens,
  listTokens,
  noteTokenUse,
  revokeToken,
  tokenScopes,
} from "../../src/store/tokens.ts";
import { createTestDatabase } from "../support/test-database.ts";

const schemas = schemasFor("graphile_worker");
let database: ScratchDatabase;
let db: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.url, { schema: "graphile_worker" });
  db = new Pool({ connectionString: database.url, max: 2 });
});

afterAll(async () => {
  await db.end();
  await database.drop();
});

test("a token is found again by itself alone, and is kept nowhere", async () => {
  expect(await hasTokens(db, schemas)).toBe(false);
  const made = await createToken(db, schemas, {
    name: "shop",
    scopes: ["enqueue"],
    expiresInMs: null,
  });
  expect(made).toMatchObject({ name: "shop", scopes: ["enqueue"], expires_at: null });
  const token = made?.token ?? "";
  expect(token).toMatch(/^taskrun_[\w-]{43}$/);
  expect(await findToken(db, schemas, token)).toMatchObject({
    name: "shop",
    scopes: ["enqueue"],
    state: "valid",
    isUnnoted: true,
  });
  for (const wrong of ["", "taskrun_", token.slice(0, -1), `${token}a`, token.toUpperCase()]) {
    expect(await findToken(db, schemas, wrong), wrong).toBeNull();
  }
  const { rows } = await db.query("select tokens::text as text from taskrun.tokens");
  expect(rows[0].text).not.toContain(token.slice("taskrun_".length));
  expect(await hasTokens(db, schemas)).toBe(true);
});

test("a name is in use once; after it was revoked it may be given again", async () => {
  const ask = { name: "ops", scopes: tokenScopes, expiresInMs: null };
  const first = await createToken(db, schemas, ask);
  expect(await createToken(db, schemas, ask)).toBeNull();
  expect(await revokeToken(db, schemas, "ops")).toBe(true);
  expect(await revokeToken(db, schemas, "ops")).toBe(false);
  expect(await findToken(db, schemas, first?.token ?? "")).toMatchObject({ state: "revoked" });
  const second = await createToken(db, schemas, ask);
  expect(await findToken(db, schemas, second?.token ?? "")).toMatchObject({ state: "valid" });
  const rows = (await listTokens(db, schemas)).filter(({ name }) => name === "ops");
  expect(rows.map((row) => row.revoked_at !== null)).toEqual([true, false]);
});

test("a token whose time is over is expired", async () => {
  const made = await createToken(db, schemas, { name: "brief", scopes: ["read"], expiresInMs: 1 });
  const token = made?.token ?? "";
  await expect.poll(async () => (await findToken(db, schemas, token))?.state).toBe("expired");
});

test("its use is noted to the minute", async () => {
  const made = await createToken(db, schemas, {
    name: "used",
    scopes: ["read"],
    expiresInMs: null,
  });
  const token = made?.token ?? "";
  const found = await findToken(db, schemas, token);
  await noteTokenUse(db, schemas, found?.id ?? "");
  expect(await findToken(db, schemas, token)).toMatchObject({ isUnnoted: false });
  const row = (await listTokens(db, schemas)).find(({ name }) => name === "used");
  expect(row?.last_used_at).toBeInstanceOf(Date);
});
