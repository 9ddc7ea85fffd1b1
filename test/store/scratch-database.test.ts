import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { expect, inject, onTestFinished, test } from "vitest";
import { createScratchDatabase } from "../../src/store/scratch-database.ts";
import { createTestDatabase } from "../support/test-database.ts";

const admin = inject("adminDatabaseUrl");

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client(url);
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

function uniqueTemplateName(): string {
  const name = `test_${randomBytes(6).toString("hex")}`;
  onTestFinished(async () => {
    await query(admin, `drop database if exists taskrun_template_${name}`);
  });
  return name;
}

test("a test database is its owner's, empty, and gone when dropped with a session in it", async () => {
  const database = await createTestDatabase();
  const owner = new Client(database.url);
  owner.on("error", () => undefined);
  await owner.connect();
  const ended = new Promise((resolve) => owner.once("end", resolve));
  await owner.query("create schema anything; create table anything.t (id int)");
  await database.drop();
  await ended;
  await database.drop();
  await expect(query(database.url, "select 1")).rejects.toMatchObject({ code: "3D000" });
});

test("eight at once prepare the template once and get what it holds", async () => {
  const name = uniqueTemplateName();
  let prepared = 0;
  const template = {
    name,
    async prepare(url: string) {
      prepared++;
      await query(url, "create table t as select 42 as answer");
    },
  };
  const databases = await Promise.all(
    Array.from({ length: 8 }, () => createTestDatabase({ template })),
  );
  expect(prepared).toBe(1);
  expect(new Set(databases.map((database) => database.name)).size).toBe(8);
  for (const database of databases) {
    expect(await query(database.url, "select answer from t")).toEqual([{ answer: 42 }]);
    await query(database.url, "insert into t values (1)");
    await database.drop();
  }
});

test("a template whose preparation fails is not kept, and the next call prepares it", async () => {
  const name = uniqueTemplateName();
  const failing = async () => {
    throw new Error("no such migration");
  };
  await expect(createTestDatabase({ template: { name, prepare: failing } })).rejects.toThrow(
    "no such migration",
  );
  const prepare = async (url: string) => {
    await query(url, "create table t ()");
  };
  const database = await createTestDatabase({ template: { name, prepare } });
  onTestFinished(() => database.drop());
  expect(await query(database.url, "select to_regclass('t')::text as t")).toEqual([{ t: "t" }]);
});

/** Tests that run beside this one sweep too: it may be gone before it is used. */
async function useNewDatabase(name: string): Promise<Client> {
  for (;;) {
    await query(admin, `create database ${name}`);
    const session = new Client(Object.assign(new URL(admin), { pathname: `/${name}` }).href);
    try {
      await session.connect();
      return session;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "3D000")) throw error;
    }
  }
}

test("what a killed run left behind is swept, younger and used ones are not", async () => {
  const stamp = (ageMs: number) => (Date.now() - ageMs).toString(36);
  const suffix = randomBytes(5).toString("hex");
  const old = `taskrun_scratch_${stamp(3 * 3_600_000)}_${suffix}`;
  const used = `taskrun_scratch_${stamp(4 * 3_600_000)}_${suffix}`;
  const young = `taskrun_scratch_${stamp(60_000)}_${suffix}`;
  for (const name of [old, young]) await query(admin, `create database ${name}`);
  const session = await useNewDatabase(used);
  onTestFinished(async () => {
    await session.end();
    // Once its session is gone, a test beside this one may sweep the used one.
    for (const name of [used, young]) {
      await query(admin, `drop database if exists ${name} with (force)`);
    }
  });
  const database = await createScratchDatabase(admin);
  onTestFinished(() => database.drop());
  const rows = await query(
    admin,
    `select datname from pg_database where datname like '%${suffix}' order by datname`,
  );
  expect(rows.map((row) => row.datname)).toEqual([used, young].sort());
});

test("a template's name that could not be a database's is refused", async () => {
  const template = { name: 'x"; drop', prepare: async () => undefined };
  await expect(createTestDatabase({ template })).rejects.toThrow(/letters, digits or underscores/);
});
