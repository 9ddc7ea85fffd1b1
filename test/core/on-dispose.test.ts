import { expect, test } from "vitest";
import { moduleScopes } from "../../src/core/module-scope.ts";
import { onDispose } from "../../src/core/on-dispose.ts";

test("outside of a module that a loader evaluates it does nothing", () => {
  let called = false;
  onDispose(() => {
    called = true;
  });
  expect(called).toBe(false);
});

test("the module that is being evaluated gets the function, after an await too", async () => {
  const given: unknown[] = [];
  const first = () => undefined;
  const second = () => undefined;
  const scope = { onDispose: (dispose: () => unknown) => given.push(dispose) };
  await moduleScopes().run(scope, async () => {
    onDispose(first);
    await Promise.resolve();
    onDispose(second);
  });
  expect(given).toEqual([first, second]);
});
