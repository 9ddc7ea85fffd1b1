import { defineConfig } from "vitest/config";

// CI counts the tests from this file, see .ci/run.
const report = process.env.TEST_REPORT;

export default defineConfig({
  resolve: { conditions: ["taskrun-source"] },
  ssr: { resolve: { conditions: ["taskrun-source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    // They have a command of their own: `npm run test:faults`.
    exclude: ["test/faults/**", "**/node_modules/**"],
    globalSetup: ["test/support/global-setup.ts"],
    // Process and database tests start real servers; the limits are for hangs, not for speed: a
    // machine that does ten things at once takes ten times as long.
    testTimeout: 180_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
    // Most tests wait for a server or for processes most of the time.
    maxWorkers: "100%",
    reporters: report ? ["default", ["json", { outputFile: report }]] : ["default"],
  },
});
