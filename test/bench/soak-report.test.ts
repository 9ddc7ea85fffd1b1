import { describe, expect, test } from "vitest";
import { judge, type SoakSample } from "../../bench/support/soak-report.ts";
import { randomNumbers } from "../support/random-numbers.ts";

type Change = (hours: number) => Partial<SoakSample>;

/** An hour of samples, one each 10 s, as a settled process gives them; and five minutes before. */
function samplesOf(change: Change, seed = 1): SoakSample[] {
  const random = randomNumbers(seed);
  const around = (value: number, noise: number): number => value + noise * (random() - 0.5);
  return Array.from({ length: 391 }, (_, index): SoakSample => {
    const atHours = (index - 30) / 360;
    return {
      atHours,
      number: index + 1,
      rssMb: around(170, 1.5),
      objectsMb: around(15.2, 0.1),
      // As V8 does it: ever more slowly, and never quite done.
      compiledMb: 7 + 0.3 * Math.log(2 + 60 * Math.max(0, atHours)),
      bytecodeMb: around(1.55, 0.004),
      heapUsedMb: 23,
      committedMb: 43,
      threadObjectsMb: around(6, 0.02),
      externalMb: 9,
      openFiles: Math.round(around(40, 4)),
      resources: Math.round(around(13, 4)),
      resourceKinds: {},
      threads: 12,
      contexts: 1,
      connections: Math.round(around(9, 4)),
      backlog: Math.round(around(40, 40)),
      accepted: index * 1000,
      done: index * 1000,
      ...change(atHours),
    };
  });
}

function faultsOf(change: Change, seed?: number): readonly string[] {
  return judge({
    samples: samplesOf(change, seed),
    account: { accepted: 390_000, done: 390_000, failed: 3_900, open: 0, lost: 0, doubled: 0 },
    saves: 360,
    reloads: 300,
    exitCode: 0,
    jobsPerSecond: 100,
    minutes: 60,
  }).faults;
}

describe("an hour's verdict", () => {
  test("is good when nothing is kept but what V8 has compiled", () => {
    for (let seed = 1; seed <= 20; seed += 1) expect(faultsOf(() => ({}), seed)).toEqual([]);
  });

  test("leaves the warm-up out", () => {
    const cold = { rssMb: 110, objectsMb: 12, threads: 10, openFiles: 30 };
    expect(faultsOf((hours) => (hours < 0 ? cold : {}))).toEqual([]);
  });

  test("finds two bytes kept of each job", () => {
    // 100 jobs a second.
    const keptMb = (hours: number): number => (2 * 100 * 3600 * hours) / 2 ** 20;
    expect(faultsOf((hours) => ({ objectsMb: 15.2 + keptMb(hours) }))).toEqual([
      expect.stringMatching(/^objects after GC, MB grows by 0\.69 an hour/),
    ]);
  });

  test("finds memory that isn't the main thread's heap", () => {
    expect(faultsOf((hours) => ({ rssMb: 170 + 4 * hours }))).toEqual([
      expect.stringMatching(/^RSS/),
    ]);
    expect(faultsOf((hours) => ({ threadObjectsMb: 6 + 0.5 * hours }))).toEqual([
      expect.stringMatching(/^objects of other threads/),
    ]);
  });

  test("finds one handle that stays, however late", () => {
    expect(faultsOf((hours) => ({ threads: hours < 0.8 ? 12 : 13 }))).toContainEqual(
      expect.stringMatching(/^threads/),
    );
  });
});
