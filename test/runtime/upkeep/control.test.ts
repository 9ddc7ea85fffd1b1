import { expect, test } from "vitest";
import { listenToControl } from "../../../src/runtime/upkeep/control.ts";

test("a message reaches the one it is for, and what nobody knows is passed over", () => {
  const heard: string[] = [];
  const hear = listenToControl({
    cancel: () => heard.push("cancel"),
    gates: () => heard.push("gates"),
    due: (inMs) => heard.push(`due in ${inMs}`),
  });
  hear('{"kind":"cancel","job":"17"}');
  hear('{"kind" : "gates"}');
  hear('{"kind":"due","inMs":[0,1000,"soon"]}');
  for (const odd of ["", "null", '{"kind":"due"}', "7", "[]", "{", '{"kind":"newer"}', '"cancel"'])
    hear(odd);
  expect(heard).toEqual(["cancel", "gates", "due in 0", "due in 1000"]);
});
