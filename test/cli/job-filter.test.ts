import { expect, test } from "vitest";
import { CommandArguments } from "../../src/cli/command-arguments.ts";
import { jobFilter } from "../../src/cli/job-filter.ts";

const filterOf = (values: Record<string, string>) => jobFilter(new CommandArguments(values, []));

test("only what was typed is in the filter", () => {
  expect(filterOf({})).toEqual({});
  expect(
    filterOf({
      task: "send",
      state: "failed",
      queue: "mails",
      "correlation-id": "order-17",
      limit: "7",
    }),
  ).toEqual({
    task: "send",
    state: "failed",
    queue: "mails",
    correlationId: "order-17",
    limit: 7,
  });
});

test("a moment is so long ago, or ISO 8601", () => {
  const beforeMs = Date.now() - 2 * 3_600_000;
  const { since } = filterOf({ since: "2h" });
  expect(since?.getTime()).toBeGreaterThanOrEqual(beforeMs);
  expect(since?.getTime()).toBeLessThanOrEqual(Date.now() - 2 * 3_600_000);
  const { until } = filterOf({ until: "2030-01-31T08:00:00+01:00" });
  expect(until?.toISOString()).toBe("2030-01-31T07:00:00.000Z");
  expect(filterOf({ since: "2030-01-31" }).since).toEqual(new Date("2030-01-31"));
});

test.each([
  [{ state: "fialed" }, "--state fialed: unknown state"],
  [{ since: "yesterday" }, "--since yesterday: expected how long ago"],
  [{ until: "2030-13-45" }, "--until 2030-13-45: expected"],
  [{ since: "1h", until: "2h" }, "--since must be before --until"],
  [{ limit: "0" }, "--limit 0: expected a whole number"],
])("%o is refused", (values, message) => {
  expect(() => filterOf(values)).toThrow(message);
});
