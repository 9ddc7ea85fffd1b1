/**
 * Counts a period's users and their sign-ups by day, and writes both to
 * `.taskrun/reports/<jobId>.<format>`; the output says where, so that a small output stands for
 * a large report.
 */

import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineTask, type TaskContext } from "taskrun";
import { z } from "zod";
import { reportFormats } from "./_report-formats.ts";
import { requireUsers } from "./_users.ts";

const activeDays = 30;

const payload = z
  .object({
    start_date: z.iso.date(),
    end_date: z.iso.date(),
    format: z.enum(["csv", "html", "json"]).default("csv"),
    /** Whether each day has a line of its own; without, there are only the totals. */
    include_details: z.boolean().default(true),
  })
  .refine(({ start_date, end_date }) => start_date <= end_date, {
    error: "must not be before start_date",
    path: ["end_date"],
  })
  .refine(({ start_date, end_date }) => daysFrom(start_date, end_date) <= 3_660, {
    error: "must be within ten years of start_date",
    path: ["end_date"],
  });
type Period = z.output<typeof payload>;

const totals = z.object({
  total_users: z.number(),
  active_users: z.number(),
  new_signups: z.number(),
});

export default defineTask({
  description: "Counts a period's users and sign-ups, and writes a report to a file.",
  payload,
  output: totals.extend({ report_url: z.string() }),
  timeout: "2m",
  async handler(period, ctx) {
    await requireUsers(ctx);
    await ctx.progress(0, 3, "counting users");
    const counted = await count(period, ctx);
    await ctx.progress(1, 3, "counting sign-ups");
    const days = period.include_details ? await signupsByDay(period, ctx) : [];
    await ctx.progress(2, 3, "writing");
    const folder = join(process.env.TASKRUN_DATA_DIR ?? ".taskrun", "reports");
    await mkdir(folder, { recursive: true });
    const file = join(folder, `${ctx.jobId}.${period.format}`);
    const unfinished = join(folder, `.${ctx.jobId}.${process.pid}.tmp`);
    try {
      await writeFile(unfinished, render(period, counted, days), { signal: ctx.signal });
      await rename(unfinished, file);
    } finally {
      await rm(unfinished, { force: true });
    }
    await ctx.progress(3, 3, "written");
    return { report_url: file, ...counted };
  },
});

type Totals = z.output<typeof totals>;
type Day = readonly [day: string, signups: string];

async function count({ start_date, end_date }: Period, ctx: TaskContext): Promise<Totals> {
  const { rows } = await ctx.query<Totals>(
    `select count(*)::int as total_users,
       count(*) filter (where last_seen_at >= $1::date + 1 - $2::int)::int as active_users,
       count(*) filter (where created_at >= $3::date)::int as new_signups
     from users where created_at < $1::date + 1`,
    [end_date, activeDays, start_date],
  );
  return totals.parse(rows[0]);
}

/** Days without sign-ups have a line too. */
async function signupsByDay({ start_date, end_date }: Period, ctx: TaskContext): Promise<Day[]> {
  const { rows } = await ctx.query<{ day: string; signups: string }>(
    `select to_char(day, 'YYYY-MM-DD') as day, count(u.id)::text as signups
     from generate_series($1::date, $2::date, interval '1 day') day
     left join users u on u.created_at >= day and u.created_at < day + interval '1 day'
     group by day order by day`,
    [start_date, end_date],
  );
  return rows.map(({ day, signups }) => [day, signups]);
}

function render({ start_date, end_date, format }: Period, counted: Totals, days: Day[]): string {
  if (format === "json") {
    const byDay = days.map(([day, signups]) => ({ day, signups: Number(signups) }));
    return `${JSON.stringify({ start_date, end_date, ...counted, days: byDay }, null, 2)}\n`;
  }
  const { begin, row, end } = reportFormats[format];
  const summary = Object.entries(counted).map(([name, value]) => row([name, String(value)]));
  const title = `Users from ${start_date} to ${end_date}`;
  return [begin(title, ["measure", "value"]), ...summary, ...days.map(row), end()].join("");
}

function daysFrom(start: string, end: string): number {
  return (Date.parse(end) - Date.parse(start)) / 86_400_000;
}
