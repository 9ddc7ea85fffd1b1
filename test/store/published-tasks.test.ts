import { afterEach, beforeEach, expect, test } from "vitest";
import {
  listLoadFailures,
  listPublishedTasks,
  type PublishedTask,
  writePublishedTasks,
} from "../../src/store/published-tasks.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let runtime: TestRuntime;
beforeEach(async () => {
  runtime = await testRuntime({});
});
afterEach(() => runtime.stop());

function taskOf(name: string, more: Partial<PublishedTask> = {}): PublishedTask {
  return {
    name,
    task: name,
    description: null,
    payloadSchemaJson: null,
    retainCompletedMs: 1,
    retainCancelledMs: 0,
    secrets: null,
    retainFailedMs: null,
    details: null,
    ...more,
  };
}

const write = (processId: string | null, ...tasks: PublishedTask[]) =>
  writePublishedTasks(runtime.db, schemas, processId, tasks);

async function published(): Promise<Record<string, unknown>[]> {
  const { rows } = await runtime.db.query("select * from taskrun.tasks order by name");
  return rows;
}

async function addProcess(id: string): Promise<void> {
  await runtime.db.query(
    "insert into taskrun.processes (id, host, pid, version) values ($1, 'h', 1, '0')",
    [id],
  );
}

test("what is said later holds; what isn't said keeps its row", async () => {
  await write(null, taskOf("a", { payloadSchemaJson: '{"type":"string"}' }), taskOf("b"));
  await write(null, taskOf("a", { description: "new" }));
  expect(await published()).toMatchObject([
    { name: "a", description: "new", payload_schema: null, retain_cancelled_ms: 0 },
    { name: "b", description: null },
  ]);
});

test("a process has exactly what it said last", async () => {
  await addProcess("p");
  await addProcess("q");
  await write("p", taskOf("a"), taskOf("b"));
  await write("p", taskOf("b"));
  const { rows } = await runtime.db.query("select id, tasks from taskrun.processes order by id");
  expect(rows).toEqual([
    { id: "p", tasks: ["b"] },
    { id: "q", tasks: null },
  ]);
  expect(await published()).toMatchObject([{ published_by: "p" }, { published_by: "p" }]);
});

test("a row goes when nobody has said it for 30 days and no live process has it", async () => {
  await addProcess("live");
  await addProcess("dead");
  await write("live", taskOf("held"));
  await write("dead", taskOf("orphan"), taskOf("recent"), taskOf("said again"));
  await runtime.db.query("update taskrun.processes set dead_at = now() where id = 'dead'");
  await runtime.db.query(
    `update taskrun.tasks set published_at = now() - interval '31 days' where name <> 'recent'`,
  );
  await write(null, taskOf("said again"));
  expect((await published()).map(({ name }) => name)).toEqual(["held", "recent", "said again"]);
});

test("processes that start together don't block each other for good", async () => {
  const tasks = Array.from({ length: 30 }, (_, n) => taskOf(`t${n}`));
  const writes = Array.from({ length: 12 }, (_, n) =>
    write(null, ...(n % 2 === 0 ? tasks : tasks.toReversed())),
  );
  await Promise.all(writes);
  expect(await published()).toHaveLength(30);
});

test("what is told of a task, and by which processes, is read again", async () => {
  await addProcess("p");
  const policies = [{ name: "priority", value: 5, source: "default" }];
  await write("p", taskOf("a", { details: { file: "/a\0.ts", version: 2, policies } }));
  expect(await listPublishedTasks(runtime.db, schemas)).toMatchObject([
    { name: "a", details: { file: "/a.ts", version: 2, policies }, processes: ["p"] },
  ]);
});

test("a file that several processes can't load is told once, as long as they live", async () => {
  await addProcess("p");
  await addProcess("q");
  const failure = {
    code: "syntax-error",
    task: "a",
    file: "/a.ts",
    line: 1,
    column: 2,
    reason: "no",
    fix: "mend it",
    frame: null,
  } as const;
  for (const id of ["p", "q"]) {
    await writePublishedTasks(runtime.db, schemas, id, [], [failure]);
  }
  const [told, ...more] = await listLoadFailures(runtime.db, schemas);
  expect(more).toEqual([]);
  expect(told).toEqual({ ...failure, processes: expect.arrayContaining(["p", "q"]) });
  await writePublishedTasks(runtime.db, schemas, "q", []);
  await runtime.db.query("update taskrun.processes set dead_at = now() where id = 'p'");
  expect(await listLoadFailures(runtime.db, schemas)).toEqual([]);
});
