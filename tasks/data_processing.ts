/** Filters, maps or sums up rows given in the payload or in a file beneath `DATA_ROOT`. */

import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { defineTask, PermanentError, type TaskContext } from "taskrun";
import { z } from "zod";
import { type Cell, cell, type Row, readRows, rows } from "./_read-rows.ts";

const maxInlineRows = 100;
const rowsPerBreath = 2_000;

const source = { data: rows.optional(), file: z.string().min(1).optional() };
const field = z.string().min(1).default("value");
const measure = z.enum(["count", "sum", "average", "min", "max"]);
const comparison = z.enum(["=", "!=", "<", "<=", ">", ">=", "contains"]);

const payload = z
  .discriminatedUnion("operation", [
    z.object({ operation: measure, ...source, field }),
    z.object({ operation: z.literal("aggregate"), ...source, groupBy: z.string(), measure, field }),
    z.object({ operation: z.literal("filter"), ...source, field, comparison, value: cell }),
    z.object({ operation: z.literal("map"), ...source, select: z.record(z.string(), z.string()) }),
  ])
  .refine((work) => (work.data === undefined) !== (work.file === undefined), {
    error: "give either data or file",
    path: ["data"],
  });
type Work = z.output<typeof payload>;

export default defineTask({
  description: "Filters, maps or sums up rows from the payload or from a JSON or CSV file.",
  payload,
  timeout: "5m",
  async handler(work, ctx) {
    const input = work.data ?? (await readRows(work.file ?? ""));
    const output: Row[] = [];
    const groups = new Map<string, number[]>();
    for (const [index, row] of input.entries()) {
      // Lets a timeout, a cancel and this process's other jobs through.
      if (index % rowsPerBreath === 0) {
        await breathe();
        ctx.signal.throwIfAborted();
        await ctx.progress(index, input.length);
      }
      take(work, row, `row ${index + 1}`, output, groups);
    }
    await ctx.progress(input.length, input.length);

    const summary = { operation: work.operation, rowsIn: input.length };
    if (work.operation === "filter" || work.operation === "map") {
      return { ...summary, rowsOut: output.length, ...(await keep(output, ctx)) };
    }
    if (work.operation !== "aggregate") {
      return { ...summary, rowsOut: 1, result: summarize(groups.get("") ?? [], work.operation) };
    }
    const result = [...groups].map(([group, values]) => [group, summarize(values, work.measure)]);
    return { ...summary, rowsOut: groups.size, result: Object.fromEntries(result) };
  },
});

function take(work: Work, row: Row, where: string, output: Row[], groups: Map<string, number[]>) {
  if (work.operation === "map") {
    const cells = Object.entries(work.select).map(([to, from]) => [to, cellOf(row, from)]);
    output.push(Object.fromEntries(cells));
  } else if (work.operation === "filter") {
    if (isSo(cellOf(row, work.field), work.comparison, work.value)) output.push(row);
  } else {
    const grouped = work.operation === "aggregate";
    const group = grouped ? String(cellOf(row, work.groupBy)) : "";
    const needsNumber = (grouped ? work.measure : work.operation) !== "count";
    const value = needsNumber ? numberOf(cellOf(row, work.field), `${where}, ${work.field}`) : 0;
    const values = groups.get(group);
    if (values) values.push(value);
    else groups.set(group, [value]);
  }
}

/** Null where there is nothing to measure: the smallest of no numbers isn't 0. */
function summarize(values: number[], by: z.output<typeof measure>): number | null {
  if (by === "count") return values.length;
  const sum = values.reduce((total, value) => total + value, 0);
  if (by === "sum") return sum;
  if (values.length === 0) return null;
  if (by === "average") return sum / values.length;
  // Not Math.min(...values): a call takes only so many arguments.
  return values.reduce((a, b) => (by === "min" ? Math.min(a, b) : Math.max(a, b)));
}

function isSo(left: Cell, by: z.output<typeof comparison>, right: Cell): boolean {
  if (by === "contains") return String(left ?? "").includes(String(right));
  // What comes from CSV is text: "9" is less than 10 all the same.
  const cell = typeof right === "number" && typeof left === "string" ? Number(left) : left;
  if (by === "=") return cell === right;
  if (by === "!=") return cell !== right;
  if (cell === null || right === null || typeof cell !== typeof right) return false;
  if (by === "<") return cell < right;
  if (by === "<=") return cell <= right;
  return by === ">" ? cell > right : cell >= right;
}

function cellOf(row: Row, field: string): Cell {
  return Object.hasOwn(row, field) ? (row[field] ?? null) : null;
}

function numberOf(cell: Cell, where: string): number {
  const value = typeof cell === "string" && cell.trim() !== "" ? Number(cell) : cell;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new PermanentError(`${where}: ${JSON.stringify(cell)} is not a number`);
}

/** Few rows are the job's output; many go into a file, since outputs are kept in the database. */
async function keep(output: Row[], ctx: TaskContext): Promise<{ rows: Row[] } | { file: string }> {
  if (output.length <= maxInlineRows) return { rows: output };
  const folder = join(process.env.TASKRUN_DATA_DIR ?? ".taskrun", "data");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${ctx.jobId}.json`);
  const unfinished = join(folder, `.${ctx.jobId}.${process.pid}.tmp`);
  await writeFile(unfinished, JSON.stringify(output), { signal: ctx.signal });
  await rename(unfinished, file);
  return { file };
}
