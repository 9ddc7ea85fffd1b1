/** Who may look: with tokens the page asks for one, behind a reverse proxy and a path prefix. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { type HttpApi, httpApi } from "../support/http-api.ts";
import { testRuntime } from "../support/test-runtime.ts";
import { describeInBrowser, launchChromium } from "./chromium.ts";
import { accessibilityFaults, artefactPath, openDashboard } from "./dashboard-page.ts";
import { type PrefixProxy, prefixProxy } from "./prefix-proxy.ts";

const prefix = "/app/jobs";

describeInBrowser("signing in", () => {
  let browser: Browser;
  let runtime: TestRuntime;
  let api: HttpApi;
  let proxy: PrefixProxy;
  let url: string;
  let operator: string;
  let reader: string;

  beforeAll(async () => {
    runtime = await testRuntime({ work: async () => 1 });
    api = await httpApi({ runtime, config: { httpTrustProxy: ["127.0.0.1"] } });
    operator = await api.token();
    reader = await api.token(["read"]);
    proxy = await prefixProxy(api.url, prefix);
    url = proxy.url.replace(/\/$/, "");
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await proxy?.[Symbol.asyncDispose]();
    await api?.[Symbol.asyncDispose]();
    await runtime?.stop();
  });

  test("a wrong token is refused, a right one is kept where no script can read it", async () => {
    const dashboard = await openDashboard({ browser, url, expects: [401] });
    const { page, problems } = dashboard;
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.screenshot({ path: artefactPath("sign-in-light-1280.png") });
    await page.getByLabel("Token").fill(operator);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    const kept = await page.evaluate(() => [document.cookie, JSON.stringify(localStorage)].join());
    expect(kept).not.toContain(operator);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: prefix });
    expect(cookie?.value).not.toContain(operator);

    await page.getByText("live").waitFor();
    const { id } = await runtime.enqueue("work", {}, { runAt: "2090-01-01T00:00:00Z" });
    await dashboard.go(`#/job/${id}`);
    await page.getByRole("button", { name: /^Cancel/ }).click();
    await page.getByRole("button", { name: "Cancel the job" }).click();
    await page.locator("h1 .badge", { hasText: "cancelled" }).waitFor();
    expect((await runtime.job(id))?.error).toContain("token-1");

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    await page.reload();
    await page.getByLabel("Token").waitFor();
    await dashboard.close();
    expect(problems).toEqual([]);
  });

  test("who may only look is offered nothing else", async () => {
    const dashboard = await openDashboard({ browser, url, expects: [401] });
    const { page } = dashboard;
    await page.getByLabel("Token").fill(reader);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    const { id } = await runtime.enqueue("work", {}, { runAt: "2090-01-01T00:00:00Z" });
    await dashboard.go(`#/job/${id}`);
    await page.locator("h1 .badge").waitFor();
    expect(await page.locator(".actions button, .actions a").count()).toBe(0);
    await page.keyboard.press("c");
    expect(await page.locator("dialog").count()).toBe(0);
    await dashboard.go("#/jobs");
    await page.locator(".job-rows").waitFor();
    expect(await page.getByRole("button", { name: /Retry/ }).count()).toBe(0);
    await dashboard.go("#/add/work");
    await page.getByText("Your token may not add jobs.").waitFor();
    await dashboard.close();
    expect(dashboard.problems).toEqual([]);
  });
});
