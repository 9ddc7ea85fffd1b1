import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import {
  findEmbeddedPostgres,
  resetEmbeddedPostgres,
  restartEmbeddedPostgres,
  startEmbeddedPostgres,
  stopEmbeddedPostgres,
} from "../../src/dev/embedded-postgres.ts";
import { describeProcess } from "../../src/dev/postgres/describe-process.ts";
import { startPostgresUser } from "../support/postgres-user-process.ts";

const isRoot = process.getuid?.() === 0;

async function newDataDir(mode = 0o755): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), "taskrun-embedded-"));
  await chmod(dataDir, mode);
  onTestFinished(async () => {
    await resetEmbeddedPostgres(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  });
  return dataDir;
}

/** A stopped cluster that the tests of a running one share, since making one takes a second. */
let made: string;

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), "taskrun-embedded-"));
  await chmod(made, 0o755);
  const postgres = await startEmbeddedPostgres({ dataDir: made, durable: false });
  await postgres.stop();
});

afterAll(async () => {
  await resetEmbeddedPostgres(made);
  await rm(made, { recursive: true, force: true });
});

async function session(url: string): Promise<Client & { ended: Promise<unknown> }> {
  const client = new Client(url);
  client.on("error", () => undefined);
  const ended = new Promise((resolve) => client.once("end", resolve));
  await client.connect();
  onTestFinished(() => client.end().catch(() => undefined));
  return Object.assign(client, { ended });
}

async function value(url: string, text: string): Promise<unknown> {
  const client = await session(url);
  const { rows } = await client.query({ text, rowMode: "array" });
  await client.end();
  return rows[0]?.[0];
}

async function readState(dataDir: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(dataDir, "postgres", "state.json"), "utf8"));
}

/** There is no event for the end of a process that isn't our child. */
async function untilProcessEnds(pid: number): Promise<void> {
  while ((await describeProcess(pid)) !== null) await sleep(20);
}

test("a fresh start gives a closed server and a role that is no superuser", async () => {
  const dataDir = await newDataDir();
  const steps: string[] = [];
  const postgres = await startEmbeddedPostgres({
    dataDir,
    durable: false,
    onProgress: (message) => steps.push(message),
  });
  expect(postgres.startedHere).toBe(true);
  expect(steps.join("\n")).toContain("creating a Postgres 18");
  expect(
    await value(
      postgres.url,
      `select json_build_array(current_user, current_database(), rolsuper, rolcreaterole)
         from pg_roles where rolname = current_user`,
    ),
  ).toEqual(["app", "app", false, false]);
  // Its parallel workers get all settings by their names: one that is wrong fails there only.
  expect(
    await value(postgres.superuserUrl, "select current_setting('default_text_search_config')"),
  ).toBe("pg_catalog.english");
  const parallel = await session(postgres.superuserUrl);
  await parallel.query("set debug_parallel_query = on");
  await parallel.query("select count(*) from pg_class");
  // Where a table goes that names no schema: not among taskrun's own.
  await value(postgres.url, "create schema taskrun");
  expect(await value(postgres.url, "select current_schema()")).toBe("public");
  await value(postgres.url, "create schema graphile_worker create table t (id int)");
  expect(
    await value(
      postgres.superuserUrl,
      "select array_agg(distinct auth_method) from pg_hba_file_rules",
    ),
  ).toEqual(["scram-sha-256"]);
  expect(await value(postgres.superuserUrl, "show listen_addresses")).toBe("127.0.0.1");
  const wrong = Object.assign(new URL(postgres.url), { password: "password" }).href;
  await expect(session(wrong)).rejects.toMatchObject({ code: "28P01" });
  for (const name of ["cluster.json", "state.json", "server.log"]) {
    const { mode } = await stat(join(dataDir, "postgres", name));
    expect(`${name} ${(mode & 0o777).toString(8)}`).toBe(`${name} 600`);
  }
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  if (outside !== undefined) {
    const socket = connect(postgres.port, outside.address);
    await expect(once(socket, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  }
});

test("data and port are kept between runs, with fsync on", async () => {
  const dataDir = made;
  const first = await startEmbeddedPostgres({ dataDir });
  expect(await value(first.superuserUrl, "show fsync")).toBe("on");
  await value(first.url, "create table kept as select 42 as answer");
  await first.stop();
  expect(await findEmbeddedPostgres(dataDir)).toBeNull();
  await expect(session(first.url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  const second = await startEmbeddedPostgres({ dataDir });
  expect(second.url).toBe(first.url);
  expect(await value(second.url, "select answer from kept")).toBe(42);
  await second.stop();
});

test("the server stays while any process uses it and ends with the last", async () => {
  const dataDir = made;
  const first = await startPostgresUser({ dataDir });
  const second = await startPostgresUser({ dataDir });
  expect([first.startedHere, second.startedHere]).toEqual([true, false]);
  expect(second.url).toBe(first.url);
  expect((await readState(dataDir)).users).toEqual([first.pid, second.pid]);
  await first.end();
  expect(await value(second.url, "select 1")).toBe(1);
  expect((await readState(dataDir)).users).toEqual([second.pid]);
  await second.end();
  expect(await findEmbeddedPostgres(dataDir)).toBeNull();
  await expect(session(first.url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("a stranger's connection, reset or not, disturbs nobody", async () => {
  const postgres = await startEmbeddedPostgres({ dataDir: made, durable: false });
  const { controlPort, token } = await readState(made);
  const stranger = connect(Number(controlPort), "127.0.0.1");
  stranger.write(`${JSON.stringify({ do: "stop", token: "guessed" })}\n`);
  await once(stranger, "close");
  const vanishing = connect(Number(controlPort), "127.0.0.1");
  vanishing.write(`${JSON.stringify({ do: "use", pid: 1, token })}\n`);
  await once(vanishing, "data");
  vanishing.resetAndDestroy();
  while (String((await readState(made)).users) !== String(process.pid)) await sleep(20);
  expect(await value(postgres.url, "select 1")).toBe(1);
  await postgres.stop();
  expect(await findEmbeddedPostgres(made)).toBeNull();
});

test("of two processes that start on a fresh directory at once, one creates it", async () => {
  const dataDir = await newDataDir();
  const users = await Promise.all([1, 2, 3].map(() => startPostgresUser({ dataDir })));
  expect(users.filter((user) => user.startedHere)).toHaveLength(1);
  expect(new Set(users.map((user) => user.superuserUrl)).size).toBe(1);
  await Promise.all(users.map((user) => user.end()));
  expect(await findEmbeddedPostgres(dataDir)).toBeNull();
});

test("the server of an owner that was killed ends by itself", async () => {
  const dataDir = made;
  const owner = await startPostgresUser({ dataDir });
  const state = await readState(dataDir);
  const witness = await session(owner.url);
  await owner.kill();
  await witness.ended;
  await untilProcessEnds(Number(state.supervisorPid));
  expect(await describeProcess(Number(state.postgresPid))).toBeNull();
  expect(await findEmbeddedPostgres(dataDir)).toBeNull();
});

test("a server whose supervisor was killed is ended and started anew by the next", async () => {
  const dataDir = made;
  const owner = await startPostgresUser({ dataDir });
  const state = await readState(dataDir);
  process.kill(Number(state.supervisorPid), "SIGKILL");
  await untilProcessEnds(Number(state.supervisorPid));
  await owner.kill();
  expect(await value(owner.url, "select 1")).toBe(1);
  const next = await startPostgresUser({ dataDir });
  expect([next.startedHere, next.port]).toEqual([true, owner.port]);
  expect(await describeProcess(Number(state.postgresPid))).toBeNull();
  process.kill(Number((await readState(dataDir)).supervisorPid), "SIGKILL");
  await next.kill();
  expect(await stopEmbeddedPostgres(dataDir)).toBe(true);
  await expect(session(owner.url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("files that name a process that is another one by now are not believed", async () => {
  const dataDir = made;
  const before = await startPostgresUser({ dataDir });
  const directory = join(dataDir, "postgres");
  const stale = await readState(dataDir);
  const lock = JSON.parse(await readFile(join(directory, "lock"), "utf8"));
  const postmaster = await readFile(join(directory, "data", "postmaster.pid"), "utf8");
  await before.end();
  const other = { ...stale, supervisorPid: process.pid, postgresPid: process.pid };
  await writeFile(join(directory, "state.json"), JSON.stringify(other));
  await writeFile(join(directory, "lock"), JSON.stringify({ ...lock, pid: process.pid }));
  const reused = postmaster.replace(/^\d+/, String(process.pid));
  await writeFile(join(directory, "data", "postmaster.pid"), reused);
  expect(await findEmbeddedPostgres(dataDir)).toBeNull();
  expect(await stopEmbeddedPostgres(dataDir)).toBe(false);
  await writeFile(join(directory, "lock"), JSON.stringify({ ...lock, pid: process.pid }));
  await writeFile(join(directory, "data", "postmaster.pid"), reused);
  const after = await startPostgresUser({ dataDir });
  expect(await value(after.url, "select 1")).toBe(1);
  await after.end();
});

test("a server that was asked to keep running stays until it is stopped", async () => {
  const dataDir = made;
  const starter = await startPostgresUser({ dataDir, keepRunning: true });
  await starter.end();
  const found = await findEmbeddedPostgres(dataDir);
  expect(found).toMatchObject({ port: starter.port, url: starter.url });
  expect(await value(starter.url, "select 1")).toBe(1);
  expect(await stopEmbeddedPostgres(dataDir)).toBe(true);
  expect(await stopEmbeddedPostgres(dataDir)).toBe(false);
  await expect(session(starter.url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("a restart, asked for or not, ends the sessions and keeps the port", async () => {
  const dataDir = made;
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  const pids = new Set([(await findEmbeddedPostgres(dataDir))?.pid]);
  for (const mode of ["fast", "immediate"] as const) {
    const witness = await session(postgres.url);
    await restartEmbeddedPostgres(dataDir, mode);
    await witness.ended;
    expect(await value(postgres.url, "select 1")).toBe(1);
    pids.add((await findEmbeddedPostgres(dataDir))?.pid);
  }
  expect(pids.size).toBe(3);
  const current = (await findEmbeddedPostgres(dataDir))?.pid ?? 0;
  process.kill(current, "SIGKILL");
  await untilProcessEnds(current);
  for (;;) {
    const pid = (await findEmbeddedPostgres(dataDir))?.pid ?? current;
    if (pid !== current) break;
    await sleep(20);
  }
  expect(await value(postgres.url, "select 1")).toBe(1);
  await postgres.stop();
  await expect(restartEmbeddedPostgres(dataDir, "fast")).rejects.toThrow("No embedded Postgres");
});

test.skipIf(process.platform === "win32")("a copied project has a server of its own", async () => {
  const copy = await newDataDir();
  const original = await startPostgresUser({ dataDir: made });
  await promisify(execFile)("cp", ["-a", join(made, "postgres"), copy]);
  expect(await findEmbeddedPostgres(copy)).toBeNull();
  const copied = await startPostgresUser({ dataDir: copy });
  expect(copied.port).not.toBe(original.port);
  const where = "show data_directory";
  expect(await value(copied.superuserUrl, where)).toBe(join(copy, "postgres", "data"));
  expect(await value(original.superuserUrl, where)).toBe(join(made, "postgres", "data"));
  await Promise.all([copied.end(), original.end()]);
});

test.runIf(isRoot)("for root, a closed project has its data where Postgres can go", async () => {
  const dataDir = await newDataDir(0o700);
  const steps: string[] = [];
  const onProgress = (message: string) => steps.push(message);
  const first = await startEmbeddedPostgres({ dataDir, durable: false, onProgress });
  await value(first.url, "create table kept ()");
  await first.stop();
  const settings = JSON.parse(await readFile(join(dataDir, "postgres", "cluster.json"), "utf8"));
  const elsewhere = String(settings.dataDirectory);
  expect(elsewhere).toMatch(/^\/var\/lib\/taskrun\/[0-9a-f]{16}\/data$/);
  expect(steps.join("\n")).toContain(elsewhere);
  const second = await startEmbeddedPostgres({ dataDir, durable: false });
  expect(await value(second.url, "select to_regclass('kept')::text")).toBe("kept");
  await second.stop();
  await resetEmbeddedPostgres(dataDir);
  await expect(stat(dirname(elsewhere))).rejects.toMatchObject({ code: "ENOENT" });
});

test.runIf(isRoot)("an ordinary user runs the server without help", async () => {
  const dataDir = await newDataDir(0o777);
  const user = await startPostgresUser({ dataDir }, { uid: 65534, gid: 65534 });
  expect(await value(user.url, "select 1")).toBe(1);
  expect((await stat(join(dataDir, "postgres", "data"))).uid).toBe(65534);
  await user.end();
  await rm(join(dataDir, "postgres"), { recursive: true });
  await chmod(dataDir, 0o755);
  await expect(startPostgresUser({ dataDir }, { uid: 65534, gid: 65534 })).rejects.toThrow(
    /can't keep its data in .*EACCES.*choose another dataDir/,
  );
});

test("data that can't be used is named with what to do", async () => {
  const dataDir = made;
  const file = join(dataDir, "file");
  await writeFile(file, "");
  await expect(startEmbeddedPostgres({ dataDir: file })).rejects.toThrow(/can't keep its data/);
  const directory = join(dataDir, "postgres");
  const settings = await readFile(join(directory, "cluster.json"));
  await rm(join(directory, "cluster.json"));
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(/passwords are lost/);
  await writeFile(join(directory, "cluster.json"), settings);
  await writeFile(join(directory, "data", "PG_VERSION"), "17\n");
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(
    /made by Postgres 17, and embedded-postgres has 18\. Install embedded-postgres@17/,
  );
  await writeFile(join(directory, "data", "PG_VERSION"), "18\n");
  const configuration = await readFile(join(directory, "data", "postgresql.conf"));
  await writeFile(join(directory, "data", "postgresql.conf"), "no_such_setting = 1\n");
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(/no_such_setting/);
  await writeFile(join(directory, "data", "postgresql.conf"), configuration);
  expect(await findEmbeddedPostgres(dataDir)).toBeNull();
});
