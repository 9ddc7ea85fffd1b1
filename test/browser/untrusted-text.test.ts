/** What jobs carry is shown as text, wherever it comes from: nothing of it ever runs. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../support/http-api.ts";
import { testRuntime } from "../support/test-runtime.ts";
import { describeInBrowser, launchChromium } from "./chromium.ts";
import { assign, openDashboard } from "./dashboard-page.ts";

const evil = [
  "<img src=x onerror=\"globalThis.evil='image'\">",
  "<script>globalThis.evil='script'</script>",
  "<svg onload=\"globalThis.evil='svg'\"></svg>",
  "javascript:globalThis.evil='link'",
  "</textarea><script>globalThis.evil='textarea'</script>",
].join(" ");

const evilTask = {
  description: evil,
  retry: { maxAttempts: 1 },
  handler: async (_: unknown, ctx: TaskContext) => {
    ctx.log.error({ [evil]: evil }, evil);
    await ctx.progress(1, 2, evil);
    await ctx.step(evil, async () => evil);
    const error = new Error(evil);
    error.name = evil;
    error.stack = `${evil}\n    at ${evil} (/app/${evil}.ts:1:2)\n    at x (${evil}:1:2)`;
    throw error;
  },
};

describeInBrowser("untrusted text", () => {
  let browser: Browser;
  let runtime: TestRuntime;
  let process: Runtime;
  let api: HttpApi;
  let id: string;

  beforeAll(async () => {
    runtime = await testRuntime({ evil: evilTask });
    api = await httpApi({ runtime, crontab: `0 4 * * * evil {"a": ${JSON.stringify(evil)}}` });
    process = runtime.createRuntime();
    await process.start();
    browser = await launchChromium();
    const json = {
      task_type: "evil",
      payload: { [evil]: [evil, { deep: evil }] },
      metadata: { [evil]: evil },
      queue: evil.slice(0, 120),
      key: evil,
      correlation_id: evil,
    };
    id = (await api.ask("/tasks", { json })).body.data.id;
    const ended = async () => (await api.ask(`/tasks/${id}`)).body.data.status;
    await vi.waitFor(async () => expect(await ended()).toBe("failed"), { timeout: 60_000 });
    await api.ask("/pause", { json: { task_type: "evil", reason: evil } });
  });
  afterAll(async () => {
    await browser?.close();
    await process?.stop();
    await api?.[Symbol.asyncDispose]();
    await runtime?.stop();
  });

  test("is shown and never run", async () => {
    const { page, problems, close } = await openDashboard({ browser, url: api.url });
    const screens = [
      "#/overview",
      "#/jobs",
      `#/jobs?correlation=${encodeURIComponent(evil)}&queue=${encodeURIComponent(evil)}`,
      `#/job/${id}`,
      "#/tasks",
      "#/task/evil",
      `#/task/${encodeURIComponent(evil)}`,
      `#/add/evil?like=${id}`,
      "#/crontab",
      "#/errors",
      "#/processes",
      `#/${encodeURIComponent(evil)}`,
    ];
    let shown = 0;
    for (const hash of screens) {
      await assign(page, hash);
      await page.locator("h1, .notice").first().waitFor();
      await page.locator(".loading").waitFor({ state: "detached" });
      for (const closed of await page.locator("details:not([open]) > summary").all()) {
        await closed.click();
      }
      const { text, made, links } = await page.evaluate(() => ({
        text: document.body.innerText,
        made: document.querySelectorAll("img, main script, [onerror], [onload]").length,
        links: [...document.links].map(({ protocol }) => protocol),
      }));
      expect(made, hash).toBe(0);
      expect(links.filter((one) => !["http:", "vscode:"].includes(one))).toEqual([]);
      if (text.includes("<img src=x")) shown += 1;
    }
    expect(await page.evaluate(() => (globalThis as { evil?: string }).evil)).toBeUndefined();
    expect(shown).toBeGreaterThanOrEqual(6);
    expect(problems).toEqual([]);
    await close();
  });

  test("what it would run is refused by the page's policy even if it became HTML", async () => {
    const { page, close } = await openDashboard({ browser, url: api.url });
    await page.evaluate((html) => {
      document.body.insertAdjacentHTML("beforeend", html);
      const script = document.createElement("script");
      script.textContent = "globalThis.evil = 'inline'";
      document.body.append(script);
    }, evil);
    await expect
      .poll(() => page.evaluate(() => document.querySelectorAll("img").length))
      .toBeGreaterThan(0);
    expect(await page.evaluate(() => (globalThis as { evil?: string }).evil)).toBeUndefined();
    await close();
  });
});
