import { expect, test } from "vitest";
import { loadCrontab } from "../../src/cli/load-crontab.ts";
import { TaskProject } from "../support/task-project.ts";

const catalog = { tasks: new Map(), failures: [] };

test("the file's lines are compared with the tasks", async () => {
  await using project = await TaskProject.of({ crontab: "* * * * * nobody\n" });
  const config = { crontab: project.path("crontab"), projectDir: project.dir };
  const { items, failures } = await loadCrontab(config, catalog);
  expect(items).toEqual([]);
  expect(failures).toMatchObject([{ line: 1, reason: "there is no task nobody" }]);
});

test("a crontab that is turned off has no lines", async () => {
  const config = { crontab: false, projectDir: "/" } as const;
  expect(await loadCrontab(config, catalog)).toMatchObject({ items: [], failures: [] });
});

test("a project needs no crontab, but one that is named has to be there", async () => {
  await using project = await TaskProject.of({ "jobs.cron": "" });
  const failuresOf = async (file: string) => {
    const config = { crontab: project.path(file), projectDir: project.dir };
    return (await loadCrontab(config, catalog)).failures;
  };
  expect(await failuresOf("crontab")).toEqual([]);
  expect(await failuresOf("jobs.cron")).toEqual([]);
  expect(await failuresOf("job.cron")).toMatchObject([{ reason: "there is no such file" }]);
});
