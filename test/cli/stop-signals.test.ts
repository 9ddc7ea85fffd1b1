import { setImmediate as tick } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aborted, StopSignals } from "../../src/cli/stop-signals.ts";

let signals: StopSignals;

beforeEach(() => {
  vi.spyOn(performance, "now").mockReturnValue(1000);
  signals = new StopSignals();
  signals.start();
});

afterEach(() => {
  signals.stop();
  vi.restoreAllMocks();
});

function at(ms: number, name: NodeJS.Signals): void {
  vi.spyOn(performance, "now").mockReturnValue(ms);
  process.emit(name, name);
}

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s asks to end well", async (name) => {
  at(1000, name);
  await aborted(signals.first);
  expect(signals.first.reason).toBe(name);
  expect(signals.second.aborted).toBe(false);
});

test("a second signal asks to end now, whichever it is", () => {
  at(1000, "SIGTERM");
  at(1001, "SIGINT");
  expect(signals.second.aborted).toBe(true);
});

test("the echo of a Ctrl-C that npm hands on doesn't count, a later one does", async () => {
  at(1000, "SIGINT");
  at(1030, "SIGINT");
  await tick();
  expect(signals.second.aborted).toBe(false);
  at(1400, "SIGINT");
  expect(signals.second.aborted).toBe(true);
});

test("after stop the signals are the process's own again", () => {
  const before = process.listenerCount("SIGHUP");
  signals.stop();
  expect(process.listenerCount("SIGHUP")).toBe(before - 1);
});
