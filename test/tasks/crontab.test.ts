/** The example crontab: nothing is active, and every line that could be is right. */

import { readFile } from "node:fs/promises";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { parseCrontab } from "graphile-worker";
import { expect, test } from "vitest";
import dailyBackup from "../../tasks/daily_backup.ts";
import fileCleanup from "../../tasks/file_cleanup.ts";
import reportGeneration from "../../tasks/report_generation.ts";

const crontab = await readFile(new URL("../../crontab", import.meta.url), "utf8");
const tasks = new Map<string, { readonly payload?: StandardSchemaV1 }>([
  ["daily_backup", dailyBackup],
  ["file_cleanup", fileCleanup],
  ["report_generation", reportGeneration],
]);

test("the crontab has no active line", () => {
  expect(parseCrontab(crontab)).toEqual([]);
});

test("each commented line, made active, names a task and has a payload it takes", async () => {
  const items = parseCrontab(crontab.replaceAll(/^# (?=\d)/gm, ""));

  expect(items).toHaveLength(3);
  for (const { task, payload } of items) {
    const checked = await tasks.get(task)?.payload?.["~standard"].validate(payload);
    expect(checked, task).toHaveProperty("value");
  }
});
