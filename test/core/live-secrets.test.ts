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

test("there is one for the whole process", () => {
  expect(liveSecrets()).toBe(liveSecrets());
});
