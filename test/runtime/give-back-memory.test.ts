import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const module = join(import.meta.dirname, "../../src/runtime/give-back-memory.ts");

/** Grows its young generation, does nothing, and prints the megabytes of it before and after. */
const script = `
import { getHeapSpaceStatistics } from "node:v8";
import { giveBackMemory } from ${JSON.stringify(module)};
const youngMb = () =>
  getHeapSpaceStatistics().find((space) => space.space_name === "new_space").space_size / 1e6;
const kept = [];
while (youngMb() < 8) kept.push({ n: kept.length, text: "x" + kept.length });
const before = youngMb();
kept.length = 0;
giveBackMemory();
const sinceMs = performance.now();
while (youngMb() > 2 && performance.now() - sinceMs < 40_000) {
  await new Promise((resolve) => setTimeout(resolve, 500));
}
console.log(JSON.stringify({ before, after: youngMb() }));
`;

// Older ones keep it: nothing else is worse there.
const givesBack = Number(process.versions.node.split(".")[0]) >= 24;

test.runIf(givesBack)(
  "what a busy moment has taken is given back while nothing is done",
  async () => {
    const args = [
      "--experimental-strip-types",
      "--no-warnings",
      "--input-type=module",
      "-e",
      script,
    ];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { before, after } = JSON.parse(stdout);
    expect(before).toBeGreaterThan(8);
    expect(after).toBeLessThan(2);
  },
);
