import { pino } from "pino";
import { expect, test } from "vitest";
import { MemoryLimit } from "../../src/cli/memory-limit.ts";

function limited(limitMb: number | null) {
  const lines: string[] = [];
  const logger = pino({ level: "info" }, { write: (line) => lines.push(line) });
  const limit = new MemoryLimit({ limitMb, logger, intervalMs: 1 });
  limit.start();
  return { limit, lines };
}

test("it says once that the process holds more than it may", async () => {
  const { limit, lines } = limited(1);
  await limit.exceeded;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 40, maxRss: 1 }]);
});

test.each([null, 1_000_000])("a limit of %s is not exceeded", async (limitMb) => {
  const { limit, lines } = limited(limitMb);
  const first = await Promise.race([
    limit.exceeded.then(() => "exceeded"),
    new Promise((resolve) => setTimeout(() => resolve("nothing"), 30)),
  ]);
  limit.stop();
  expect([first, lines]).toEqual(["nothing", []]);
});
