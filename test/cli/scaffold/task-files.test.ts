import { describe, expect, test } from "vitest";
import { parsePayloadFields } from "../../../src/cli/scaffold/payload-fields.ts";
import { taskFileText, taskTestText } from "../../../src/cli/scaffold/task-files.ts";

test("a task's file has a field per line", () => {
  const text = taskFileText(parsePayloadFields("to:email,count:int?"));
  expect(text).toContain("z.object({\n    to: z.email(),\n    count: z.int().optional(),\n  }),");
});

describe("a task's test", () => {
  const textFor = (task: string, schema: string) =>
    taskTestText({ task, importPath: "../tasks/x.ts", fields: parsePayloadFields(schema) });

  test.each([
    ["send_email", "sendEmailTask"],
    ["a/charge-card", "chargeCardTask"],
    ["delete", "deleteTask"],
    ["2fa", "task2faTask"],
    ["-", "newTask"],
  ])("imports %s as %s", (task, variable) => {
    expect(textFor(task, "a")).toContain(`import ${variable} from "../tasks/x.ts";`);
  });

  test("gives a payload that the schema takes", () => {
    expect(textFor("x", "to:email,tags:string[],meta:json")).toContain(
      'const payload = {\n  to: "ada@example.com",\n  tags: ["text"],\n  meta: { key: "value" },\n};',
    );
  });

  test("leaves a field out only where one is required", () => {
    expect(textFor("x", "a:int?,b")).toContain("x refuses a payload without b");
    expect(textFor("x", "a:int?")).not.toContain("refuses");
  });
});
