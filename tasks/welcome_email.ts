/**
 * Welcomes a new user: a mail at once and two more after some days, each a job of its own
 * (`send_email`), so that each is retried by itself. Once for a user, however often it is asked
 * for.
 */

import { defineTask, PermanentError, type TaskContext } from "taskrun";
import { z } from "zod";
import { requireUsers } from "./_users.ts";

const template = z.enum(["welcome", "premium_welcome"]).default("welcome");

const payload = z.union(
  [
    z.object({
      userId: z.union([z.string().min(1).max(200), z.int().positive()]),
      email: z.email({ pattern: z.regexes.html5Email }),
      name: z.string().min(1),
      template,
    }),
    // Address and name are looked up in the table users.
    z.object({ user_id: z.int().positive(), template }),
  ],
  { error: "give { userId, email, name } or { user_id }, and template?" },
);

interface Recipient {
  id: string;
  email: string;
  name: string | null;
}

interface Mail {
  name: string;
  delay?: string;
  subject: string;
  body: string;
}

export default defineTask({
  description: "Sends a new user a welcome mail, and two more after some days.",
  aliases: ["users:send-welcome-email"],
  payload,
  output: z.object({
    email_sent: z.boolean(),
    recipient: z.string(),
    mails: z.record(z.string(), z.string()),
  }),
  priority: "high",
  async handler(welcome, ctx) {
    const recipient = await recipientOf(welcome, ctx);
    let queuedNow = false;
    // For ever: nobody is new twice.
    const mails = await ctx.once(
      `welcome_email:${recipient.id}`,
      async () => {
        queuedNow = true;
        return queueMails(recipient, mailsFor(recipient, welcome.template), ctx);
      },
      { retain: false },
    );
    ctx.log.info({ userId: recipient.id, queuedNow }, "welcome mails are queued");
    return { email_sent: queuedNow, recipient: recipient.email, mails };
  },
});

async function recipientOf(
  welcome: z.output<typeof payload>,
  ctx: TaskContext,
): Promise<Recipient> {
  if ("userId" in welcome) {
    return { id: String(welcome.userId), email: welcome.email, name: welcome.name };
  }
  await requireUsers(ctx);
  const { rows } = await ctx.query<Recipient>(
    "select id::text, email, name from users where id = $1",
    [welcome.user_id],
  );
  if (rows[0]) return rows[0];
  throw new PermanentError(`there is no user ${welcome.user_id}`);
}

/** The ids of the jobs, by the mails' names. */
async function queueMails({ id, email }: Recipient, mails: Mail[], ctx: TaskContext) {
  const queued: Record<string, string> = {};
  for (const { name, delay, subject, body } of mails) {
    // A step is kept as soon as it is done. Should the process die before that, the next attempt
    // finds the job that waits by its key.
    const key = `welcome_email:${id}:${name}`;
    const options = delay === undefined ? { key } : { key, delay };
    const mail = { to: email, subject, body };
    const job = await ctx.step(`queue ${name}`, () => ctx.enqueue("send_email", mail, options));
    queued[name] = job.id;
  }
  return queued;
}

function mailsFor({ name }: Recipient, kind: z.output<typeof template>): Mail[] {
  // A line break would end the subject's header.
  const whom = name === null ? "" : `, ${name.replaceAll(/[\r\n]+/g, " ").slice(0, 200)}`;
  const premium = kind === "premium_welcome" ? "\n\nYour premium support is at your service." : "";
  return [
    {
      name: "welcome",
      subject: `Welcome${whom}!`,
      body: `Your account is ready.${premium}`,
    },
    {
      name: "first-steps",
      delay: "3d",
      subject: "Your first steps",
      body: "Have you invited somebody yet?",
    },
    {
      name: "how-is-it-going",
      delay: "7d",
      subject: `How is it going${whom}?`,
      body: "Answer this mail if anything is missing.",
    },
  ];
}
