/** The text of a new task and of its test. Refuses to know where they go. */

import type { PayloadField } from "./payload-fields.ts";

/** A handler that does nothing yet but log, so that it runs as it is. */
export function taskFileText(fields: readonly PayloadField[]): string {
  const schema = fields.map(({ name, code }) => `    ${name}: ${code},\n`).join("");
  return `import { defineTask } from "taskrun";
import { z } from "zod";

export default defineTask({
  payload: z.object({
${schema}  }),
  async handler(payload, ctx) {
    ctx.log.info({ fields: Object.keys(payload) }, "working");
  },
});
`;
}

export interface TaskTestOptions {
  readonly task: string;
  /** From the test to the task's file, "/" between the parts. */
  readonly importPath: string;
  readonly fields: readonly PayloadField[];
}

export function taskTestText({ task, importPath, fields }: TaskTestOptions): string {
  const variable = variableFor(task);
  const required = fields.find(({ optional }) => !optional);
  return `import { runTask } from "taskrun/testing";
import { expect, test } from "vitest";
import ${variable} from "${importPath}";

const payload = {
${fields.map(({ name, sample }) => `  ${name}: ${literal(sample)},\n`).join("")}};

test("${task} completes", async () => {
  const { outcome } = await runTask(${variable}, payload);
  expect(outcome.state).toBe("completed");
});
${required === undefined ? "" : refusalTest(task, variable, required.name)}`;
}

function refusalTest(task: string, variable: string, field: string): string {
  return `
test("${task} refuses a payload without ${field}", async () => {
  const { outcome } = await runTask(${variable}, { ...payload, ${field}: undefined });
  expect(outcome.state).toBe("failed");
});
`;
}

/** "billing/charge-card" → "chargeCardTask": no keyword, and none of the test's own names. */
function variableFor(task: string): string {
  const words = (task.split("/").at(-1) ?? "").split(/[-_]+/).filter((word) => word !== "");
  const [first = "new", ...rest] = words;
  const camel = first + rest.map((word) => word[0]?.toUpperCase() + word.slice(1)).join("");
  return `${/^\d/.test(camel) ? "task" : ""}${camel}Task`;
}

function literal(sample: unknown): string {
  if (typeof sample !== "object" || sample === null) return JSON.stringify(sample);
  if (Array.isArray(sample)) return `[${sample.map(literal).join(", ")}]`;
  const entries = Object.entries(sample).map(([name, value]) => `${name}: ${literal(value)}`);
  return `{ ${entries.join(", ")} }`;
}
