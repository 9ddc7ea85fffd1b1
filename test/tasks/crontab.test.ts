/** The example crontab: nothing is active, and every line that could be is right. */

import { readFile } from "node:fs/promises";
import { parseCrontab } from "graphile-worker";
import { expect, test } from "vitest";
import fileCleanup from "../../tasks/file_cleanup.ts";
import reportGeneration from "../../tasks/report_generation.ts";

const crontab = await readFile(new URL("../../crontab", import.meta.url), "utf8");
const tasks = new Map<string, typeof fileCleanup | typeof reportGeneration>([
  ["file_cleanup", fileCleanup],
  ["report_generation", reportGeneration],
]);

test("the crontab has no active line", () => {
  expect(parseCrontab(crontab)).toEqual([]);
});

test("each commented line, made active, names a task and has a payload it takes", async () => {
  const items = parseCrontab(crontab.replaceAll(/^# (?=\d)/gm, ""));

  expect(items).toHaveLength(2);
  for (const { task, payload } of items) {
    const checked = await tasks.get(task)?.payload?.["~standard"].validate(payload);
    expect(checked, task).toHaveProperty("value");
  }
});
