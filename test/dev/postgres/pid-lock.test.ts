import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { acquirePidLock, findPidLockHolder } from "../../../src/dev/postgres/pid-lock.ts";

let path: string;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), "taskrun-lock-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  path = join(folder, "lock");
});

test("a lock has one holder until it is released", async () => {
  const lock = await acquirePidLock(path);
  expect(await findPidLockHolder(path)).toBe(process.pid);
  expect(await acquirePidLock(path)).toBeNull();
  await lock?.release();
  expect(await findPidLockHolder(path)).toBeNull();
  expect(await acquirePidLock(path)).not.toBeNull();
});

test("a holder whose folder was deleted leaves the lock that another has made there", async () => {
  const lock = await acquirePidLock(path);
  await rm(path);
  expect(await lock?.isOurs()).toBe(false);
  await writeFile(path, "another's");
  await lock?.release();
  expect(await readFile(path, "utf8")).toBe("another's");
});

test("of many that see a stale lock, one takes it over", async () => {
  for (let round = 0; round < 10; round++) {
    const dead = { pid: process.pid, startedAt: "another process's", path };
    await writeFile(path, JSON.stringify(dead));
    const locks = await Promise.all(Array.from({ length: 10 }, () => acquirePidLock(path)));
    expect(locks.filter((lock) => lock !== null)).toHaveLength(1);
    expect(JSON.parse(await readFile(path, "utf8")).startedAt).not.toBe(dead.startedAt);
  }
});

test("a lock that is just being written is held, one that never was written is not", async () => {
  await writeFile(path, "");
  expect(await acquirePidLock(path)).toBeNull();
  await utimes(path, new Date(), new Date(Date.now() - 60_000));
  expect(await acquirePidLock(path)).not.toBeNull();
});

test("a takeover that was killed halfway doesn't block the next one", async () => {
  await writeFile(path, JSON.stringify({ pid: 0, startedAt: "", path }));
  await writeFile(`${path}.takeover`, "");
  await utimes(`${path}.takeover`, new Date(), new Date(Date.now() - 60_000));
  expect(await acquirePidLock(path)).not.toBeNull();
});

test("a lock that was copied with its folder is not held, one that was moved is", async () => {
  await acquirePidLock(path);
  const copy = `${path}-copy`;
  await writeFile(copy, await readFile(path));
  expect(await findPidLockHolder(copy)).toBeNull();
  await rm(path);
  expect(await findPidLockHolder(copy)).toBe(process.pid);
});
