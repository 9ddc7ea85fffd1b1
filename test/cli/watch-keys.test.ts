import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import type { Question } from "../../src/cli/keys.ts";
import { WatchKeys } from "../../src/cli/watch-keys.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

let kit: TestRuntime;
let runtime: Runtime;
let watchKeys: WatchKeys;
let answers: (string | null)[];
let questions: Question[];
let pauses: boolean[];
let quits: number;
let broken: boolean;
let said: () => string;

beforeEach(async () => {
  answers = [];
  questions = [];
  quits = 0;
  pauses = [];
  broken = true;
  kit = await testRuntime({
    greet: async (payload: { name?: string }) => `hello ${payload.name ?? "nobody"}`,
    mail: {
      payload: z.object({ to: z.email() }),
      handler: async ({ to }: { to: string }) => `to ${to}`,
    },
    doomed: async () => {
      if (broken) throw new Error("PERMANENT: broken");
      return "mended";
    },
  });
  runtime = kit.createRuntime();
  watchKeys = new WatchKeys({
    runtime: () => runtime,
    db: () => kit.db,
    schemas: () => schemasFor("graphile_worker"),
    keys: () => ({
      ask: async (question) => {
        questions.push(question);
        const answer = answers.shift() ?? null;
        return answer === "" ? question.fallback : answer;
      },
    }),
    onPause: (paused) => pauses.push(paused),
    quit: () => {
      quits += 1;
    },
  });
  watchKeys.follow(runtime);
  await runtime.start();
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  said = () => write.mock.calls.map(([text]) => text).join("");
});

afterEach(async () => {
  vi.restoreAllMocks();
  await runtime.stop();
  await kit.stop();
});

async function press(key: string): Promise<void> {
  await watchKeys.actions.find((each) => each.key === key)?.act();
}

function finished(): Promise<string> {
  return new Promise((resolve) => {
    runtime.events.once("attempt:finished", ({ job }) => resolve(job.id));
  });
}

describe("r", () => {
  test("adds a job, and offers the same task and payload the next time", async () => {
    answers = ["greet", '{"name":"Ada"}'];
    const first = finished();
    await press("r");
    expect(await kit.job(await first)).toMatchObject({ output: "hello Ada" });
    answers = ["", ""];
    const second = finished();
    await press("r");
    expect(await kit.job(await second)).toMatchObject({ output: "hello Ada" });
    expect(questions.map(({ text }) => text)).toEqual([
      "task [greet]: ",
      "payload [{}]: ",
      "task [greet]: ",
      'payload [{"name":"Ada"}]: ',
    ]);
  });

  test("offers a payload that the task takes", async () => {
    answers = ["mail", ""];
    const ended = finished();
    await press("r");
    expect(questions.at(-1)?.text).toBe('payload [{"to":"a@b.co"}]: ');
    expect(await kit.job(await ended)).toMatchObject({ output: "to a@b.co" });
  });

  test("refuses an unknown name and a payload that isn't JSON, in plain words", async () => {
    answers = ["gret"];
    await press("r");
    expect(said()).toContain("There is no task gret. Did you mean greet?");
    answers = ["greet", "{name:"];
    await press("r");
    expect(said()).toContain("The payload is not JSON");
    const { rows } = await kit.db.query("select 1 from taskrun.jobs");
    expect(rows).toEqual([]);
  });

  test("that is given up adds nothing", async () => {
    answers = ["greet", null];
    await press("r");
    const { rows } = await kit.db.query("select 1 from taskrun.jobs");
    expect(rows).toEqual([]);
  });
});

describe("f", () => {
  test("makes the job that failed last due again, with all its attempts", async () => {
    await press("f");
    expect(said()).toContain("No job has failed for good since the start.");
    const failed = finished();
    const { id } = await kit.enqueue("doomed");
    await failed;
    broken = false;
    const ended = finished();
    await press("f");
    await ended;
    expect(await kit.job(id)).toMatchObject({ state: "completed", attempts: 1, output: "mended" });
    await press("f");
    expect(said()).toContain(`Job ${id} has completed. Add it again`);
  });
});

test("p pauses, and goes on the next time", async () => {
  await press("p");
  expect(runtime.paused).toBe(true);
  await press("p");
  expect(runtime.paused).toBe(false);
  expect(said()).toContain("Paused: this process takes no jobs until you press p again.");
  expect(said()).toContain("Going on.");
});

test("q quits, and ? tells the keys", async () => {
  await press("q");
  expect(quits).toBe(1);
  await press("?");
  expect(said()).toContain("r run a task · f retry the last failure · p pause");
});
