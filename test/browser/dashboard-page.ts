/** A page of the dashboard in a real browser, which notes everything that goes wrong in it. */

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { listFiles, repositoryDir } from "../repo/source-tree.ts";

export interface DashboardPage {
  readonly page: Page;
  /** Errors of scripts, refusals of the content security policy, broken answers. */
  readonly problems: readonly string[];
  /** Shows a screen by its address behind "#". */
  go(hash: string): Promise<void>;
  close(): Promise<void>;
}

export interface PageOptions {
  readonly browser: Browser;
  /** Of the API, without a slash at its end. */
  readonly url: string;
  readonly scheme?: "light" | "dark";
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Answers that the test expects to be refused. */
  readonly expects?: readonly number[];
}

export const desktop = { width: 1280, height: 900 };
export const phone = { width: 390, height: 844 };

export async function openDashboard(options: PageOptions): Promise<DashboardPage> {
  const { browser, url, scheme = "light", viewport = desktop, expects = [] } = options;
  checkIsBuilt();
  const context = await browser.newContext({
    viewport,
    colorScheme: scheme,
    locale: "en-GB",
    timezoneId: "UTC",
    reducedMotion: "reduce",
  });
  // This machine may have much else to do.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => void problems.push(String(error)));
  page.on("console", (message) => {
    const isRefusal = /Failed to load resource.*status of (\d+)/.exec(message.text());
    if (isRefusal && expects.includes(Number(isRefusal[1]))) return;
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("response", (response) => {
    if (response.status() >= 500) problems.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(`${url}/ui/`);
  return {
    page,
    problems,
    async go(hash) {
      await assign(page, hash);
      await page.locator("h1").first().waitFor();
    },
    close: () => context.close(),
  };
}

/** Goes to a screen; resolves when the one before it is no longer painted. */
export async function assign(page: Page, hash: string): Promise<void> {
  await page.evaluate(async (to) => {
    location.assign(to);
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  }, hash);
}

/** What is hard or impossible to use without eyes, mouse or good contrast. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    // why: the script above has put it there
    (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
      resultTypes: ["violations"],
    }),
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`),
  );
}

/** Where pictures of the screens are kept, for people to look at. */
export function artefactPath(name: string): string {
  const folder = join(repositoryDir, "test/browser/artefacts");
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
}

function checkIsBuilt(): void {
  const modified = (path: string): number =>
    statSync(join(repositoryDir, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const built = modified("dist/dashboard/index.html");
  const newer = listFiles("src/dashboard", ["", ".ts", ".tsx", ".css", ".html"]).filter(
    (path) => modified(path) > built,
  );
  if (newer.length > 0)
    throw new Error(`run npm run build: ${newer[0]} is newer than what it made`);
}
