import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Those that take longest begin first, so that none is left alone at the end; next those that keep
 * the processor busy. What promises a time of few seconds comes last, beside others that wait.
 */
const first = [
  ...["killed-process", "postgres-away", "server-in-trouble", "refused-at-start"],
  ...["many-files", "nemesis"],
];
const last = ["supervised-process"];

class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      if (last.some((name) => moduleId.includes(name))) return first.length + 1;
      const found = first.findIndex((name) => moduleId.includes(name));
      return found === -1 ? first.length : found;
    };
    return files.toSorted((a, b) => rank(a) - rank(b));
  }
}

// Real processes, real signals, a real server: minutes, not seconds. `npm run test:faults`.
export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  resolve: { conditions: ["taskrun-source"] },
  ssr: { resolve: { conditions: ["taskrun-source"] } },
  test: {
    include: ["test/faults/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts", "test/faults/support/fault-table.ts"],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    // Most of the time a fault is waited for. More than this at once would make two cores so busy
    // that what is measured is the waiting for them.
    maxWorkers: 3,
    sequence: { sequencer: InOrder },
  },
});
