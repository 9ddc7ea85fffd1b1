import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { afterEach, beforeEach, expect, test } from "vitest";
import { postSafely, ThreadCalls } from "../../../src/runtime/isolation/thread-calls.ts";

let channel: MessageChannel;

beforeEach(() => {
  channel = new MessageChannel();
});

afterEach(() => {
  channel.port1.close();
});

type Answers = Record<string, (...args: never[]) => unknown>;

function side(port: MessagePort, answers: Answers, keepsOriginals = false): ThreadCalls {
  const calls = new ThreadCalls({ post: (m) => port.postMessage(m), answers, keepsOriginals });
  port.on("message", (message) => calls.take(message));
  return calls;
}

test("each side asks and answers", async () => {
  const here = side(channel.port1, { double: (n: number) => n * 2 });
  const there = side(channel.port2, {
    nested: async () => Number(await there.ask("double", 4)) + 1,
  });
  expect(await here.ask("nested")).toBe(9);
});

test("an error that comes back to where it was thrown is the same object", async () => {
  const own = new RangeError("mine");
  const here = side(
    channel.port1,
    {
      fails: () => {
        throw own;
      },
    },
    true,
  );
  const there = side(channel.port2, { passesOn: () => there.ask("fails") });
  await expect(here.ask("passesOn")).rejects.toBe(own);
});

test("what was thrown is kept until it is said that it comes back no more", async () => {
  const thrown: WeakRef<Error>[] = [];
  const fail = () => {
    const error = new Error("mine");
    thrown.push(new WeakRef(error));
    throw error;
  };
  const here = side(channel.port1, { fail, forget: () => here.forgetOriginals() }, true);
  const there = side(channel.port2, {});
  await expect(there.ask("fail")).rejects.toThrow("mine");
  await there.ask("forget");
  await collected(thrown[0]);
});

/** Resolves when nothing holds it any more. */
async function collected(ref: WeakRef<Error> | undefined): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  // A WeakRef holds what it refers to until the end of the turn in which it was asked.
  while (ref?.deref() !== undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
}

test("nothing answers what isn't there, and nothing at all when the other side is gone", async () => {
  const here = side(channel.port1, {});
  side(channel.port2, {});
  await expect(here.ask("other")).rejects.toThrow("nothing answers other");
  const lost = here.ask("other");
  here.fail(new Error("gone"));
  await expect(lost).rejects.toThrow("gone");
});

test("what can't be cloned is sent as JSON can say it", () => {
  const sent: unknown[] = [];
  postSafely((message) => sent.push(structuredClone(message)), { a: 1n, f: () => 1, b: [2] });
  expect(sent).toEqual([{ a: "1n", b: [2] }]);
});
