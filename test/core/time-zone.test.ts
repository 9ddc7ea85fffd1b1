import { expect, test } from "vitest";
import { timeZone, utc } from "../../src/core/time-zone.ts";

const hoursAt = (zone: string, moment: string): number =>
  timeZone(zone).offsetMsAt(Date.parse(moment)) / 3_600_000;

test("an offset changes in the very minute in which a zone's clocks do", () => {
  expect(hoursAt("Europe/Paris", "2026-03-29T00:59:59.999Z")).toBe(1);
  expect(hoursAt("Europe/Paris", "2026-03-29T01:00:00Z")).toBe(2);
  expect(hoursAt("Europe/Paris", "2026-10-25T00:59:30Z")).toBe(2);
  expect(hoursAt("Europe/Paris", "2026-10-25T01:00:00Z")).toBe(1);
});

test("offsets need not be whole hours, nor positive", () => {
  expect(hoursAt("Asia/Kathmandu", "2026-01-01T00:00:00Z")).toBe(5.75);
  expect(hoursAt("America/St_Johns", "2026-01-01T00:00:00Z")).toBe(-3.5);
  expect(hoursAt("+02:30", "2026-01-01T00:00:00Z")).toBe(2.5);
});

test("UTC is never off", () => {
  expect(timeZone("UTC")).toBe(utc);
  expect(hoursAt("Etc/UTC", "2026-07-01T12:34:56.789Z")).toBe(0);
});

test("a zone that this Node doesn't know is refused", () => {
  expect(() => timeZone("Europe/Pariss")).toThrow(RangeError);
  expect(() => timeZone("")).toThrow(RangeError);
});
