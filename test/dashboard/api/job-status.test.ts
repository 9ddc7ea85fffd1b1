import { expect, test } from "vitest";
import { jobStates } from "../../../src/core/job.ts";
import { jobStatuses } from "../../../src/dashboard/api/job-status.ts";

test("the states are those of the API", () => {
  expect([...jobStatuses].sort()).toEqual([...jobStates].sort());
});
