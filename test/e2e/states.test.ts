/** Every state a job can be in: the way there by SQL alone, and that all who tell it agree. */

import { afterEach, beforeEach, expect, test } from "vitest";
import { describeJob } from "../../src/cli/describe-job.ts";
import type { JobState } from "../../src/core/job.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { explainJob } from "../../src/store/explain.ts";
import { readJobStory } from "../../src/store/job-story.ts";
import { listJobs } from "../../src/store/jobs.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { type Signal, signal, testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;
let runtime: Runtime | null;
let started: Signal;
let release: Signal;

beforeEach(async () => {
  started = signal();
  release = signal();
  runtime = null;
  kit = await testRuntime({
    good: async () => "done",
    hold: async () => {
      started.resolve();
      await release.promise;
    },
    fail: {
      retry: { strategy: "fixed", baseDelay: "5m", jitter: 0 },
      handler: () => Promise.reject(new Error("no luck")),
    },
  });
});

afterEach(async () => {
  release.resolve();
  await runtime?.stop();
  await kit.stop();
});

async function sql(text: string): Promise<string> {
  const { rows } = await kit.db.query(`select (${text})::text as id`);
  return rows[0].id;
}

interface Way {
  readonly arrive: () => Promise<string>;
  readonly sentence: RegExp;
}

const ways: Readonly<Record<JobState, Way>> = {
  pending: {
    arrive: () => sql("select id from graphile_worker.add_job('good', '{}')"),
    sentence: /^It waits since no taskrun process is running\.$/,
  },
  scheduled: {
    arrive: () =>
      sql("select id from graphile_worker.add_job('good', run_at => now() + interval '1 h')"),
    sentence: /^It is scheduled: due at .*\(in (1h|59m \d+s)\); no process is running/,
  },
  blocked: {
    arrive: async () => {
      const parent = await sql("taskrun.add_job('good', '{}', '{\"delay\": \"1 h\"}')");
      return sql(`taskrun.add_job('good', '{}', '{"after": [${parent}]}')`);
    },
    sentence: /^It is blocked: it waits for 1 job to end: \d+ \(good, scheduled\)\.$/,
  },
  running: {
    arrive: async () => {
      const id = await sql("select id from graphile_worker.add_job('hold')");
      runtime = kit.createRuntime();
      await runtime.start();
      await started.promise;
      return id;
    },
    sentence: /^It is running, attempt 1 of 25, in the process taskrun-.*, pid \d+, since /,
  },
  retrying: {
    arrive: async () => {
      const id = await sql("select id from graphile_worker.add_job('fail')");
      await kit.drain();
      return id;
    },
    sentence: /^It is retrying: attempt 1 of 25 failed with "no luck", and the next one is due at /,
  },
  completed: {
    arrive: async () => {
      const id = await sql("select id from graphile_worker.add_job('good')");
      await kit.drain();
      return id;
    },
    sentence: /^It completed at .*, after \d+.* in attempt 1\.$/,
  },
  failed: {
    arrive: async () => {
      const id = await sql("select id from graphile_worker.add_job('fail', max_attempts => 1)");
      await kit.drain();
      return id;
    },
    sentence:
      /^It has failed for good: its one attempt is used up, .* with "no luck"; `taskrun retry/,
  },
  cancelled: {
    arrive: async () => {
      const id = await sql("select id from graphile_worker.add_job('good')");
      await kit.db.query("select taskrun.cancel_job($1, 'wrong order', 'ada')", [id]);
      return id;
    },
    sentence: /^It was cancelled at .*: "wrong order \(cancelled by ada\)"\.$/,
  },
};

// why: the record has exactly these keys
test.each(Object.keys(ways) as JobState[])(
  "a job that SQL made %s is told as that by the view, the list, show and explain",
  async (state) => {
    const { arrive, sentence } = ways[state];
    const id = await arrive();
    const { rows } = await kit.db.query("select state from taskrun.jobs where id = $1", [id]);
    expect(rows).toEqual([{ state }]);
    expect((await listJobs(kit.db, schemas, { state })).map((job) => job.id)).toContain(id);
    const explanation = await explainJob(kit.db, schemas, id);
    expect(explanation).toMatchObject({ state, sentence: expect.stringMatching(sentence) });
    const story = await readJobStory(kit.db, schemas, id, { logLines: 20 });
    const lines = story === null ? [] : describeJob(story);
    expect(lines).toContainEqual({ title: "state", text: state });
    expect(lines.find(({ title }) => title === "timeline")).toBeDefined();
  },
);
