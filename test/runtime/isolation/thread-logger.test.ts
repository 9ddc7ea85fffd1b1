import { expect, test } from "vitest";
import { ThreadLogger } from "../../../src/runtime/isolation/thread-logger.ts";
import type { LogLine } from "../../../src/runtime/isolation/thread-messages.ts";

function logger(level: string) {
  const lines: LogLine[] = [];
  return { log: new ThreadLogger(level, (line) => lines.push(structuredClone(line))), lines };
}

test("lines carry the bindings of their children", () => {
  const { log, lines } = logger("debug");
  log.child({ a: 1 }).child({ b: 2 }).debug({ c: 3 }, "deep");
  expect(lines).toEqual([{ level: "debug", bindings: { a: 1, b: 2 }, args: [{ c: 3 }, "deep"] }]);
});

test("below its level nothing is sent, but what is kept with the job always", () => {
  const { log, lines } = logger("error");
  log.debug("no");
  log.info("kept");
  expect(lines).toMatchObject([{ level: "info", args: ["kept"] }]);
  expect([log.isLevelEnabled("warn"), log.isLevelEnabled("fatal")]).toEqual([false, true]);
  expect(logger("silent").log.isLevelEnabled("fatal")).toBe(false);
});

test("whatever a line has can be sent", () => {
  const { log, lines } = logger("info");
  const fields = { err: new Error("x"), n: 1n, f: () => 1, at: new URL("http://a.b/") };
  log.info(fields, "all of it");
  expect(lines).toMatchObject([
    { args: [{ err: { $error: { error: { message: "x" } } }, at: "http://a.b/" }, "all of it"] },
  ]);
});
