import { createServer, type Socket } from "node:net";
import pg from "pg";
import { expect, inject, test } from "vitest";
import { findFreePort } from "../../src/dev/postgres/find-free-port.ts";
import { pause } from "../../src/store/transient.ts";
import type { CliResult, RunningCli } from "../support/run-cli.ts";
import { SeveredProxy } from "../support/severed-proxy.ts";
import { FaultLab } from "./support/fault-lab.ts";
import { reportFault, reportSkipped } from "./support/fault-table.ts";
import { OwnServer } from "./support/own-server.ts";
import { missingPgBouncer, PgBouncer } from "./support/pg-bouncer.ts";

const report = inject("faultReport");

function changed(url: string, change: (url: URL) => void): string {
  const other = new URL(url);
  change(other);
  return other.href;
}

/** Starts a process that is to be refused; then one that may work does the job that waited. */
async function refused(lab: FaultLab, fault: string, url: string): Promise<CliResult> {
  const ids = await lab.add("work", 5, { ms: 1 });
  const result = await lab.spawnWith({ url }).ended;
  expect(result.code).toBe(69);
  expect(result.stderr).not.toContain("    at ");
  // Nothing was spent on it.
  await lab.until(
    `(select count(*) from graphile_worker._private_jobs
       where attempts = 0 and locked_at is null) = 5`,
  );
  await finish(lab, fault, ids);
  return result;
}

async function finish(lab: FaultLab, fault: string, ids: readonly string[], sinceMs?: number) {
  const secondsToRecover = sinceMs === undefined ? null : (performance.now() - sinceMs) / 1000;
  const cli = await lab.start();
  await lab.untilDone();
  await endWell(cli);
  const ledger = await lab.ledger(ids);
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover });
  expect(ledger).toEqual({ jobsIn: ids.length, done: ids.length, lost: 0, doubled: 0 });
}

async function endWell(cli: RunningCli): Promise<void> {
  cli.kill("SIGTERM");
  expect((await cli.ended).code).toBe(0);
}

/** A role that may connect; what else is the caller's. */
async function createRole(lab: FaultLab, more: string): Promise<{ role: string; url: string }> {
  const role = `fault_${new URL(lab.url).pathname.slice(1)}`;
  const admin = new pg.Client({
    connectionString: changed(inject("adminDatabaseUrl"), (url) => {
      url.pathname = new URL(lab.url).pathname;
    }),
  });
  await admin.connect();
  await admin.query(`create role ${role} login password 'secret' ${more}`);
  await admin.end();
  const url = changed(lab.url, (url) => {
    url.username = role;
    url.password = "secret";
  });
  return { role, url };
}

test("at start: a server that isn't up yet is waited for", async () => {
  await using server = await OwnServer.start();
  await using lab = await FaultLab.open({ server });
  const ids = await lab.add("work", 5, { ms: 1 });
  await server.stop("fast");
  const cli = lab.spawn();
  await cli.says("waiting for");
  await pause(4_000);
  await server.start();
  const upAtMs = performance.now();
  await lab.untilDone();
  const secondsToRecover = (performance.now() - upAtMs) / 1000;
  const ledger = await lab.ledger(ids);
  const fault = "at start: Postgres is down, then up";
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover });
  expect(ledger).toEqual({ jobsIn: 5, done: 5, lost: 0, doubled: 0 });
  await endWell(cli);
});

test("at start: a frozen server is waited for, with progress", async () => {
  await using server = await OwnServer.start();
  await using lab = await FaultLab.open({ server });
  const ids = await lab.add("work", 5, { ms: 1 });
  await server.freeze();
  const cli = lab.spawn();
  await cli.says("waiting for");
  await cli.says("still waiting");
  server.thaw();
  const upAtMs = performance.now();
  await lab.untilDone();
  const secondsToRecover = (performance.now() - upAtMs) / 1000;
  const ledger = await lab.ledger(ids);
  const fault = "at start: Postgres is frozen, then not";
  reportFault(report, { fault, times: 1, ...ledger, secondsToRecover });
  expect(ledger).toEqual({ jobsIn: 5, done: 5, lost: 0, doubled: 0 });
  await endWell(cli);
});

test("at start: a server that stays away is given up after half a minute, with code 69", async () => {
  await using lab = await FaultLab.open();
  const port = await findFreePort(null);
  const url = changed(lab.url, (url) => {
    url.port = String(port);
  });
  const startedAtMs = performance.now();
  const result = await refused(lab, "at start: Postgres stays down", url);
  expect(performance.now() - startedAtMs).toBeLessThan(60_000);
  expect(result.stderr).toMatch(/waiting for .*nothing listens there/);
  expect(result.stderr).toContain("still waiting");
});

test("at start: a wrong password is named", async () => {
  await using lab = await FaultLab.open();
  const url = changed(lab.url, (url) => {
    url.password = "wr0ng";
  });
  const { stderr } = await refused(lab, "at start: wrong password", url);
  expect(stderr).toContain("the password is wrong");
  expect(stderr).not.toContain("wr0ng");
});

test("at start: a role without rights is named", async () => {
  await using lab = await FaultLab.open();
  const { url } = await createRole(lab, "");
  const { stderr } = await refused(lab, "at start: no rights", url);
  expect(stderr).toMatch(/has not the rights .*permission denied/);
});

test("at start: a role from which row level security hides the jobs is named", async () => {
  await using lab = await FaultLab.open();
  const { role, url } = await createRole(lab, "");
  await lab.db.query(
    `grant usage on schema graphile_worker, taskrun to ${role};
     grant all on all tables in schema graphile_worker, taskrun to ${role};
     grant all on all sequences in schema graphile_worker, taskrun to ${role}`,
  );
  const { stderr } = await refused(lab, "at start: not the owner (row level security)", url);
  expect(stderr).toContain("row level security");
});

test("at start: a read-only database is named", async () => {
  await using lab = await FaultLab.open();
  const { role, url } = await createRole(lab, "");
  const admin = new pg.Client({ connectionString: inject("adminDatabaseUrl") });
  await admin.connect();
  await admin.query(`alter role ${role} set default_transaction_read_only = on`);
  await admin.end();
  const { stderr } = await refused(lab, "at start: the database is read-only", url);
  expect(stderr).toContain("read-only");
});

test("at start: a server that is too old is named", async () => {
  await using lab = await FaultLab.open();
  await using old = await OldServer.start();
  const { stderr } = await refused(lab, "at start: Postgres 11", old.url);
  expect(stderr).toContain("is Postgres 11.22");
  expect(stderr).toContain("13 or newer");
});

test("at start: a schema of a newer taskrun is refused", async () => {
  await using lab = await FaultLab.open();
  const ids = await lab.add("work", 5, { ms: 1 });
  await lab.db.query("insert into taskrun.migrations (name) values ('9999-later')");
  const { code, stderr } = await lab.spawn().ended;
  expect(code).toBe(69);
  expect(stderr).toContain("9999-later");
  await lab.db.query("delete from taskrun.migrations where name = '9999-later'");
  await finish(lab, "at start: the schema is newer", ids);
});

test("at start: no connection left is waited for, and given up with code 69", async () => {
  await using lab = await FaultLab.open();
  const { url } = await createRole(lab, "connection limit 0");
  const { stderr } = await refused(lab, "at start: no connection left (53300)", url);
  expect(stderr).toContain("no connection to spare");
});

test("at start: pgbouncer in transaction mode is named, in session mode it is used", async ({
  skip,
}) => {
  const fault = "at start: pgbouncer in transaction mode";
  const missing = await missingPgBouncer();
  if (missing !== null) {
    reportSkipped(report, fault, missing);
    return skip(missing);
  }
  await using lab = await FaultLab.open();
  {
    await using bouncer = await PgBouncer.start(lab.url, "transaction");
    const { stderr } = await refused(lab, fault, bouncer.url);
    expect(stderr).toMatch(/pooler in transaction mode/);
  }
  await using bouncer = await PgBouncer.start(lab.url, "session");
  const cli = await lab.startWith({ url: bouncer.url });
  const ids = await lab.add("work", 10, { ms: 1 });
  await lab.untilDone();
  await endWell(cli);
  const ledger = await lab.ledger(ids);
  const behind = "work behind pgbouncer in session mode";
  reportFault(report, { fault: behind, times: 1, ...ledger, secondsToRecover: null });
  expect(ledger).toEqual({ jobsIn: 10, done: 10, lost: 0, doubled: 0 });
});

test("a process that is cut off while it starts comes up all the same", async () => {
  await using lab = await FaultLab.open();
  const { proxy, url } = await SeveredProxy.to(lab.url);
  await using _proxy = proxy;
  const ids = await lab.add("work", 5, { ms: 1 });
  const cli = lab.spawnWith({ url });
  let times = 0;
  while (!(await lab.holds("exists (select from taskrun.processes)")) && times < 5) {
    if (proxy.connections > 0) {
      proxy.drop();
      times += 1;
    }
    await pause(5);
  }
  await lab.untilDone();
  const ledger = await lab.ledger(ids);
  const fault = "at start: connections are cut again and again";
  reportFault(report, { fault, times, ...ledger, secondsToRecover: null });
  expect(ledger).toEqual({ jobsIn: 5, done: 5, lost: 0, doubled: 0 });
  await endWell(cli);
});

/** Speaks just enough of the protocol to be taken for a server of that age. */
class OldServer implements AsyncDisposable {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>, port: number) {
    this.#server = server;
    this.url = `postgres://app:x@127.0.0.1:${port}/app`;
  }

  static async start(): Promise<OldServer> {
    const port = await findFreePort(null);
    const server = createServer((socket) => answerAsOld(socket));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return new OldServer(server, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function answerAsOld(socket: Socket): void {
  let started = false;
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    if (!started) {
      started = true;
      socket.write(
        Buffer.concat([message("R", int32(0)), message("K", int32(1), int32(2)), readyForQuery()]),
      );
      return;
    }
    if (chunk.toString("latin1", 0, 1) !== "Q") return;
    const names = [...chunk.toString("utf8").matchAll(/ as (\w+)/g)].map(([, name = ""]) => name);
    const values = names.map((name) => oldValues[name] ?? "f");
    socket.write(
      Buffer.concat([
        message("T", int16(names.length), ...names.map(column)),
        message("D", int16(names.length), ...values.map(sized)),
        message("C", text("SELECT 1")),
        readyForQuery(),
      ]),
    );
  });
}

const oldValues: Readonly<Record<string, string>> = { number: "110022", version: "11.22" };

const int16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const text = (value: string) => Buffer.from(`${value}\0`);
const sized = (value: string) => Buffer.concat([int32(value.length), Buffer.from(value)]);
const column = (name: string) =>
  Buffer.concat([text(name), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)]);
const readyForQuery = () => message("Z", Buffer.from("I"));

function message(kind: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body]);
}
