/** What the example task file_cleanup promises, on real files. */

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import fileCleanup from "../../tasks/file_cleanup.ts";

const hourMs = 3_600_000;

let base: string;
let root: string;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "file-cleanup-")));
  root = join(base, "root");
  await mkdir(root);
  vi.stubEnv("CLEANUP_ROOT", root);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(base, { recursive: true });
});

async function file(path: string, ageHours: number, text = "12345"): Promise<string> {
  const whole = join(base, path);
  await mkdir(dirname(whole), { recursive: true });
  await writeFile(whole, text);
  const time = new Date(Date.now() - ageHours * hourMs);
  await utimes(whole, time, time);
  return whole;
}

describe("cleaning up", () => {
  test("deletes the old files that match, in every folder beneath", async () => {
    const old = [await file("root/a.log", 50), await file("root/x/y/b.log", 50)];
    const kept = [await file("root/new.log", 1), await file("root/x/old.txt", 50)];
    const { outcome, output, progress } = await runTask(fileCleanup, {
      directory: root,
      pattern: "**/*.log",
      olderThan: "2d",
    });

    expect(outcome.state).toBe("completed");
    expect(output).toEqual({ scanned: 4, deleted: 2, bytes: 10, dryRun: false, failed: [] });
    expect(old.filter(existsSync)).toEqual([]);
    expect(kept.filter(existsSync)).toEqual(kept);
    expect(progress.at(-1)).toMatchObject({ done: 4, message: "2 deleted" });
  });

  test("as a dry run counts and deletes nothing", async () => {
    const old = await file("root/a.log", 50);
    const payload = { directory: root, olderThan: "1h", dryRun: true };
    const { output } = await runTask(fileCleanup, payload);

    expect(output).toMatchObject({ deleted: 1, bytes: 5, dryRun: true });
    expect(existsSync(old)).toBe(true);
  });

  test("leaves files whose name begins with a dot, as a shell would", async () => {
    const hidden = await file("root/.keep", 50);
    await runTask(fileCleanup, { directory: root, olderThan: 0 });

    expect(existsSync(hidden)).toBe(true);
  });

  test("takes file_path and max_age_hours too", async () => {
    const old = await file("root/a.log", 25);
    const kept = await file("root/b.log", 23);
    const payload = { file_path: root, max_age_hours: 24 };
    const { output } = await runTask(fileCleanup, payload);

    expect(output).toMatchObject({ deleted: 1 });
    expect([old, kept].filter(existsSync)).toEqual([kept]);
  });

  test("of a folder that isn't there is done, with nothing deleted", async () => {
    const payload = { directory: join(root, "none"), olderThan: "1h" };
    const { outcome, output } = await runTask(fileCleanup, payload);

    expect(outcome.state).toBe("completed");
    expect(output).toMatchObject({ scanned: 0, deleted: 0 });
  });

  test("ends when the attempt is stopped", async () => {
    const old = await file("root/a.log", 50);
    const stop = new AbortController();
    const payload = { directory: root, olderThan: "1h" };
    const running = runTask(fileCleanup, payload, { signal: stop.signal });
    stop.abort(new Error("enough"));
    const { error } = await running;

    expect(error?.message).toBe("enough");
    expect(existsSync(old)).toBe(true);
  });
});

describe("outside the root", () => {
  test.each([
    ["by its path", (): string => join(base, "secret")],
    ["by dots", (): string => `${root}/../secret`],
    ["by a name that begins like the root's", (): string => `${root}-not`],
    ["which is the whole disk", (): string => "/"],
  ])("a folder is refused for good: %s", async (_case, directory) => {
    const secret = await file("secret/a.log", 50);
    const { outcome, error } = await runTask(fileCleanup, {
      directory: directory(),
      olderThan: "1h",
    });

    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain("set CLEANUP_ROOT");
    expect(existsSync(secret)).toBe(true);
  });

  test("a folder reached through a link in the root is refused", async () => {
    const secret = await file("secret/a.log", 50);
    await symlink(join(base, "secret"), join(root, "link"));
    const payload = { directory: join(root, "link"), olderThan: "1h" };
    const { outcome } = await runTask(fileCleanup, payload);

    expect(outcome.state).toBe("failed");
    expect(existsSync(secret)).toBe(true);
  });

  test("nothing is deleted behind links met on the way, and links stay", async () => {
    const secret = await file("secret/a.log", 50);
    await symlink(join(base, "secret"), join(root, "folder"));
    await symlink(secret, join(root, "a.log"));
    const { output } = await runTask(fileCleanup, { directory: root, olderThan: 0 });

    expect(output).toMatchObject({ scanned: 0, deleted: 0 });
    expect(existsSync(secret)).toBe(true);
    expect(existsSync(join(root, "a.log"))).toBe(true);
  });

  test("another folder may be allowed beside it", async () => {
    const old = await file("second/a.log", 50);
    vi.stubEnv("CLEANUP_ROOT", [root, join(base, "second")].join(delimiter));
    await runTask(fileCleanup, { directory: join(base, "second"), olderThan: "1h" });

    expect(existsSync(old)).toBe(false);
  });
});

describe("without CLEANUP_ROOT", () => {
  test("only what the example tasks wrote may be cleaned up", async () => {
    vi.stubEnv("CLEANUP_ROOT", undefined);
    vi.stubEnv("TASKRUN_DATA_DIR", root);
    const mail = await file("root/outbox/1.eml", 50);
    const database = await file("root/postgres/data/base", 50);

    const allowed = { directory: join(root, "outbox"), olderThan: "1h" };
    expect((await runTask(fileCleanup, allowed)).output).toMatchObject({ deleted: 1 });
    for (const directory of [root, join(root, "postgres"), ".", "tasks"]) {
      const { outcome } = await runTask(fileCleanup, { directory, olderThan: "1h" });
      expect(outcome.state, directory).toBe("failed");
    }
    expect([mail, database].filter(existsSync)).toEqual([database]);
  });
});

test.each([["soon"], ["-1h"], [""], [-1]])("an age of %j is refused", async (olderThan) => {
  const { outcome } = await runTask(fileCleanup, { directory: root, olderThan });

  expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
});
