import { expect, test } from "vitest";
import { crontabFile } from "../../../src/cli/scaffold/project-files.ts";
import { parseCrontab } from "../../../src/discovery/crontab/parse-crontab.ts";

test("the crontab runs nothing before a line is made active, and that line is right", async () => {
  expect(await parseCrontab(crontabFile.text)).toMatchObject({ items: [], failures: [] });
  const active = crontabFile.text.replace("# 0 8", "0 8");
  expect(await parseCrontab(active)).toMatchObject({ items: [{ task: "hello" }], failures: [] });
});
