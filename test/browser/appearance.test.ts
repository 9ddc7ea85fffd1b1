/**
 * How each screen looks: a picture of each in light and dark, wide and narrow, kept for people to
 * look at; and what a machine can judge of it: nothing too wide, nothing that axe-core objects to.
 */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../support/http-api.ts";
import { testRuntime } from "../support/test-runtime.ts";
import { describeInBrowser, launchChromium } from "./chromium.ts";
import {
  accessibilityFaults,
  artefactPath,
  desktop,
  openDashboard,
  phone,
} from "./dashboard-page.ts";
import { dashboardTasks } from "./dashboard-tasks.ts";

const crontab = `
30 3 * * * later ?id=nightly&max=3 {"directory": "outbox", "olderThan": "30d"}
*/5 * * * * later ?id=often&tz=Europe/Paris
`;

const looks = [
  ["light", desktop],
  ["dark", desktop],
  ["light", phone],
  ["dark", phone],
] as const;

const until = (isTrue: () => Promise<boolean>) =>
  vi.waitFor(async () => expect(await isTrue()).toBe(true), { timeout: 60_000, interval: 100 });

describeInBrowser("the appearance of the dashboard", () => {
  let browser: Browser;
  let runtime: TestRuntime;
  let process: Runtime;
  let api: HttpApi;
  let story: string;
  let parent: string;
  let running: string;

  async function add(task_type: string, more: object = {}): Promise<string> {
    return (await api.ask("/tasks", { json: { task_type, ...more } })).body.data.id;
  }
  const statusOf = async (id: string): Promise<string> =>
    (await api.ask(`/tasks/${id}`)).body.data.status;

  beforeAll(async () => {
    const kit = dashboardTasks();
    runtime = await testRuntime({ ...kit.tasks, order: orderTask, broken_often: breakingTask });
    api = await httpApi({ runtime, crontab });
    process = runtime.createRuntime();
    await process.start();
    browser = await launchChromium();
    await until(async () => (await api.ask("/catalog")).body.data.length > 4);
    for (let order = 1; order <= 12; order += 1) await add("charge", { payload: { order } });
    for (let order = 1; order <= 30; order += 1) await add("later", { queue: "mail" });
    for (let n = 0; n < 6; n += 1) await add("broken_often");
    await add("later", { scheduled_at: "2090-01-01T00:00:00Z", correlation_id: "customer-7" });
    story = await add("order", {
      payload: { order: 7, lines: ["a", "b"] },
      metadata: { tenant: 3 },
    });
    await until(async () => (await statusOf(story)) === "failed");
    parent = (await api.ask(`/tasks/${story}`)).body.data.children[0]?.id ?? story;
    await add("later", { after: [parent] });
    running = await add("import_rows", {
      payload: {
        file: "a.csv",
        mode: "fast",
        columns: ["a"],
        limits: { errors: 0, strict: false },
      },
    });
    await add("hang");
    await until(async () => (await statusOf(running)) === "running");
    await api.ask("/pause", { json: { task_type: "later", reason: "moving the shop" } });
  });
  afterAll(async () => {
    await browser?.close();
    await process?.stop();
    await api?.[Symbol.asyncDispose]();
    await runtime?.stop();
  });

  // Twelve screens, each painted, kept and examined.
  const limit = { timeout: 480_000 };

  test.each(looks)("in %s at %o", limit, async (scheme, viewport) => {
    const dashboard = await openDashboard({ browser, url: api.url, scheme, viewport });
    const { page, problems, go } = dashboard;
    const screens = {
      overview: "#/overview",
      jobs: "#/jobs",
      "jobs-empty": "#/jobs?queue=none",
      job: `#/job/${story}`,
      "job-running": `#/job/${running}`,
      tasks: "#/tasks",
      task: "#/task/import_rows",
      add: "#/add/import_rows",
      crontab: "#/crontab",
      errors: "#/errors",
      processes: "#/processes",
    };
    const faults: string[] = [];
    for (const [name, hash] of Object.entries(screens)) {
      await go(hash);
      await page.locator(".loading").waitFor({ state: "detached" });
      // Charts draw, and the live mark turns, in the next frames.
      await page.waitForFunction(() => document.querySelector(".live:not(.polling)") !== null);
      await page.screenshot({
        path: artefactPath(`${name}-${scheme}-${viewport.width}.png`),
        fullPage: true,
      });
      const isTooWide = await page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
      );
      if (isTooWide) faults.push(`${name} is wider than the window`);
      faults.push(...(await accessibilityFaults(page)).map((fault) => `${name}: ${fault}`));
    }
    await page.keyboard.press("?");
    await page.locator("dialog[open]").waitFor();
    await page.screenshot({ path: artefactPath(`keys-${scheme}-${viewport.width}.png`) });
    faults.push(...(await accessibilityFaults(page)).map((fault) => `keys: ${fault}`));
    await dashboard.close();
    expect(faults).toEqual([]);
    expect(problems).toEqual([]);
  });

  test("colours follow the system until somebody chooses, and stay chosen", async () => {
    const dashboard = await openDashboard({ browser, url: api.url, scheme: "dark" });
    const { page } = dashboard;
    const ground = () =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = await ground();
    await page.getByRole("button", { name: /^Colours: system/ }).click();
    await expect.poll(ground).not.toBe(dark);
    await page.reload();
    await page.getByRole("button", { name: /^Colours: light/ }).click();
    await expect.poll(ground).toBe(dark);
    await dashboard.close();
  });
});

const orderTask = {
  description: "Reserves, charges, and undoes what it did when it can't go on",
  retry: { maxAttempts: 2, baseDelay: "50ms", jitter: 0 },
  handler: async (_: unknown, ctx: TaskContext) => {
    await ctx.step("reserve the goods", async () => ({ shelf: 4 }), { compensate: async () => {} });
    await ctx.step("charge the card", async () => ({ receipt: "r-1" }), {
      compensate: async () => {},
    });
    if (ctx.attempt === 1) await ctx.enqueue("later", { order: 7 });
    ctx.log.warn({ carrier: "none" }, "no carrier takes it");
    throw new Error("no carrier takes the parcel: it weighs 31 kg and the limit is 30 kg");
  },
};

const breakingTask = {
  description: "Asks another shop that is away",
  retry: { maxAttempts: 1 },
  breaker: { failures: 3, openFor: "10m" },
  handler: async () => {
    throw new Error("connect ECONNREFUSED 10.0.0.7:443");
  },
};
