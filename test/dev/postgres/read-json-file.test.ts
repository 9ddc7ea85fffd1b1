import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readJsonFile, writeJsonFile } from "../../../src/dev/postgres/read-json-file.ts";

test("a file is written whole, for its owner only, and read back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "taskrun-json-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "file.json");
  expect(await readJsonFile(path)).toBeNull();
  await writeJsonFile(path, { password: "secret" });
  await writeJsonFile(path, { password: "newer" });
  expect(await readJsonFile(path)).toEqual({ password: "newer" });
  expect((await stat(path)).mode & 0o777).toBe(process.platform === "win32" ? 0o666 : 0o600);
  expect(await readdir(folder)).toEqual(["file.json"]);
});

test("what is no JSON object counts as missing, what can't be read is an error", async () => {
  const folder = await mkdtemp(join(tmpdir(), "taskrun-json-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const text of ["", '{"half":', "[1]", "null", "3"]) {
    await writeFile(join(folder, "broken"), text);
    expect(await readJsonFile(join(folder, "broken"))).toBeNull();
  }
  await expect(readJsonFile(folder)).rejects.toMatchObject({ code: "EISDIR" });
});
