import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { questionKey, SharedAnswers } from "../../src/http/shared-answers.ts";

// On a busy machine any answer may take long: the tests say which one does.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Answers how often it has been asked, each time after that long. */
function slow(ms: number) {
  const asked = { times: 0 };
  const ask = async (): Promise<number> => {
    asked.times += 1;
    const { times } = asked;
    await nextTurn();
    vi.advanceTimersByTime(ms);
    return times;
  };
  return { asked, ask };
}

test("what takes long is answered once for all who ask meanwhile and soon after", async () => {
  const answers = new SharedAnswers<number>();
  const { asked, ask } = slow(60);
  await answers.answer("a", ask);
  expect(await Promise.all([1, 2, 3].map(() => answers.answer("a", ask)))).toEqual([1, 1, 1]);
  expect(asked.times).toBe(1);
});

test("of those who ask at once for what is known to take long, one asks the database", async () => {
  const answers = new SharedAnswers<number>();
  const { asked, ask } = slow(30);
  await answers.answer("a", ask);
  answers.clear();
  await Promise.all([1, 2, 3].map(() => answers.answer("a", ask)));
  expect(asked.times).toBe(2);
});

test("what is answered at once is asked for each time", async () => {
  const answers = new SharedAnswers<number>();
  const { asked, ask } = slow(0);
  for (let time = 0; time < 3; time += 1) await answers.answer("a", ask);
  expect(asked.times).toBe(3);
});

test("whoever changed something sees it, even if an older answer was on its way", async () => {
  const answers = new SharedAnswers<number>();
  const { ask } = slow(40);
  await answers.answer("a", ask);
  answers.clear();
  const onItsWay = answers.answer("a", ask);
  answers.clear();
  expect(await answers.answer("a", ask)).toBe(3);
  expect(await onItsWay).toBe(2);
});

test("a failure is not kept", async () => {
  const answers = new SharedAnswers<number>();
  await expect(answers.answer("a", () => Promise.reject(new Error("away")))).rejects.toThrow(
    "away",
  );
  expect(await answers.answer("a", async () => 7)).toBe(7);
});

test("the last hour is the same question at every moment; other words are others", () => {
  const at = (nowMs: number, more = {}): string =>
    questionKey("/overview", { since: new Date(nowMs - 3_600_000).toISOString(), ...more }, nowMs);
  expect(at(1_900_000_000_123)).toBe(at(1_900_000_777_456));
  expect(at(1_900_000_000_123)).not.toBe(at(1_900_000_000_123, { buckets: "60" }));
  expect(questionKey("/tasks", { since: "soon" }, 0)).not.toBe(
    questionKey("/tasks", { since: "later" }, 0),
  );
});
