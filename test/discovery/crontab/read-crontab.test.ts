import { expect, test } from "vitest";
import { readCrontab } from "../../../src/discovery/crontab/read-crontab.ts";
import { TaskProject } from "../../support/task-project.ts";

test("the file's text is read; no file, and no crontab at all, say nothing", async () => {
  await using project = await TaskProject.of({ crontab: "0 4 * * * a\n" });
  expect(await readCrontab(project.path("crontab"))).toBe("0 4 * * * a\n");
  expect(await readCrontab(project.path("other"))).toBe("");
  expect(await readCrontab(false)).toBe("");
});

test("what can't be read is an error, not an empty crontab", async () => {
  await using project = await TaskProject.of({ "crontab/inside": "" });
  await expect(readCrontab(project.path("crontab"))).rejects.toThrow("(EISDIR)");
});
