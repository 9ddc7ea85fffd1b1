import { expect, test } from "vitest";
import { createEvents } from "../../src/core/events.ts";

test("a listener that throws is reported and doesn't keep the others from hearing", () => {
  const faults: unknown[] = [];
  const events = createEvents((fault, event) => faults.push([event, fault]));
  const heard: string[] = [];
  events.on("database:back", () => {
    throw new Error("first");
  });
  events.once("database:back", () => heard.push("second"));
  expect(events.emit("database:back")).toBe(true);
  expect(heard).toEqual(["second"]);
  expect(faults).toEqual([["database:back", new Error("first")]]);
});

test("what an asynchronous listener rejects with is reported, not left unhandled", async () => {
  const fault = Promise.withResolvers<unknown>();
  const events = createEvents(fault.resolve);
  events.on("database:back", async () => {
    throw new Error("later");
  });
  events.emit("database:back");
  expect(await fault.promise).toEqual(new Error("later"));
});

test("a listener for once hears once, and an event that nobody hears says so", () => {
  const events = createEvents(() => undefined);
  let count = 0;
  events.once("database:waiting", () => {
    count += 1;
  });
  events.emit("database:waiting", { error: null });
  expect(events.emit("database:waiting", { error: null })).toBe(false);
  expect(count).toBe(1);
});
