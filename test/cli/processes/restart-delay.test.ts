import { expect, test } from "vitest";
import { restartDelayMs } from "../../../src/cli/processes/restart-delay.ts";

test("the first successor comes at once, each further one later, the sixth never", () => {
  expect([1, 2, 3, 4, 5, 6, 7].map(restartDelayMs)).toEqual([0, 200, 400, 800, 1600, null, null]);
});
