import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { canEnter, findSystemAccount } from "../../../src/dev/postgres/system-account.ts";

const isRoot = process.getuid?.() === 0;
const nobody = { uid: 65534, gid: 65534 };

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "taskrun-account-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

test.skipIf(isRoot)("an ordinary user runs the server as itself", async () => {
  expect(await findSystemAccount(await newFolder(), () => undefined)).toBeNull();
});

test.runIf(isRoot)("for root, the owner of the data runs the server", async () => {
  const folder = await newFolder();
  await chown(folder, nobody.uid, nobody.gid);
  expect(await findSystemAccount(folder, () => undefined)).toEqual(nobody);
});

test.runIf(isRoot)("for root, a cluster to be made gets a user that isn't root", async () => {
  const account = await findSystemAccount(join(await newFolder(), "none"), () => undefined);
  expect(account?.uid).toBeGreaterThan(0);
  expect(account?.gid).toBeGreaterThan(0);
});

test.runIf(isRoot)("a folder is closed to an account when any folder above it is", async () => {
  const folder = await newFolder();
  const inner = join(folder, "inner");
  await mkdir(inner);
  expect(canEnter(nobody, inner)).toBe(false);
  await chmod(folder, 0o711);
  expect(canEnter(nobody, inner)).toBe(true);
  await chmod(inner, 0o700);
  expect(canEnter(nobody, inner)).toBe(false);
});
