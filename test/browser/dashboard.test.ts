/** The dashboard as somebody uses it: real server, real jobs, real browser. */

import { once } from "node:events";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../support/http-api.ts";
import { testRuntime } from "../support/test-runtime.ts";
import { describeInBrowser, launchChromium } from "./chromium.ts";
import { type DashboardPage, openDashboard } from "./dashboard-page.ts";
import { type DashboardTasks, dashboardTasks } from "./dashboard-tasks.ts";

describeInBrowser("the dashboard", () => {
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
    api = await httpApi({ runtime, crontab: "30 3 * * * later ?id=nightly" });
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
    dashboard = await openDashboard({ browser, url: api.url, expects: [409, 422, 429] });
    page = dashboard.page;
  });
  afterEach(async () => {
    await dashboard.close();
    expect(dashboard.problems).toEqual([]);
  });

  const eventually = (ask: () => Promise<unknown>) => expect.poll(ask);

  const status = (name: string) => page.locator("h1 .badge", { hasText: name });

  const published = () =>
    expect.poll(async () => (await api.ask("/catalog")).body.data.length).toBeGreaterThan(3);

  const statusOf = async (id: string): Promise<string> =>
    (await api.ask(`/tasks/${id}`)).body.data.status;

  async function add(task_type: string, more: object = {}): Promise<string> {
    return (await api.ask("/tasks", { json: { task_type, ...more } })).body.data.id;
  }

  test("a job is added by the form, moves its bar, fails, tells its stack, is retried", async () => {
    await published();
    await dashboard.go("#/task/import_rows");
    await page.getByRole("link", { name: /Add a job/ }).click();
    await page.getByLabel("file").fill("rows.csv");
    await page.getByLabel("mode").selectOption("careful");
    await page.getByLabel("notify").fill("nobody");
    await page.getByRole("button", { name: "Add to columns" }).click();
    await page.getByLabel("columns 1", { exact: true }).fill("name");
    await page.getByLabel("errors").fill("few");
    await page.getByLabel("strict").check();
    await page.getByRole("button", { name: "Add the job" }).click();

    // What the task's schema says stands at its field.
    await page.locator('[data-path="payload.limits.errors"] .issue').waitFor();
    await page.locator('[data-path="payload.notify"] .issue', { hasText: "email" }).waitFor();
    expect(await page.getByLabel("notify").getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("notify").fill("");
    await page.getByLabel("errors").fill("5");
    await page.getByRole("button", { name: "Add the job" }).click();

    await status("running").waitFor();
    const bar = page.locator("progress").first();
    const seen = [];
    for (const part of [1, 2, 3]) {
      await page.getByText(`part ${part}`).first().waitFor();
      await eventually(() => bar.getAttribute("data-done")).toBe(String(part));
      seen.push(await bar.evaluate((element: HTMLProgressElement) => element.value));
      kit.importParts[part - 1]?.resolve();
    }
    expect(seen).toEqual([0.25, 0.5, 0.75]);

    await status("failed").waitFor();
    await page.getByText("the file rows.csv has no header").first().waitFor();
    const stack = await page.locator(".stack").innerText();
    expect(stack).toContain("TypeError: the file rows.csv has no header");
    const own = page.locator(".stack .own a").first();
    expect(await own.innerText()).toContain("dashboard-tasks.ts");
    expect(await own.getAttribute("href")).toMatch(
      /^vscode:\/\/file\/.*dashboard-tasks.ts:\d+:\d+$/,
    );
    const id = /#\/job\/(\d+)/.exec(page.url())?.[1] ?? "";
    expect((await api.ask(`/tasks/${id}`)).body.data.payload).toEqual({
      file: "rows.csv",
      mode: "careful",
      columns: ["name"],
      limits: { errors: 5, strict: true },
    });

    await page.getByRole("button", { name: /^Retry/ }).click();
    await status("completed").waitFor();
    await page.getByText('"read"').or(page.getByText("read:")).first().waitFor();
    expect(await statusOf(id)).toBe("completed");
  });

  test("a similar job is added from one that is shown", async () => {
    const id = await add("later", { payload: { a: [1, "two"] } });
    await eventually(() => statusOf(id)).toBe("completed");
    await dashboard.go(`#/job/${id}`);
    await page.getByRole("link", { name: /Add a similar one/ }).click();
    expect(JSON.parse(await page.getByLabel("payload").inputValue())).toEqual({ a: [1, "two"] });
    await page.getByText("More options").click();
    await page.getByLabel("Attempts").fill("none");
    await page.getByRole("button", { name: "Add the job" }).click();
    await page.locator(".options .issue").waitFor();
    await page.getByLabel("Attempts").fill("2");
    await page.getByLabel("Correlation id").fill("again");
    await page.getByRole("button", { name: "Add the job" }).click();
    await status("completed").waitFor();
    const { data } = (await api.ask("/tasks?correlation_id=again")).body;
    expect(data).toMatchObject([{ task_type: "later", max_attempts: 2 }]);
  });

  test("a running job is cancelled, with the reason", async () => {
    const id = await add("hang");
    await dashboard.go(`#/job/${id}`);
    await status("running").waitFor();
    await page.getByRole("button", { name: /^Cancel/ }).click();
    await page.getByLabel("Reason").fill("customer left");
    await page.getByRole("button", { name: "Cancel the job" }).click();
    await status("cancelled").waitFor();
    await page.getByText("customer left").first().waitFor();
    await page.getByText("this takes long").waitFor();
  });

  test("a whole group of failed jobs is retried, after it was said how many", async () => {
    kit.shop.hasMoney = false;
    const ids: string[] = [];
    for (const order of [1, 2, 3]) ids.push(await add("charge", { payload: { order } }));
    for (const id of ids) await eventually(() => statusOf(id)).toBe("failed");
    kit.shop.hasMoney = true;
    await dashboard.go("#/errors");
    const group = page.locator(".card", { hasText: "can't be charged" });
    await eventually(() => group.innerText()).toContain("3");
    await group.getByRole("button", { name: /Retry all/ }).click();
    await page.getByText("3 jobs get all their attempts again").waitFor();
    await page.getByRole("button", { name: "Retry 3 jobs" }).click();
    for (const id of ids) await eventually(() => statusOf(id)).toBe("completed");
    await group.waitFor({ state: "detached" });
  });

  test("jobs that match a filter are changed together; one that is selected alone", async () => {
    const scheduled_at = "2090-01-01T00:00:00Z";
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.push(await add("later", { queue: "bulk", scheduled_at }));
    await dashboard.go("#/jobs");
    await page.getByLabel("Search jobs").fill("queue:bulk");
    await page.keyboard.press("Enter");
    await eventually(() => page.locator(".job-rows tbody tr").count()).toBe(3);
    await page.getByLabel(`Select job ${ids[0]}`).check();
    await page.getByRole("button", { name: "Run now…" }).click();
    await page.getByRole("button", { name: "Run now 1 job", exact: true }).click();
    await eventually(() => statusOf(ids[0] ?? "")).toBe("completed");
    await page.getByLabel("State").selectOption("scheduled");
    await eventually(() => page.locator(".job-rows tbody tr").count()).toBe(2);
    await page.getByRole("button", { name: "Cancel…" }).click();
    await page.getByRole("button", { name: "Cancel 2 jobs" }).click();
    await page.getByText("No job matches.").waitFor();
    expect(await Promise.all(ids.slice(1).map(statusOf))).toEqual(["cancelled", "cancelled"]);
  });

  test("what a value in the payload finds is changed together", async () => {
    const scheduled_at = "2090-01-01T00:00:00Z";
    const ids: string[] = [];
    for (const tenant of [1, 2, 2]) {
      ids.push(await add("later", { payload: { owner: { tenant } }, scheduled_at }));
    }
    await dashboard.go("#/jobs?payload=owner.tenant%3D2");
    await eventually(() => page.locator(".job-rows tbody tr").count()).toBe(2);
    await page.keyboard.press("C");
    await page.getByRole("button", { name: "Cancel 2 jobs" }).click();
    await eventually(() => Promise.all(ids.map(statusOf))).toEqual([
      "scheduled",
      "cancelled",
      "cancelled",
    ]);
    // What was cancelled on purpose is retried by its name only.
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("R");
    await page.getByRole("button", { name: "Retry 0 jobs" }).waitFor();
    await page.getByRole("button", { name: "Leave it" }).click();
  });

  test("a list holds still: what is new waits for a button, what is shown changes", async () => {
    const old = await add("later", { queue: "still", scheduled_at: "2090-01-01T00:00:00Z" });
    await dashboard.go("#/jobs?queue=still");
    const rows = page.locator(".job-rows tbody tr");
    await rows.first().waitFor();
    // What comes before it hears of changes is in the list that it asks for then.
    await page.getByText("live", { exact: true }).waitFor();
    for (let n = 0; n < 3; n += 1) {
      await add("later", { queue: "still", scheduled_at: "2090-01-01T00:00:00Z" });
    }
    await page.getByRole("button", { name: "3 new" }).waitFor();
    expect(await rows.count()).toBe(1);
    await api.ask(`/tasks/${old}/cancel`, { method: "POST" });
    await rows.first().getByText("cancelled").first().waitFor();
    await page.keyboard.press("n");
    await eventually(() => rows.count()).toBe(4);
    expect(await page.locator(".new-button").count()).toBe(0);
  });

  test("a task is paused and resumed, and says so wherever it is shown", async () => {
    await published();
    await dashboard.go("#/task/later");
    const known = once(process.events, "pauses:changed");
    await page.getByRole("button", { name: /^Pause/ }).click();
    await page.getByText("Paused", { exact: false }).first().waitFor();
    await known;
    const id = await add("later");
    await dashboard.go(`#/job/${id}`);
    await page.locator(".explanation", { hasText: "paused" }).waitFor();
    await dashboard.go("#/overview");
    await page.locator(".attention", { hasText: "later" }).waitFor();
    await dashboard.go("#/task/later");
    await page.getByRole("button", { name: /^Resume/ }).click();
    await page.getByRole("button", { name: /^Pause/ }).waitFor();
    await eventually(() => statusOf(id)).toBe("completed");
  });

  test("a line of the crontab is run now, held back and let go on", async () => {
    await dashboard.go("#/crontab");
    const line = page.locator(".card", { hasText: "every day at 03:30" });
    await line.getByRole("button", { name: /^Run now/ }).click();
    await line.getByText("completed").waitFor();
    await line.getByRole("link", { name: /^job \d+/ }).waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("p");
    await line.getByText("not while it is paused").waitFor();
    expect((await api.ask("/crontab")).body.data[0].paused).toBe(true);
    await line.getByRole("button", { name: /^Resume/ }).click();
    await line.getByRole("button", { name: /^Pause/ }).waitFor();
  });

  test("when nothing tells of changes, the page asks by itself", async () => {
    await page.route("**/events**", (route) => route.fulfill({ status: 429 }));
    await page.reload();
    await page.getByText("asking").waitFor();
    const id = await add("later", { scheduled_at: "2090-01-01T00:00:00Z" });
    await dashboard.go(`#/job/${id}`);
    await status("scheduled").waitFor();
    await api.ask(`/tasks/${id}/run-now`, { method: "POST" });
    await status("completed").waitFor();
  });
});
