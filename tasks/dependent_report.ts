/**
 * Waits for other jobs, queued by somebody else or by itself, and writes what has become of them
 * to `.taskrun/reports/<jobId>.<format>`. While it waits it holds no slot and spends no attempt.
 */

import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BusinessLogicError, defineTask, type EndedJob, type TaskContext } from "taskrun";
import { z } from "zod";
import { reportFormats } from "./_report-formats.ts";

const jobId = z.union([z.string().regex(/^\d{1,18}$/, "must be a job's id"), z.int().positive()]);

const payload = z
  .object({
    /** Jobs that are there already. */
    prerequisite_task_ids: z.array(jobId).max(1000).default([]),
    /** Jobs that the report queues itself. */
    prerequisites: z
      .array(z.object({ task: z.string().min(1), payload: z.json().default({}) }))
      .max(100)
      .default([]),
    title: z.string().min(1).max(200).default("Report"),
    format: z.enum(["csv", "html", "json"]).default("json"),
    /** Whether there is a report although a prerequisite failed; without, the report fails too. */
    allow_partial: z.boolean().default(false),
  })
  .refine((given) => given.prerequisite_task_ids.length + given.prerequisites.length > 0, {
    error: "give prerequisite_task_ids or prerequisites: there is nothing to report on",
  });
type Request = z.output<typeof payload>;

export default defineTask({
  description: "Waits for other jobs, and writes a report of what has become of them.",
  payload,
  output: z.object({
    report_url: z.string(),
    completed: z.int(),
    missing: z.array(z.string()),
  }),
  async handler(request, ctx) {
    const queued = await queuePrerequisites(request, ctx);
    const ends = await ctx.waitFor([...request.prerequisite_task_ids.map(String), ...queued]);
    const missing = ends.filter(({ state }) => state !== "completed");
    if (missing.length > 0 && !request.allow_partial) {
      throw new BusinessLogicError(`${missing.map(describe).join("; ")}: no report without it`);
    }
    return {
      report_url: await write(render(request, ends), request.format, ctx),
      completed: ends.length - missing.length,
      missing: missing.map(({ id }) => id),
    };
  },
});

/** A step for each: the handler comes by here again when it has waited. */
async function queuePrerequisites({ prerequisites }: Request, ctx: TaskContext): Promise<string[]> {
  const ids: string[] = [];
  for (const [n, { task, payload: its }] of prerequisites.entries()) {
    const key = `dependent_report:${ctx.jobId}:${n}`;
    const queue = async () => (await ctx.enqueue(task, its, { key })).id;
    ids.push(await ctx.step(`queue prerequisite ${n}`, queue));
  }
  return ids;
}

function describe({ id, task, state, error }: EndedJob): string {
  const name = `job ${id}${task === null ? "" : ` (${task})`}`;
  if (state === null) return `${name} left no record`;
  return `${name} ${state === "failed" ? "failed" : "was cancelled"}${error ? `: ${error}` : ""}`;
}

function render({ title, format }: Request, ends: readonly EndedJob[]): string {
  if (format === "json") return `${JSON.stringify({ title, jobs: ends }, null, 2)}\n`;
  const { begin, row, end } = reportFormats[format];
  const lines = ends.map(({ id, task, state, output, error }) =>
    row([id, task, state ?? "unknown", output === null ? error : JSON.stringify(output)]),
  );
  return [begin(title, ["job", "task", "state", "output"]), ...lines, end()].join("");
}

/** The file is whole or not there. */
async function write(report: string, format: string, ctx: TaskContext): Promise<string> {
  const folder = join(process.env.TASKRUN_DATA_DIR ?? ".taskrun", "reports");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${ctx.jobId}.${format}`);
  const unfinished = join(folder, `.${ctx.jobId}.${process.pid}.tmp`);
  try {
    await writeFile(unfinished, report, { signal: ctx.signal });
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
  }
  return file;
}
