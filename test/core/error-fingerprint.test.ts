import { describe, expect, test } from "vitest";
import {
  errorFingerprint,
  normalisedMessage,
  type SeenError,
  userFrame,
} from "../../src/core/error-fingerprint.ts";

test.each([
  ["order 17 of 4,200.50 failed", "order <n> of <n> failed"],
  ["no user 0b1b7c64-6d2f-4b1a-9c55-0f8f5c1d2e3f here", "no user <id> here"],
  [`can't find "a 1" or 'b' in \`c\``, "can't find <text> or <text> in <text>"],
  ["commit deadbeef01 at 0x1F gone", "commit <hex> at <hex> gone"],
  ["feedface is a word, facade too", "feedface is a word, facade too"],
  ["mail to ada.l@b.co: refused", "mail to <address>: refused"],
  ["first line\nsecond 2", "first line"],
])("the message %j is taken as %j", (message, normalised) => {
  expect(normalisedMessage(message)).toBe(normalised);
});

describe("the frame in the user's code", () => {
  test.each([
    ["Error: x\n    at charge (/app/tasks/billing/charge.ts:3:4)", "charge billing/charge.ts"],
    ["Error: x\n    at async Object.handler (file:///app/tasks/a.ts:3:4)", "handler tasks/a.ts"],
    ["x\n    at Object.charge [as handler] (/app/tasks/a.ts:3:4)", "charge tasks/a.ts"],
    ["Error: x\n    at /app/tasks/a.ts:3:4", "tasks/a.ts"],
    ["Error: x\n    at f (/app/tasks/a.ts?v=12:3:4)", "f tasks/a.ts"],
    ["Error: x\n    at new Map (<anonymous>)\n    at C:\\app\\tasks\\a.ts:1:2", "tasks/a.ts"],
    [
      "Error: x\n    at query (/app/node_modules/pg/a.js:1:2)\n    at async load (/app/src/b.ts:3:4)",
      "load src/b.ts",
    ],
    ["Error: x\n    at node:internal/process/task_queues:95:5", null],
    ["no stack at all", null],
    [null, null],
  ])("of %j is %j", (stack, frame) => {
    expect(userFrame(stack)).toBe(frame);
  });
});

describe("two errors", () => {
  const error: SeenError = {
    task: "charge",
    name: "TypeError",
    message: "no order 17",
    stack: "TypeError: no order 17\n    at charge (/app/tasks/charge.ts:3:4)",
  };
  const same = (other: Partial<SeenError>): boolean =>
    errorFingerprint(error) === errorFingerprint({ ...error, ...other });

  test("are the same fault whatever numbers, lines and folders they carry", () => {
    expect(errorFingerprint(error)).toBe("f905a1ddcd");
    expect(same({ message: "no order 18" })).toBe(true);
    expect(same({ stack: "x\n    at charge (/srv/other/tasks/charge.ts:99:1)" })).toBe(true);
  });

  test("are different faults by task, name, message or place", () => {
    expect(same({ task: "refund" })).toBe(false);
    expect(same({ name: "RangeError" })).toBe(false);
    expect(same({ message: "no customer 17" })).toBe(false);
    expect(same({ stack: "x\n    at refund (/app/tasks/charge.ts:3:4)" })).toBe(false);
  });
});
