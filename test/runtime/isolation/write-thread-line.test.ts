import { pino } from "pino";
import { expect, test } from "vitest";
import { ThreadLogger } from "../../../src/runtime/isolation/thread-logger.ts";
import { writeThreadLine } from "../../../src/runtime/isolation/write-thread-line.ts";

/** What comes out of the process's log for what a handler in a thread has said. */
function lineOf(say: (log: ThreadLogger) => void): Record<string, unknown> {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line)) });
  say(new ThreadLogger("info", (line) => writeThreadLine(log, structuredClone(line))));
  expect(lines).toHaveLength(1);
  return lines[0] ?? {};
}

test("a line has its level, its fields, those of its children, and its text", () => {
  const line = lineOf((log) => log.child({ order: 7 }).warn({ tries: 2 }, "it is late"));
  expect(line).toMatchObject({ level: 40, order: 7, tries: 2, msg: "it is late" });
});

test("an error is one again, wherever it stood", () => {
  const bare = lineOf((log) => log.error(new RangeError("too far")));
  expect(bare).toMatchObject({ msg: "too far", err: { type: "RangeError", message: "too far" } });
  const named = lineOf((log) => log.error({ err: new Error("gone"), n: 1 }, "it failed"));
  expect(named).toMatchObject({ msg: "it failed", n: 1, err: { message: "gone" } });
  const bound = lineOf((log) => log.child({ err: new Error("before") }).info("after"));
  expect(bound).toMatchObject({ msg: "after", err: { message: "before" } });
});

test("a text without fields is a line", () => {
  expect(lineOf((log) => log.info("done"))).toMatchObject({ level: 30, msg: "done" });
});
