/**
 * Sends one mail by SMTP, or without `SMTP_URL` leaves it in `.taskrun/outbox/<jobId>.eml`,
 * so that nobody gets mail from a developer's machine by mistake.
 */

import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { defineTask, ExternalServiceError, PermanentError, type TaskContext } from "taskrun";
import { z } from "zod";

// html5Email: zod's own pattern turns away short domains and hosts inside a network.
const address = z.email({ pattern: z.regexes.html5Email });

const payload = z.object({
  to: address,
  // A line break would start a header of the sender's choice.
  subject: z
    .string()
    .min(1)
    .max(900)
    .regex(/^[^\r\n]*$/, "must be one line"),
  body: z.string(),
  html: z.string().optional(),
  from: address.optional(),
});

export default defineTask({
  description: "Sends one mail by SMTP, or into .taskrun/outbox when SMTP_URL is not set.",
  aliases: ["email"],
  payload,
  output: z.object({ messageId: z.string(), file: z.string().optional() }),
  retry: { strategy: "exponential", baseDelay: "1s", factor: 2, maxDelay: "5m", maxAttempts: 3 },
  timeout: "60s",
  async handler(mail, ctx) {
    const from = mail.from ?? process.env.MAIL_FROM ?? "taskrun@localhost";
    const message = {
      from,
      to: mail.to,
      subject: mail.subject,
      text: mail.body,
      ...(mail.html === undefined ? {} : { html: mail.html }),
      // The same at every attempt: a mailbox can then tell a repeated mail from a new one.
      messageId: `<job-${ctx.jobId}-${ctx.createdAt.getTime()}@${domainOf(from)}>`,
      date: ctx.createdAt,
      signal: ctx.signal,
    };
    const url = process.env.SMTP_URL;
    return url ? sendBySmtp(url, message, ctx) : leaveInOutbox(message, ctx);
  },
});

interface Message {
  from: string;
  to: string;
  subject: string;
  text: string;
  html?: string;
  messageId: string;
  date: Date;
  signal: AbortSignal;
}

async function sendBySmtp(url: string, message: Message, ctx: TaskContext) {
  const limits = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000 };
  const transport = createTransport({ url, ...limits });
  try {
    const info = await transport.sendMail(message);
    ctx.log.info({ messageId: info.messageId, response: info.response }, "mail sent");
    return { messageId: info.messageId };
  } catch (error) {
    ctx.signal.throwIfAborted();
    const code = replyCode(error);
    if (code === null) throw error;
    const text = `the mail server answered ${code}: ${messageOf(error)}`;
    // RFC 5321, 4.2.1: 5yz stays so when tried again, 4yz may not.
    if (code >= 500) throw new PermanentError(text, { cause: error });
    throw new ExternalServiceError(text, { cause: error });
  } finally {
    transport.close();
  }
}

async function leaveInOutbox(message: Message, ctx: TaskContext) {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: "windows" });
  const info = await composer.sendMail(message);
  const folder = join(process.env.TASKRUN_DATA_DIR ?? ".taskrun", "outbox");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${ctx.jobId}.eml`);
  const unfinished = join(folder, `.${ctx.jobId}.${process.pid}.tmp`);
  await writeFile(unfinished, info.message, { signal: ctx.signal });
  await rename(unfinished, file);
  ctx.log.info({ file }, "mail left in the outbox; set SMTP_URL to send it");
  return { messageId: info.messageId, file };
}

function domainOf(from: string): string {
  return /@([^\s@<>]+)>?\s*$/.exec(from)?.[1] ?? "localhost";
}

function replyCode(error: unknown): number | null {
  const known = error instanceof Error && "responseCode" in error ? error.responseCode : null;
  return typeof known === "number" && known >= 400 ? known : null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
