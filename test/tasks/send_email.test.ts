/** What the example task send_email promises, against a mail server of its own. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTask } from "taskrun/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import sendEmail from "../../tasks/send_email.ts";
import { type Replies, type SmtpServer, startSmtpServer } from "../support/smtp-server.ts";

const mail = { to: "a@b.c", subject: "hi", body: "x" };

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "send-email-"));
  vi.stubEnv("TASKRUN_DATA_DIR", dataDir);
  vi.stubEnv("SMTP_URL", undefined);
  vi.stubEnv("MAIL_FROM", undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dataDir, { recursive: true });
});

describe("without SMTP_URL", () => {
  test("a mail is left in the outbox under its job's id", async () => {
    const { outcome, output } = await runTask(sendEmail, mail, { job: { id: "7" } });

    expect(outcome.state).toBe("completed");
    const file = join(dataDir, "outbox", "7.eml");
    expect(output).toEqual({ messageId: expect.stringMatching(/^<job-7-\d+@localhost>$/), file });
    const text = await readFile(file, "utf8");
    expect(text).toContain("To: a@b.c\r\n");
    expect(text).toContain("From: taskrun@localhost\r\n");
    expect(text).toContain("Subject: hi\r\n");
    expect(text).toMatch(/\r\n\r\nx\s*$/);
    expect(await readdir(join(dataDir, "outbox"))).toEqual(["7.eml"]);
  });

  test("another attempt writes the same mail with the same id over the first", async () => {
    const createdAt = new Date("2026-01-02T03:04:05Z");
    const first = await runTask(sendEmail, mail, { job: { id: "7", createdAt } });
    const second = await runTask(sendEmail, mail, { job: { id: "7", createdAt }, attempt: 2 });

    expect(second.output).toEqual(first.output);
    expect(await readdir(join(dataDir, "outbox"))).toEqual(["7.eml"]);
  });

  test("html goes beside the plain text, and the sender is the payload's", async () => {
    const payload = { ...mail, html: "<b>x</b>", from: "me@shop.example" };
    const { output } = await runTask(sendEmail, payload, { job: { id: "8" } });

    expect(output).toMatchObject({ messageId: expect.stringContaining("@shop.example>") });
    const text = await readFile(join(dataDir, "outbox", "8.eml"), "utf8");
    expect(text).toContain("multipart/alternative");
    expect(text).toContain("<b>x</b>");
  });

  test("an outbox that can't be written is an error, not a lost mail", async () => {
    vi.stubEnv("TASKRUN_DATA_DIR", "/dev/null");
    const { outcome, error } = await runTask(sendEmail, mail);

    expect(outcome.state).toBe("retrying");
    expect(error?.message).toMatch(/ENOTDIR|EEXIST/);
  });
});

describe("a payload is refused for good", () => {
  test.each([
    ["an address that is none", { ...mail, to: "nobody" }, "to"],
    ["two addresses in one", { ...mail, to: "a@b.c, d@e.f" }, "to"],
    ["an empty subject", { ...mail, subject: "" }, "subject"],
    ["a subject that smuggles in a header", { ...mail, subject: "hi\r\nBcc: d@e.f" }, "subject"],
    ["no body", { to: "a@b.c", subject: "hi" }, "body"],
  ])("with %s", async (_case, payload, path) => {
    const { outcome, error } = await runTask(sendEmail, payload);

    expect(outcome).toMatchObject({ state: "failed", error: { rule: "payload-schema" } });
    expect(error?.message).toContain(path);
  });
});

describe("with SMTP_URL", () => {
  let server: SmtpServer;

  async function serve(replies: Replies = {}): Promise<void> {
    server = await startSmtpServer(replies);
    vi.stubEnv("SMTP_URL", server.url);
  }

  afterEach(() => server.close());

  test("a mail reaches the server whole", async () => {
    await serve();
    vi.stubEnv("MAIL_FROM", "Shop <shop@example.com>");
    const payload = { to: "a@b.c", subject: "Grüße", body: "first\n.\nlast" };
    const { outcome, output } = await runTask(sendEmail, payload, { job: { id: "9" } });

    expect(outcome.state).toBe("completed");
    expect(output).toEqual({ messageId: expect.stringMatching(/^<job-9-\d+@example\.com>$/) });
    expect(server.mails).toHaveLength(1);
    const [received] = server.mails;
    expect(received).toMatchObject({ from: "shop@example.com", to: ["a@b.c"] });
    expect(received?.text).toContain("first\r\n.\r\nlast");
    expect(received?.text).toMatch(/^Subject: =\?UTF-8\?Q\?Gr=C3=BC=C3=9Fe\?=\r$/m);
    await expect(readdir(join(dataDir, "outbox"))).rejects.toThrow("ENOENT");
  });

  test.each([
    ["the recipient", { RCPT: "550 no such user" }],
    ["the mail", { ".": "554 looks like spam" }],
    ["the sender", { MAIL: "553 not from here" }],
  ])("a server that refuses %s for good ends the job", async (_case, replies) => {
    await serve(replies);
    const { outcome, error } = await runTask(sendEmail, mail);

    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain(Object.values(replies)[0]);
    expect(server.mails).toEqual([]);
  });

  test.each([
    ["the recipient", { RCPT: "450 mailbox busy" }],
    ["the mail", { ".": "451 try again" }],
  ])("a server that refuses %s for now is asked again later", async (_case, replies) => {
    await serve(replies);
    const { outcome, error } = await runTask(sendEmail, mail);

    expect(outcome.state).toBe("retrying");
    expect(error?.message).toContain(Object.values(replies)[0]);
  });

  test("a server that can't be reached is asked again later", async () => {
    await serve();
    await server.close();
    const { outcome, error } = await runTask(sendEmail, mail);

    expect(outcome.state).toBe("retrying");
    expect(error?.message).toContain("ECONNREFUSED");
    await serve();
  });

  test("a server that falls silent doesn't hold a stopped attempt", async () => {
    await serve({ DATA: null });
    const stop = new AbortController();
    const running = runTask(sendEmail, mail, { signal: stop.signal });
    await server.received("DATA");
    stop.abort(new Error("enough"));

    const { error } = await running;
    expect(error?.message).toBe("enough");
  });
});
