import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Wake } from "../../../src/runtime/fetching/wake.ts";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let admin: pg.Pool;
let wake: Wake;
let told: string[];
let tell: () => void;

/** Resolves when what was told includes all of these, in this order. */
async function toldInOrder(...words: string[]): Promise<void> {
  for (;;) {
    let from = 0;
    for (const word of words) {
      const at = told.indexOf(word, from);
      from = at < 0 ? Number.POSITIVE_INFINITY : at + 1;
    }
    if (Number.isFinite(from)) return;
    await new Promise<void>((resolve) => {
      tell = resolve;
    });
  }
}

function createWake(connectionString: string): Wake {
  const note = (word: string) => () => {
    told.push(word);
    tell();
  };
  return new Wake({
    connectionString,
    controlChannel: "taskrun:control",
    onWake: note("wake"),
    onControl: () => {},
    onListening: () => {},
    onLost: note("lost"),
    onBack: note("back"),
  });
}

beforeEach(async () => {
  told = [];
  tell = () => {};
  database = await createTestDatabase();
  admin = new pg.Pool({ connectionString: database.adminUrl, max: 1 });
});
afterEach(async () => {
  await wake.stop();
  await admin.end();
  await database.drop();
});

test("it wakes at the start, since jobs may be waiting, and at each notification", async () => {
  wake = createWake(database.url);
  await wake.start();
  expect(told).toEqual(["wake"]);
  await admin.query(`notify "jobs:insert", '{}'`);
  await toldInOrder("wake", "wake");
});

test("a lost connection is told, replaced, and followed by a look", async () => {
  wake = createWake(database.url);
  await wake.start();
  told = [];
  await admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'taskrun listen' and datname = current_database()`,
  );
  await toldInOrder("lost", "back", "wake");
  told = [];
  await admin.query(`notify "jobs:insert", '{}'`);
  await toldInOrder("wake");
});

test("without a database it starts all the same, and tries again", async () => {
  const nowhere = new URL(database.url);
  nowhere.port = "1";
  wake = createWake(nowhere.href);
  await wake.start();
  await toldInOrder("lost", "lost");
  expect(told).not.toContain("back");
});

test("after a stop nothing wakes any more, and the connection is gone", async () => {
  wake = createWake(database.url);
  await wake.start();
  await wake.stop();
  told = [];
  await admin.query(`notify "jobs:insert", '{}'`);
  const connections = async () => {
    const { rows } = await admin.query(
      `select count(*)::int as n from pg_stat_activity
       where application_name = 'taskrun listen' and datname = current_database()`,
    );
    return rows[0].n;
  };
  // The server's side of it may end a moment later.
  await expect.poll(connections).toBe(0);
  expect(told).toEqual([]);
});

test("it wakes when jobs are due that others have put off, and no more after the stop", async () => {
  wake = createWake(database.url);
  await wake.start();
  const startedAtMs = performance.now();
  wake.expect(150);
  await toldInOrder("wake", "wake");
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(145);
  await wake.stop();
  wake.expect(0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(told).toEqual(["wake", "wake"]);
});

describe("what is asked on the connection that listens", () => {
  test("is answered there, and nothing can be asked while there is none", async () => {
    wake = createWake(database.url);
    expect(wake.ask(async () => 1)).toBeNull();
    await wake.start();
    const name = await wake.ask(async (client) => {
      const { rows } = await client.query("show application_name");
      return rows[0].application_name;
    });
    expect(name).toBe("taskrun listen");
    await wake.stop();
    expect(wake.ask(async () => 1)).toBeNull();
  });

  test("and refused or cancelled there was answered: the connection stays", async () => {
    wake = createWake(database.url);
    await wake.start();
    await expect(wake.ask((client) => client.query("select 1 / 0"))).rejects.toThrow(/zero/);
    const late = wake.ask((client) =>
      client.query("set statement_timeout = 10; select pg_sleep(9)"),
    );
    await expect(late).rejects.toThrow(/statement timeout/);
    expect(await wake.ask(async () => "still there")).toBe("still there");
    expect(told).toEqual(["wake"]);
  });

  test("and finds another server, or none, has lost the connection", async () => {
    wake = createWake(database.url);
    await wake.start();
    const writes = "begin read only; create table t ()";
    await expect(wake.ask((client) => client.query(writes))).rejects.toThrow(/read-only/);
    await toldInOrder("wake", "lost", "back", "wake");
    expect(await wake.ask(async () => "a new one")).toBe("a new one");
  });
});
