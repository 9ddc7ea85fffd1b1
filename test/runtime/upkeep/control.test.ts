import { expect, test } from "vitest";
import { listenToControl } from "../../../src/runtime/upkeep/control.ts";

test("a message reaches the one it is for, and what nobody knows is passed over", () => {
  const heard: string[] = [];
  const hear = listenToControl({
    cancel: () => heard.push("cancel"),
    gates: () => heard.push("gates"),
  });
  hear('{"kind":"cancel","job":"17"}');
  hear('{"kind" : "gates"}');
  for (const odd of ["", "null", "7", "[]", "{", '{"kind":"newer"}', '"cancel"']) hear(odd);
  expect(heard).toEqual(["cancel", "gates"]);
});
