import { expect, test } from "vitest";
import { JobWaitError } from "../../src/client/job-wait-error.ts";

test("an error of waiting says which job, what it is and what to do", () => {
  const job = { task: "t", state: "failed", output: null, error: "boom", attempts: 3 } as const;
  const error = new JobWaitError("job-failed", "7", job, "Job 7 (t) has failed: boom");
  expect(error).toMatchObject({ name: "JobWaitError", jobId: "7", task: "t", attempts: 3 });
  expect(error).toMatchObject({ state: "failed", jobError: "boom", code: "job-failed" });
  expect(error.message).toMatch(/^Job 7 \(t\) has failed: boom\. Read the job's attempts/);
});
