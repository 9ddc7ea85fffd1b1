import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { optionChecks } from "../../src/config/option-checks.ts";
import { type OptionName, optionNames, optionSpec } from "../../src/config/schema.ts";

function passes(name: OptionName, value: unknown): boolean {
  return optionChecks[name](value).ok;
}

const bounded = optionNames.filter((name) => optionSpec(name).min !== undefined);

describe.each(bounded)("%s", (name) => {
  const { min = 0, max = 0 } = optionSpec(name);

  test("may be its smallest and largest value, and nothing beyond", () => {
    expect([min, max].map((value) => passes(name, value))).toEqual([true, true]);
    expect([min - 1, max + 1].map((value) => passes(name, value))).toEqual([false, false]);
  });
});

test.each([
  "postgres://h/db",
  "postgresql://u:p@h:1/db?sslmode=require",
  "socket:/run/pg?db=x",
  null,
])("%s is a connection", (value) => expect(passes("connection", value)).toBe(true));

test.each(["h/db", "mysql://h/db", "", 5, "postgres://h:port/db"])("%s is none", (value) => {
  expect(passes("connection", value)).toBe(false);
});

test.each(["", "pg_queue", "1st", 'a"b', "a b", "x".repeat(56)])("%j is no schema", (value) => {
  expect(passes("schema", value)).toBe(false);
});

describe("plugins", () => {
  const service = { start: () => {}, stop: () => {} };

  test.each([
    [[]],
    [[{ name: "bare" }]],
    [[{ name: "a" }, { name: "b" }]],
    [[{ name: "full", middleware: [() => {}], listeners: { "database:back": () => {} } }]],
    [[{ name: "serving", services: [service] }]],
  ])("%j are plugins", (value) => expect(passes("plugins", value)).toBe(true));

  test.each([
    [{ name: "no list" }],
    [[{}]],
    [[{ name: "" }]],
    [[{ name: "twice" }, { name: "twice" }]],
    [[{ name: "other", hooks: {} }]],
    [[{ name: "mute", listeners: { "attempt:began": () => {} } }]],
    [[{ name: "mute", listeners: { "database:back": "x" } }]],
    [[{ name: "idle", services: [{ start: () => {} }] }]],
    [[{ name: "idle", middleware: () => {} }]],
  ])("%j are none", (value) => expect(passes("plugins", value)).toBe(false));

  test("keep their services as they are: an instance of a class may be one", () => {
    class Server {
      readonly port = 1;
      start(): void {}
      stop(): void {}
    }
    const server = new Server();
    const verdict = optionChecks.plugins([{ name: "a", services: [server] }]);
    expect(verdict.ok && verdict.value[0]?.services?.[0]).toBe(server);
  });
});

test("processes may be one per core, and nothing else in words", () => {
  expect(optionChecks.processes("auto")).toEqual({ ok: true, value: availableParallelism() });
  for (const odd of ["all", "", "2", 1.5, null]) expect(passes("processes", odd)).toBe(false);
});
