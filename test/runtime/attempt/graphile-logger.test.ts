import { pino } from "pino";
import { expect, test } from "vitest";
import { graphileLogger } from "../../../src/runtime/attempt/graphile-logger.ts";

function logging() {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { base: null, timestamp: false, level: "trace" },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  return { logger: graphileLogger(log), lines };
}

test("fields may stand before the message or after it", () => {
  const { logger, lines } = logging();
  logger.info({ to: "a" }, "pino's order");
  (logger.info as (message: string, meta: object) => void)("graphile's order", { to: "b" });
  logger.info("no fields");
  expect(lines).toEqual([
    { level: 30, to: "a", msg: "pino's order" },
    { level: 30, to: "b", msg: "graphile's order" },
    { level: 30, msg: "no fields" },
  ]);
});

test("each level writes at its own", () => {
  const { logger, lines } = logging();
  for (const level of ["trace", "debug", "info", "warn", "error", "fatal"] as const) {
    logger[level](level);
  }
  expect(lines.map((line) => line.level)).toEqual([10, 20, 30, 40, 50, 60]);
});

test("an error may be handed over as it is", () => {
  const { logger, lines } = logging();
  logger.error(new TypeError("x"));
  expect(lines[0]).toMatchObject({ err: { type: "TypeError", message: "x" } });
});

test("scope and child add fields", () => {
  const { logger, lines } = logging();
  logger.scope({ a: 1 }).scope({ b: 2 }).info("deep");
  logger.child({ c: 3 }).info("child");
  expect(lines).toEqual([
    { level: 30, a: 1, b: 2, msg: "deep" },
    { level: 30, c: 3, msg: "child" },
  ]);
});

test("the level is the log's", () => {
  const { logger } = logging();
  expect(logger.level).toBe("trace");
  expect(logger.isLevelEnabled("debug")).toBe(true);
});
