import { expect, test } from "vitest";
import { loadCrontab } from "../../src/cli/load-crontab.ts";
import { TaskProject } from "../support/task-project.ts";

const catalog = { tasks: new Map(), failures: [] };

test("the file's lines are compared with the tasks", async () => {
  await using project = await TaskProject.of({ crontab: "* * * * * nobody\n" });
  const { items, failures } = await loadCrontab({ crontab: project.path("crontab") }, catalog);
  expect(items).toEqual([]);
  expect(failures).toMatchObject([{ line: 1, reason: "there is no task nobody" }]);
});

test("a crontab that is turned off has no lines", async () => {
  expect(await loadCrontab({ crontab: false }, catalog)).toMatchObject({ items: [], failures: [] });
});
