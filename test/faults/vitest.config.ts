import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Real processes, real signals, a real server: minutes, not seconds. `npm run test:faults`.
export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  resolve: { conditions: ["taskrun-source"] },
  ssr: { resolve: { conditions: ["taskrun-source"] } },
  test: {
    include: ["test/faults/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts", "test/faults/support/fault-table.ts"],
    testTimeout: 240_000,
    hookTimeout: 120_000,
    // Two processes of ours at a time keep two cores busy; more would only wait for each other.
    maxWorkers: 2,
  },
});
