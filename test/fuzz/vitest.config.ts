import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Ten thousand inputs at each door: minutes. The suite knocks a few dozen times. `npm run test:fuzz`.
export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  resolve: { conditions: ["taskrun-source"] },
  ssr: { resolve: { conditions: ["taskrun-source"] } },
  test: {
    include: ["test/fuzz/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts", "test/fuzz/support/door-table.ts"],
    testTimeout: 1_200_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
