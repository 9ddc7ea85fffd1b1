import { afterEach, expect, test, vi } from "vitest";
import { LiveSecrets, liveSecrets } from "../../src/core/live-secrets.ts";
import { SecretTexts } from "../../src/core/mask.ts";

afterEach(() => vi.useRealTimers());

test("texts are known while their job runs and for a minute after", () => {
  vi.useFakeTimers();
  const live = new LiveSecrets();
  const texts = new SecretTexts(["hunter2!"]);
  live.hold(texts);
  expect(live.foundIn("password hunter2!")).toEqual([texts]);
  expect(live.foundIn("password")).toEqual([]);
  live.release(texts);
  expect(live.foundIn("password hunter2!")).toEqual([texts]);
  vi.advanceTimersByTime(61_000);
  live.hold(new SecretTexts(["another"]));
  expect(live.foundIn("password hunter2!")).toEqual([]);
});

test("a line costs no more when very many attempts have ended of late", () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const live = new LiveSecrets();
  const all = Array.from({ length: 30_000 }, (_, n) => new SecretTexts([`${n}-hunter`]));
  for (const texts of all) {
    live.hold(texts);
    live.release(texts);
  }
  const line = "something that happens in each of the jobs, again and again";
  const found: SecretTexts[] = [];
  const startMs = performance.now();
  for (let n = 0; n < 20_000; n += 1) found.push(...live.foundIn(line));
  expect(found).toEqual([]);
  expect(performance.now() - startMs).toBeLessThan(30_000);
  expect(live.foundIn("it was 29999-hunter")).toContain(all.at(-1));
  vi.advanceTimersByTime(61_000);
  live.hold(new SecretTexts(["another"]));
  expect(live.foundIn("it was 29999-hunter")).toEqual([]);
});

test("there is one for the whole process", () => {
  expect(liveSecrets()).toBe(liveSecrets());
});
