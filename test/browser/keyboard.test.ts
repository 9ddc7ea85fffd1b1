/** The dashboard without a mouse: real server, real jobs, real browser. */

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../support/http-api.ts";
import { testRuntime } from "../support/test-runtime.ts";
import { describeInBrowser, launchChromium } from "./chromium.ts";
import { type DashboardPage, openDashboard } from "./dashboard-page.ts";
import { type DashboardTasks, dashboardTasks } from "./dashboard-tasks.ts";

describeInBrowser("the dashboard's keys", () => {
  let browser: Browser;
  let kit: DashboardTasks;
  let runtime: TestRuntime;
  let process: Runtime;
  let api: HttpApi;
  let dashboard: DashboardPage;
  let page: Page;

  beforeAll(async () => {
    kit = dashboardTasks();
    runtime = await testRuntime(kit.tasks);
    api = await httpApi({ runtime });
    process = runtime.createRuntime();
    await process.start();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await process?.stop();
    await api?.[Symbol.asyncDispose]();
    await runtime?.stop();
  });
  beforeEach(async () => {
    await expect
      .poll(async () => (await api.ask("/catalog")).body.data.length)
      .toBe(Object.keys(kit.tasks).length);
    dashboard = await openDashboard({ browser, url: api.url });
    page = dashboard.page;
    await page.getByRole("heading", { name: "Overview" }).waitFor();
  });
  afterEach(async () => {
    await dashboard.close();
    expect(dashboard.problems).toEqual([]);
  });

  const status = (name: string) => page.locator("h1 .badge", { hasText: name });

  const keys = async (...pressed: string[]) => {
    // One right after the other: the second one of two has to come within a second.
    await Promise.all(pressed.map((key) => page.keyboard.press(key)));
  };

  async function add(task_type: string, payload: object = {}): Promise<string> {
    return (await api.ask("/tasks", { json: { task_type, payload } })).body.data.id;
  }

  test("everything can be done by keys alone", async () => {
    kit.shop.hasMoney = false;
    const id = await add("charge", { order: 77 });
    await expect.poll(async () => (await api.ask(`/tasks/${id}`)).body.data.status).toBe("failed");

    await keys("?");
    await page.getByRole("heading", { name: "Keys" }).waitFor();
    await keys("Escape");
    await page.getByRole("heading", { name: "Keys" }).waitFor({ state: "detached" });

    await keys("g", "j");
    await page.getByRole("heading", { name: "Jobs", level: 1 }).waitFor();
    await page.locator(".job-rows tbody tr").first().waitFor();
    await keys("/");
    await page.keyboard.type("order=77");
    await keys("Enter");
    await expect.poll(() => page.locator(".job-rows tbody tr").count()).toBe(1);
    await keys("j");
    await page.locator("tr[aria-current=true]").waitFor();
    await keys("Enter");
    await status("failed").waitFor();
    kit.shop.hasMoney = true;
    await keys("r");
    await status("completed").waitFor();
    await keys("Escape");
    await page.getByRole("heading", { name: "Jobs", level: 1 }).waitFor();

    // Another one from the form, then cancelled.
    await keys("g", "t");
    await page.getByRole("heading", { name: "Tasks" }).waitFor();
    await page.locator(".task-rows tbody tr").first().waitFor();
    await keys("/");
    await page.keyboard.type("hang");
    await keys("Enter");
    await page.getByRole("heading", { name: "hang" }).waitFor();
    await keys("a");
    await page.getByRole("heading", { name: "Add a job" }).waitFor();
    await page.getByRole("button", { name: "Add the job" }).focus();
    await keys("Enter");
    await status("running").waitFor();
    await keys("c");
    await page.getByRole("heading", { name: /^Cancel job/ }).waitFor();
    await page.getByLabel("Reason").focus();
    await page.keyboard.type("by keys");
    await keys("Enter");
    await status("cancelled").waitFor();
    await keys("g", "e");
    await page.getByRole("heading", { name: "Errors" }).waitFor();
    await keys("g", "p");
    await page.getByRole("heading", { name: "Processes" }).waitFor();
    await page.getByText("slots").waitFor();
    await keys("g", "c");
    await page.getByRole("heading", { name: "Crontab" }).waitFor();
  });

  test("a key is taken as soon as its screen stands there", async () => {
    // Whoever is quick, or has a slow machine, presses it before the screen was even painted.
    await page.evaluate(() => {
      const drawn = new MutationObserver(() => {
        if (document.querySelector("h1")?.textContent.trim() !== "hang") return;
        drawn.disconnect();
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
      });
      drawn.observe(document.body, { childList: true, subtree: true });
    });
    await page.evaluate(() => location.assign("#/task/hang"));
    await page.getByRole("heading", { name: "Add a job" }).waitFor();
  });

  test("two keys that go somewhere do nothing else on the way", async () => {
    const id = await add("hang");
    // Loaded where it is, not come to from another screen.
    await dashboard.go("#/jobs?task=hang");
    await page.reload();
    await page.locator(".job-rows tbody tr").first().waitFor();
    await keys("j");
    await page.locator("tr[aria-current=true]").waitFor();
    // Alone, the second one would ask whether to cancel the job of that row.
    await keys("g", "c");
    await page.getByRole("heading", { name: "Crontab" }).waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    await api.ask(`/tasks/${id}/cancel`, { method: "POST" });
  });
});
