/** The browser that is on this machine, and tests that need it. */

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { describe, test } from "vitest";

const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const executable = [process.env.CHROMIUM, ...places].find((path) => path && existsSync(path));

const missing =
  "There is no Chromium: install it (Debian: apt-get install chromium), " +
  "or name its program in CHROMIUM.";

/** Without a browser the tests are left out, which is said aloud; in CI they fail. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (executable !== undefined) {
    describe(name, tests);
    return;
  }
  describe(name, () => {
    if (process.env.CI) {
      test("needs Chromium", () => {
        throw new Error(missing);
      });
      return;
    }
    console.warn(`NOT TESTED: ${name}. ${missing}`);
    test.skip(missing, () => {});
  });
}

export function launchChromium(): Promise<Browser> {
  const root = process.getuid?.() === 0;
  return chromium.launch({
    ...(executable === undefined ? {} : { executablePath: executable }),
    // Chromium has no sandbox for root.
    args: root ? ["--no-sandbox"] : [],
  });
}
