import { pino } from "pino";
import { expect, test } from "vitest";
import { keptLog } from "../../../src/runtime/attempt/kept-log.ts";

function logger(level: string): { log: pino.Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  return { log: pino({ level, base: null, timestamp: false }, { write }), lines };
}

test("a kept log stays the logger it was: its own lines, fields, level and methods", () => {
  const own = logger("info");
  const copy = logger("info");
  const child = own.log.child({ jobId: "1" });
  const kept = keptLog(child, copy.log);
  expect(kept).toBe(child);
  kept.debug("no");
  kept.info({ n: 1 }, "yes");
  child.level = "debug";
  kept.debug("now");
  kept.warn("still");
  expect(own.lines).toEqual([
    { level: 30, jobId: "1", n: 1, msg: "yes" },
    { level: 20, jobId: "1", msg: "now" },
    { level: 40, jobId: "1", msg: "still" },
  ]);
  expect(copy.lines.map(({ msg }) => msg)).toEqual(["yes", "still"]);
});

test("children, and theirs, are kept once each; the logger above is left as it was", () => {
  const own = logger("error");
  const copy = logger("info");
  const kept = keptLog(own.log.child({ a: 1 }), copy.log);
  const grandchild = kept.child({ b: 2 }).child({ c: 3 });
  grandchild.info("deep");
  kept.info("here");
  own.log.error("elsewhere");
  expect(copy.lines).toEqual([
    { level: 30, b: 2, c: 3, msg: "deep" },
    { level: 30, msg: "here" },
  ]);
  expect(own.lines).toEqual([{ level: 50, msg: "elsewhere" }]);
});
