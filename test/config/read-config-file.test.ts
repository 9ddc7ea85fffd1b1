import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { problemInFile, readConfigFile } from "../../src/config/read-config-file.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "taskrun-config-file-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("a folder without a config file has none, and that is no error", async () => {
  expect(await readConfigFile(folder, null)).toBeNull();
});

test("a folder that isn't there is told, not taken for one without a config file", async () => {
  const file = path.join(folder, "package.json");
  await writeFile(file, "{}");
  for (const wrong of [path.join(folder, "misspelled"), file]) {
    await expect(readConfigFile(wrong, null)).rejects.toThrow(ConfigError);
    await expect(readConfigFile(wrong, null)).rejects.toThrow(`${wrong}: there is no such folder`);
  }
});

test.each(["worker.config.ts", "worker.config.mts", "worker.config.js", "worker.config.mjs"])(
  "%s is found",
  async (name) => {
    await writeFile(path.join(folder, "package.json"), '{"type":"module"}');
    await writeFile(path.join(folder, name), "export default { concurrency: 2 };");
    expect(await readConfigFile(folder, null)).toEqual({
      file: path.join(folder, name),
      values: { concurrency: 2 },
    });
  },
);

test("broken syntax is told as the file's fault", async () => {
  const file = path.join(folder, "worker.config.mjs");
  await writeFile(file, "export default {\n  concurrency: ,\n};\n");
  const error = await readConfigFile(folder, null).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  expect(String(error)).toContain("worker.config.mjs");
});

test("an option's place is its key, not a mention in a comment or another name", async () => {
  const file = path.join(folder, "worker.config.mjs");
  const lines = ["// tasks: here", "const mytasks = 1;", "export default {", '  "tasks": 5,', "};"];
  await writeFile(file, lines.join("\n"));
  const fault = { option: "tasks", reason: "wrong", fix: null };
  expect(problemInFile(file, fault)).toMatchObject({ file, line: 4, column: 3 });
});
