import { pino } from "pino";
import { expect, test } from "vitest";
import { createEvents } from "../../src/core/events.ts";
import { DatabaseHealth } from "../../src/runtime/database-health.ts";

function heardHealth() {
  const logger = pino({ level: "silent" });
  const events = createEvents(() => {});
  const heard: string[] = [];
  events.on("database:waiting", () => heard.push("waiting"));
  events.on("database:back", () => heard.push("back"));
  return { health: new DatabaseHealth(events, logger), heard };
}

test("an outage is told once, and so is its end", () => {
  const { health, heard } = heardHealth();
  health.answered();
  health.lost(new Error("gone"));
  health.lost(new Error("still gone"));
  health.answered();
  health.answered();
  expect(heard).toEqual(["waiting", "back"]);
});

test("connections that end because we stop are no outage", () => {
  const { health, heard } = heardHealth();
  health.stop();
  health.lost(new Error("closed"));
  expect(heard).toEqual([]);
});
