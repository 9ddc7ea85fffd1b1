import { expect, test } from "vitest";
import { schemasFor } from "../../src/store/schemas.ts";

test("beside graphile_worker ours is taskrun", () => {
  expect(schemasFor("graphile_worker")).toEqual({
    queue: '"graphile_worker"',
    own: '"taskrun"',
    queueName: "graphile_worker",
    ownName: "taskrun",
    controlChannel: "taskrun:control",
  });
});

test("another queue has its own", () => {
  expect(schemasFor("jobs").own).toBe('"jobs_taskrun"');
});

test("a name with quotes can't leave its identifier", () => {
  expect(schemasFor('a"; drop').queue).toBe('"a""; drop"');
});
