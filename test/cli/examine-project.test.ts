import { expect, test } from "vitest";
import { examineProject } from "../../src/cli/examine-project.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { TaskProject } from "../support/task-project.ts";

async function findingsOf(files: Record<string, string>) {
  await using project = await TaskProject.of(files);
  return await examineProject(await loadConfig({ folder: project.dir, environment: {} }));
}

test("a broken task file fails the examination, with its place and its fix", async () => {
  const findings = await findingsOf({
    "tasks/a.mjs": "export default async () => 1;",
    "tasks/b.mjs": "export default (",
  });
  expect(findings.find(({ name }) => name === "tasks")).toMatchObject({ status: "ok" });
  const broken = findings.find(({ name }) => name === "task file");
  expect(broken?.status).toBe("fail");
  expect(broken?.detail).toContain("tasks/b.mjs:1:");
  expect(broken?.fix).not.toBe("");
});

test("a folder without tasks is worth a warning", async () => {
  const findings = await findingsOf({ "tasks/_shared.mjs": "export const a = 1;" });
  expect(findings.find(({ name }) => name === "tasks")).toMatchObject({ status: "warn" });
});

test("the configuration tells who set what", async () => {
  const findings = await findingsOf({ "worker.config.mjs": "export default { concurrency: 3 };" });
  expect(findings.find(({ name }) => name === "configuration")?.detail).toContain(
    "concurrency from worker.config.mjs",
  );
});

test("a bad line of the crontab fails the examination, the good ones are counted", async () => {
  const findings = await findingsOf({
    "tasks/a.mjs": "export default async () => 1;",
    crontab: "0 4 * * * a\n0 4 * * * b\n",
  });
  expect(findings.filter(({ name }) => name === "crontab")).toMatchObject([
    { status: "ok", detail: "1 line runs" },
    { status: "fail", detail: expect.stringContaining("crontab:2:11: there is no task b") },
  ]);
});
