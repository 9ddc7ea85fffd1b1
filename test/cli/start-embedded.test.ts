import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { CliError } from "../../src/cli/cli-error.ts";
import { startEmbedded } from "../../src/cli/start-embedded.ts";

test("a folder that can't be used is told in plain words, with a way around", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "taskrun-embedded-"));
  const dataDir = path.join(folder, "a-file");
  await writeFile(dataDir, "");
  const error = await startEmbedded(dataDir).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(CliError);
  expect(error).toMatchObject({ exitCode: 69, hint: expect.stringContaining("DATABASE_URL") });
  await rm(folder, { recursive: true });
});
