import { afterEach, beforeEach, expect, test } from "vitest";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";
import {
  beginEnding,
  type Hold,
  keepStep,
  listKeptSteps,
  markCompensated,
  markFailedTry,
} from "../../../src/store/queue/steps.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let kit: QueueKit;
let job: QueueJob;
let hold: Hold;

beforeEach(async () => {
  kit = await queueKit();
  await kit.add();
  [job] = (await kit.take("me")) as [QueueJob]; // why: one job was added
  hold = { id: job.id, attempt: job.attempt, lockedBy: "me", keyed: false };
});
afterEach(() => kit.stop());

const step = (name: string) => ({
  name,
  compensable: true,
  resultJson: `{"of": "${name}"}`,
  startedAtMs: Date.now(),
});
const ending = {
  state: "failed",
  error: { name: "Error", message: "no", stack: null, rule: "default" },
  reason: null,
} as const;

const list = () => listKeptSteps(kit.db, kit.schemas, job.id);

test("steps are listed in the order in which they were done", async () => {
  const second = await keepStep(kit.db, kit.schemas, hold, step("b"));
  const third = await keepStep(kit.db, kit.schemas, hold, { ...step("a"), resultJson: null });
  expect(third).toBeGreaterThan(Number(second));
  expect(await list()).toEqual([
    {
      name: "b",
      position: second,
      state: "done",
      compensable: true,
      resultJson: '{"of": "b"}',
      tries: 0,
      error: null,
      secret: false,
    },
    expect.objectContaining({ name: "a", position: third, resultJson: null }),
  ]);
});

test("a step that is sent again is there once", async () => {
  await keepStep(kit.db, kit.schemas, hold, step("a"));
  await keepStep(kit.db, kit.schemas, hold, step("a"));
  expect(await list()).toHaveLength(1);
});

test.each([
  ["another process", { lockedBy: "other" }],
  ["another attempt", { attempt: 2 }],
])("nothing is written for a job that is held by %s", async (_, change) => {
  await keepStep(kit.db, kit.schemas, hold, step("a"));
  const before = await list();
  const lost = { ...hold, ...change };
  expect(await keepStep(kit.db, kit.schemas, lost, step("b"))).toBeNull();
  expect(await beginEnding(kit.db, kit.schemas, lost, ending)).toBe(false);
  expect(await markCompensated(kit.db, kit.schemas, lost, "a")).toBe(false);
  const failed = { name: "a", tries: 1, error: "x", final: true };
  expect(await markFailedTry(kit.db, kit.schemas, lost, failed)).toBe(false);
  expect(await list()).toEqual(before);
  expect((await kit.db.query("select ending from taskrun.job_details")).rows).toEqual([]);
});

test("a job whose key was taken over while it ran is still its process's", async () => {
  await kit.add({ key: "k" });
  const [keyed] = (await kit.take("me")) as [QueueJob]; // why: one job was added
  await kit.add({ key: "k" });
  const held = { id: keyed.id, attempt: keyed.attempt, lockedBy: "me", keyed: true };
  expect(await keepStep(kit.db, kit.schemas, held, step("a"))).not.toBeNull();
  expect(await keepStep(kit.db, kit.schemas, { ...held, keyed: false }, step("b"))).toBeNull();
});

test("an ending forgets what an earlier round undid and takes up what it could not", async () => {
  await keepStep(kit.db, kit.schemas, hold, step("undone"));
  await keepStep(kit.db, kit.schemas, hold, step("stuck"));
  await markCompensated(kit.db, kit.schemas, hold, "undone");
  await markFailedTry(kit.db, kit.schemas, hold, {
    name: "stuck",
    tries: 3,
    error: "no way",
    final: true,
  });
  expect(await list()).toMatchObject([
    { name: "undone", state: "compensated" },
    { name: "stuck", state: "uncompensated", tries: 3, error: "no way" },
  ]);
  expect(await beginEnding(kit.db, kit.schemas, hold, ending)).toBe(true);
  expect(await list()).toMatchObject([{ name: "stuck", state: "done", tries: 0, error: null }]);
  const { rows } = await kit.db.query("select ending from taskrun.job_details");
  expect(rows).toEqual([{ ending }]);
});

test("a step that is done anew goes to the end", async () => {
  await keepStep(kit.db, kit.schemas, hold, step("a"));
  await keepStep(kit.db, kit.schemas, hold, step("b"));
  await markCompensated(kit.db, kit.schemas, hold, "a");
  await keepStep(kit.db, kit.schemas, hold, step("a"));
  expect((await list()).map(({ name, state }) => [name, state])).toEqual([
    ["b", "done"],
    ["a", "done"],
  ]);
});
