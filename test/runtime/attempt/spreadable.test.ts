import { expect, test } from "vitest";
import { spreadable } from "../../../src/runtime/attempt/spreadable.ts";

class Box {
  private readonly inner: number;
  readonly shown = "field";

  constructor(inner: number) {
    this.inner = inner;
  }

  get double(): number {
    return this.inner * 2;
  }

  method(): number {
    return this.inner;
  }
}

const wrap = spreadable<Box>(Box.prototype, ["inner"]);

test("getters of the class are spread, hidden fields are not", () => {
  expect({ ...wrap(new Box(4)) }).toEqual({ double: 8, shown: "field" });
});

test("it is still the object it was", () => {
  const box = wrap(new Box(4));
  expect(box).toBeInstanceOf(Box);
  expect(box.method()).toBe(4);
  expect("double" in box).toBe(true);
});

test("properties that are set later are spread too", () => {
  expect({ ...Object.assign(wrap(new Box(1)), { later: true }) }).toMatchObject({ later: true });
});
