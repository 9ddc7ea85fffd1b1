import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { hideKnownWarnings } from "../../src/cli/hide-known-warnings.ts";

const printed = vi.fn();
let before: NodeJS.WarningListener[] = [];

beforeEach(() => {
  before = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", printed);
  printed.mockClear();
  hideKnownWarnings();
});

afterEach(() => {
  process.removeAllListeners("warning");
  for (const listener of before) process.on("warning", listener);
});

function warn(name: string, message: string): void {
  process.emit("warning", Object.assign(new Error(message), { name }));
}

test.each(["Type Stripping is an experimental feature", "VM Modules is an experimental feature"])(
  "%s is kept away",
  (message) => {
    warn("ExperimentalWarning", message);
    expect(printed).not.toHaveBeenCalled();
  },
);

test("every other warning is printed by whoever printed it before", () => {
  warn("ExperimentalWarning", "SQLite is an experimental feature");
  warn("DeprecationWarning", "old");
  warn("Warning", "vm modules, but no experiment");
  expect(printed).toHaveBeenCalledTimes(3);
});
