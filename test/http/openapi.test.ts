/** The document itself; that answers match it, every test's `ask` sees to. */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import type { OpenApiDocument } from "../../src/http/openapi.ts";
import { repositoryDir } from "../repo/source-tree.ts";
import { httpApi } from "../support/http-api.ts";
import { checkAnswer, openApi } from "../support/openapi-check.ts";

test("the document is OpenAPI 3.1, says what every call does, and is served as it is", async () => {
  await using api = await httpApi({ config: { httpPrefix: "/jobs" } });
  const reply = await fetch(`${api.url}/openapi.json`);
  const served = (await reply.json()) as Omit<OpenApiDocument, "components">; // why: looked at next
  const validator = new Validator();
  const { valid, errors } = await validator.validate({ ...structuredClone(served) });
  expect(errors ?? []).toEqual([]);
  expect([valid, validator.version]).toEqual([true, "3.1"]);
  expect(served.paths).toEqual(JSON.parse(JSON.stringify(openApi.paths)));
  expect(served.servers).toEqual([{ url: "/jobs" }]);
  const operations = Object.values(openApi.paths).flatMap((methods) => Object.values(methods));
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { summary, responses, operationId } of operations) {
    expect(summary, operationId).not.toBe("");
    expect(Object.keys(responses).length, operationId).toBeGreaterThan(0);
  }
  expect(openApi.paths["/tasks"]?.post).toMatchObject({
    security: [{ token: [] }, { session: [] }],
    parameters: [{ name: "Idempotency-Key", in: "header" }],
    requestBody: {
      required: true,
      content: { "application/json": { schema: { required: ["task_type"] } } },
    },
  });
  expect(openApi.paths["/tasks"]?.get?.parameters).toContainEqual(
    expect.objectContaining({
      name: "payload",
      schema: expect.objectContaining({ type: "array" }),
    }),
  );
});

test("an answer that the document doesn't have is noticed", () => {
  const data = {
    id: "1",
    task_type: "a",
    status: "pending",
    priority: "normal",
    created_at: "2030-01-01T00:00:00.000Z",
  };
  const check =
    (more: object, status = 201) =>
    () =>
      checkAnswer({
        method: "POST",
        path: "/tasks",
        status,
        body: { success: true, data: { ...data, ...more } },
      });
  expect(check({})).not.toThrow();
  expect(check({}, 200)).toThrow("nothing is said");
  expect(check({ id: 1 })).toThrow("must be string");
  expect(check({ created_at: "today" })).toThrow("date-time");
  expect(check({ extra: 1 })).toThrow("must NOT have additional properties");
  expect(check({ status: undefined })).toThrow("status");
});

const program = `
import createClient from "openapi-fetch";
import type { paths } from "./api.ts";

const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });
const created = await client.POST("/tasks", {
  body: { task_type: "greet", payload: { name: "Ada" }, priority: "high" },
});
const id: string = created.data?.data.id ?? "";
const one = await client.GET("/tasks/{id}", { params: { path: { id } } });
const at: string | undefined = one.data?.data.created_at;
const list = await client.GET("/tasks", { params: { query: { status: "pending", limit: 5 } } });
const ids = list.data?.data.map((task) => task.id);
const missing = await client.GET("/tasks/{id}", { params: { path: { id: "999999" } } });
const code: string | undefined = missing.error?.error.code;
// @ts-expect-error there is no such status
const wrongStatus = () => client.GET("/tasks", { params: { query: { status: "done" } } });
// @ts-expect-error a task has a type
const wrongBody = () => client.POST("/tasks", { body: { payload: {} } });
console.log(JSON.stringify({ id, at, ids, code, calls: [wrongStatus, wrongBody].length }));
`;

test("a client that is generated from the document compiles, asks and is answered", async () => {
  await using api = await httpApi({ tasks: { greet: async () => 1 } });
  await mkdir(join(repositoryDir, ".taskrun"), { recursive: true });
  // Inside the repository, so that packages are found.
  const folder = await mkdtemp(join(repositoryDir, ".taskrun/client-"));
  const run = async (...args: string[]) =>
    (await promisify(execFile)(process.execPath, args, { cwd: folder })).stdout;
  try {
    const document = await (await fetch(`${api.url}/openapi.json`)).text();
    await writeFile(join(folder, "openapi.json"), document);
    await writeFile(join(folder, "client.ts"), program);
    const config = {
      extends: "../../tsconfig.json",
      compilerOptions: { lib: ["es2024", "dom"] },
      include: ["*.ts"],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    const hook = new URL("../support/typescript-5.mjs", import.meta.url).href;
    const generator = join(repositoryDir, "node_modules/openapi-typescript/bin/cli.js");
    await run("--import", hook, generator, "openapi.json", "-o", "api.ts");
    const compiler = join(repositoryDir, "node_modules/typescript/bin/tsc");
    expect(await run(compiler, "-p", ".").catch((error) => error.stdout)).toBe("");
    const told = JSON.parse(await run("client.ts", api.url));
    expect(told).toEqual({
      id: expect.stringMatching(/^\d+$/),
      at: expect.stringMatching(/Z$/),
      ids: [told.id],
      code: "job-not-found",
      calls: 2,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  // The compiler runs twice, and all of it in processes that have to start.
}, 300_000);
