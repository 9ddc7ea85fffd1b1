import { expect, test } from "vitest";
import { oncePer } from "../../src/core/once-per.ts";

test("a value is made once per object", () => {
  let made = 0;
  const numbered = oncePer(() => {
    made += 1;
    return made;
  });
  const [a, b] = [{}, {}];

  expect([numbered(a), numbered(b), numbered(a)]).toEqual([1, 2, 1]);
});
