import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["taskrun-source"] },
  ssr: { resolve: { conditions: ["taskrun-source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    // Process and database tests start real servers; the limit is for hangs, not for speed.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
