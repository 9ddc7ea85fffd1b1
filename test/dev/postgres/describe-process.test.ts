import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { describeProcess } from "../../../src/dev/postgres/describe-process.ts";

test("a live process is described the same each time, and unlike any other", async () => {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()", "a mark"]);
  await once(child, "spawn");
  const first = await describeProcess(child.pid ?? 0);
  expect(first?.commandLine).toContain("a mark");
  expect(await describeProcess(child.pid ?? 0)).toEqual(first);
  expect((await describeProcess(process.pid))?.startedAt).not.toBe(first?.startedAt);
  child.stdin.end();
  await once(child, "exit");
  expect(await describeProcess(child.pid ?? 0)).toBeNull();
});

test("what can't be a pid is no process", async () => {
  for (const pid of [0, -1, 1.5, Number.NaN]) expect(await describeProcess(pid)).toBeNull();
});
