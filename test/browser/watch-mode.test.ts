/** The dashboard beside a developer's editor: what is saved is seen without a reload. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { RunningCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { describeInBrowser, launchChromium } from "./chromium.ts";
import { accessibilityFaults, artefactPath, openDashboard } from "./dashboard-page.ts";

describeInBrowser("the dashboard in watch mode", () => {
  let browser: Browser;
  let database: ScratchDatabase;
  let project: TaskProject;
  let cli: RunningCli;

  beforeAll(async () => {
    database = await createTestDatabase();
    project = await TaskProject.of({
      "package.json": '{"type":"module"}',
      "tasks/greet.ts": "export default async () => 'hello';\n",
    });
    cli = new RunningCli(["--watch", "--http-port", "0"], {
      cwd: project.dir,
      env: { DATABASE_URL: database.url },
    });
    await cli.says("dashboard ");
    await cli.says("add jobs");
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await cli?.[Symbol.asyncDispose]();
    await project?.[Symbol.asyncDispose]();
    await database?.drop();
  });

  test("a broken save shows its place, and goes when it is mended", async () => {
    const [, url = ""] = /http {6}(http:\S+),/.exec(cli.stderr) ?? [];
    const dashboard = await openDashboard({ browser, url });
    const { page, problems, go } = dashboard;
    await go("#/tasks");
    await page.getByRole("link", { name: "greet", exact: true }).waitFor();

    await project.write("tasks/greet.ts", "export default async () => {\n  const = 1;\n};\n");
    const failure = page.locator(".load-failure");
    await failure.waitFor();
    expect(await failure.locator("h3").innerText()).toContain("greet.ts:2");
    expect(await failure.locator(".frame").innerText()).toContain("const = 1");
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.screenshot({ path: artefactPath("load-failure-light-1280.png") });
    await go("#/overview");
    await page.locator(".attention", { hasText: "greet" }).waitFor();

    await go("#/tasks");
    await project.write("tasks/greet.ts", "export default async () => 'hello again';\n");
    await failure.waitFor({ state: "detached" });
    await project.write("tasks/added.ts", "export default async () => 'new';\n");
    await page.getByRole("link", { name: "added", exact: true }).waitFor();
    await go("#/add/added");
    await page.getByRole("button", { name: "Add the job" }).click();
    await page.locator("h1 .badge", { hasText: "completed" }).waitFor();
    await dashboard.close();
    expect(problems).toEqual([]);
  });

  test("the link in the terminal lets a browser in, one time", async () => {
    const [, link = ""] = /dashboard (http:\S+) \(opens once\)/.exec(cli.stderr) ?? [];
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(link);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/ui/");
    expect((await page.goto(link))?.status()).toBe(401);
    await context.close();
  });
});
