import { test } from "vitest";
import { FaultLab } from "../faults/support/fault-lab.ts";
import { killAtMoments } from "../faults/support/kill-at-moments.ts";

// `npm run test:faults` does the same 200 times, with 2,000 jobs.
test("processes killed at random moments leave each job with one record", async () => {
  await using lab = await FaultLab.open();
  await killAtMoments(lab, { jobs: 300, kills: 20 });
}, 600_000);
