import { expect, test } from "vitest";
import { NextChange } from "../../../src/runtime/fetching/next-change.ts";

test("all who wait hear of the next change, and of no later one", async () => {
  const change = new NextChange();
  const heard: string[] = [];
  const first = change.wait().then(() => heard.push("first"));
  const second = change.wait().then(() => heard.push("second"));
  change.happened();
  const third = change.wait().then(() => heard.push("third"));
  await Promise.all([first, second]);
  expect(heard).toEqual(["first", "second"]);
  change.happened();
  await third;
  expect(heard).toHaveLength(3);
});

test("a change that nobody waits for is forgotten", async () => {
  const change = new NextChange();
  change.happened();
  const waiting = change.wait();
  const heard = await Promise.race([waiting.then(() => "old"), Promise.resolve("none")]);
  expect(heard).toBe("none");
  change.happened();
  await waiting;
});
