/** What the example task welcome_email promises, on a real database. */

import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import sendEmail from "../../tasks/send_email.ts";
import welcomeEmail from "../../tasks/welcome_email.ts";
import { addUsers, type ProjectDatabase, projectDatabase } from "../support/project-database.ts";
import { testRuntime } from "../support/test-runtime.ts";

const ann = { userId: "u1", email: "ann@x.co", name: "Ann" };
const day = 86_400_000;

describe("one welcome", () => {
  test("is a mail now and two after some days, each a job with a key of its own", async () => {
    const { outcome, output, enqueued } = await runTask(welcomeEmail, ann);

    expect(outcome.state).toBe("completed");
    expect(output).toEqual({
      email_sent: true,
      recipient: "ann@x.co",
      mails: { welcome: "2", "first-steps": "3", "how-is-it-going": "4" },
    });
    const mail = { to: "ann@x.co", subject: expect.any(String), body: expect.any(String) };
    expect(enqueued).toMatchObject([
      { task: "send_email", payload: mail, options: { key: "welcome_email:u1:welcome" } },
      { payload: mail, options: { key: "welcome_email:u1:first-steps", delay: "3d" } },
      { payload: mail, options: { key: "welcome_email:u1:how-is-it-going", delay: "7d" } },
    ]);
    expect(enqueued[0]?.payload).toMatchObject({ subject: "Welcome, Ann!" });
  });

  test("goes on where an attempt before was broken off", async () => {
    const steps = [{ name: "queue welcome", result: { id: "77" } }];
    const { output, enqueued } = await runTask(welcomeEmail, ann, { attempt: 2, steps });
    expect(enqueued).toHaveLength(2);
    expect(output?.mails).toMatchObject({ welcome: "77" });
  });

  test("has other words for premium users", async () => {
    const { enqueued } = await runTask(welcomeEmail, { ...ann, template: "premium_welcome" });
    expect(enqueued[0]?.payload).toHaveProperty("body", expect.stringContaining("premium"));
  });

  test("is a mail that send_email takes, whatever the user's name is", async () => {
    const name = `Ann\r\nBcc: all@x.co\n${"n".repeat(2000)}`;
    const { enqueued } = await runTask(welcomeEmail, { ...ann, name });
    for (const { payload } of enqueued) {
      const checked = await sendEmail.payload?.["~standard"].validate(payload);
      expect(checked).toHaveProperty("value");
    }
  });
});

test.each([
  ["nobody", {}],
  ["a user that can't be", { user_id: 0 }],
  ["an address that is none", { ...ann, email: "ann" }],
  ["an unknown template", { ...ann, template: "farewell" }],
])("a payload with %s is refused", async (_case, payload) => {
  const { outcome, enqueued } = await runTask(welcomeEmail, payload);
  expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
  expect(enqueued).toEqual([]);
});

describe("by the user's id alone", () => {
  let project: ProjectDatabase;

  beforeEach(async () => {
    project = await projectDatabase();
  });

  afterEach(() => project.stop());

  const welcome = (user_id: number) =>
    runTask(welcomeEmail, { user_id, template: "premium_welcome" }, { pool: project.pool });

  test("the address is looked up; a name is no must", async () => {
    const [id] = await addUsers(project.pool, [{ email: "bob@x.co" }]);
    const { output, enqueued } = await welcome(Number(id));
    expect(output).toMatchObject({ email_sent: true, recipient: "bob@x.co" });
    expect(enqueued[0]?.payload).toMatchObject({ to: "bob@x.co", subject: "Welcome!" });
  });

  test("a user that isn't there ends the job", async () => {
    await addUsers(project.pool, []);
    const { outcome, error } = await welcome(5);
    expect(outcome.state).toBe("failed");
    expect(error?.message).toBe("there is no user 5");
  });

  test("without a table users the job fails and says how to make one", async () => {
    const { outcome, error } = await welcome(5);
    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain("create table users (");
  });
});

describe("in the queue", () => {
  const tasks = { welcome_email: welcomeEmail, send_email: { handler: async () => "sent" } };

  test("a user is welcomed once, however often it is asked for, and by whom", async () => {
    await using kit = await testRuntime(tasks);
    const first = await kit.enqueue("welcome_email", ann);
    const again = await kit.enqueue("users:send-welcome-email", { ...ann, email: "new@x.co" });
    const other = await kit.enqueue("welcome_email", { ...ann, userId: "u2" });
    const jobs = [];
    for (const { id } of [first, again, other]) jobs.push(await kit.runJob(id));

    expect(jobs).toMatchObject([
      { state: "completed", output: { email_sent: true } },
      { state: "completed", output: { email_sent: false } },
      { state: "completed", output: { email_sent: true } },
    ]);
    expect(jobs[1]?.output).toHaveProperty("mails", Reflect.get(Object(jobs[0]?.output), "mails"));
    expect(await kit.enqueued("send_email")).toHaveLength(6);
  });

  test("two at once welcome once", async () => {
    await using kit = await testRuntime(tasks);
    for (let n = 0; n < 8; n += 1) await kit.enqueue("welcome_email", ann);
    await kit.drain();
    const mails = await kit.db.query(
      "select count(distinct id)::int as n from taskrun.jobs where task = 'send_email'",
    );
    expect(mails.rows).toEqual([{ n: 3 }]);
  });

  test("the mails wait as long as they should, and name the welcome as their parent", async () => {
    await using kit = await testRuntime(tasks);
    const { id } = await kit.enqueue("welcome_email", ann, { correlationId: "c1" });
    const before = Date.now();
    await kit.runJob(id);
    const mails = await kit.enqueued("send_email");
    const days = mails.map(({ run_at }) => Math.round((run_at.getTime() - before) / day));
    expect(days).toEqual([0, 3, 7]);
    for (const mail of mails) expect(mail).toMatchObject({ parent_id: id, correlation_id: "c1" });
  });
});
