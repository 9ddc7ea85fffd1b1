import { expect, test } from "vitest";
import { z } from "zod";
import type { Catalog, LoadFailure } from "../../../src/core/catalog.ts";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import { checkCrontab } from "../../../src/discovery/crontab/check-crontab.ts";
import { parseCrontab } from "../../../src/discovery/crontab/parse-crontab.ts";

const definitions: Record<string, unknown> = {
  send_email: {
    payload: z.object({ to: z.email() }),
    aliases: ["mail:send"],
    handler: () => null,
  },
  strict: { payload: z.strictObject({ n: z.number() }), handler: () => null },
  wants_cron: {
    payload: z.object({ _cron: z.object({ ts: z.iso.datetime(), backfilled: z.boolean() }) }),
    handler: () => null,
  },
  throws: {
    payload: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => {
          throw new Error("no luck");
        },
      },
    },
    handler: () => null,
  },
  anything: () => null,
};

const catalog: Catalog = {
  tasks: new Map(
    Object.entries(definitions).map(([name, definition]) => [
      name,
      resolveTask(definition, { name, file: `/tasks/${name}.ts`, version: 1, layers: [] }),
    ]),
  ),
  failures: [{ task: "broken", file: "/tasks/broken.ts" } as LoadFailure], // why: no more is read
};

const check = async (text: string) => checkCrontab(await parseCrontab(text), catalog);

test("a task may be named by its name or an alias", async () => {
  const { items, failures } = await check(
    "* * * * * anything\n* * * * * mail:send {to: 'a@b.co'}\n",
  );
  expect(failures).toEqual([]);
  expect(items.map(({ task }) => task)).toEqual(["anything", "mail:send"]);
});

test("an unknown task is a failure with its place and the nearest name", async () => {
  const { items, failures } = await check("* * * * * anything\n\n* * * * * send_mail {to: 'x'}\n");
  expect(items).toHaveLength(1);
  expect(failures).toMatchObject([
    {
      line: 3,
      column: 11,
      task: "send_mail",
      reason: "there is no task send_mail",
      fix: expect.stringMatching(/^Did you mean (send_email|mail:send)\?$/),
    },
  ]);
  expect(failures[0]?.frame).toContain("> 3 | * * * * * send_mail");
});

test("a task whose file is broken is said to be so", async () => {
  expect((await check("* * * * * broken")).failures).toMatchObject([
    { reason: "the task broken can't be loaded", fix: "Mend /tasks/broken.ts." },
  ]);
});

test("a payload that breaks the schema is a failure with the path", async () => {
  const { failures } = await check(
    "* * * * * send_email ?id=a {to: 'nobody'}\n* * * * * send_email",
  );
  expect(failures).toMatchObject([
    { line: 1, column: 28, reason: expect.stringContaining("send_email at $.to: ") },
    { line: 2, column: 11, reason: expect.stringContaining("$.to: ") },
  ]);
});

test("jobs carry _cron, but not to a schema that allows nothing more", async () => {
  const { items, failures } = await check(
    "* * * * * strict {n: 1}\n* * * * * wants_cron\n* * * * * anything\n",
  );
  expect(failures).toEqual([]);
  expect(items.map(({ task, addsCron }) => [task, addsCron])).toEqual([
    ["strict", false],
    ["wants_cron", true],
    ["anything", true],
  ]);
});

test("a strict schema's own issues are told, not that of _cron", async () => {
  const { failures } = await check("* * * * * strict {n: 'one'}");
  expect(failures[0]?.reason).toContain("$.n: ");
  expect(failures[0]?.reason).not.toContain("_cron");
});

test("a schema that throws is a failure of its lines only", async () => {
  const { items, failures } = await check("* * * * * throws\n* * * * * anything");
  expect(items).toHaveLength(1);
  expect(failures).toMatchObject([{ line: 1, reason: "the schema of throws threw: no luck" }]);
});

test("failures of both kinds come in the order of the lines", async () => {
  const { failures } = await check("* * * * * nope\n60 * * * * a\n* * * * * nope ?id=b\n");
  expect(failures.map(({ line }) => line)).toEqual([1, 2, 3]);
});
