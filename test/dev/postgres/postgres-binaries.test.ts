import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { findPostgresBinaries } from "../../../src/dev/postgres/postgres-binaries.ts";

test("the programs of the installed package run here and tell their version", async () => {
  const binaries = await findPostgresBinaries(null, () => undefined);
  expect(binaries.version).toMatch(/^18\.\d+$/);
  for (const program of [binaries.initdb, binaries.pgCtl]) {
    const { stdout } = await promisify(execFile)(program, ["--version"]);
    expect(stdout).toContain(binaries.version);
  }
});
