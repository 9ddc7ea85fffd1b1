import { afterEach, expect, test, vi } from "vitest";
import { showStart } from "../../src/cli/show-start.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";
import { parseCrontab } from "../../src/discovery/crontab/parse-crontab.ts";
import { createLogger } from "../../src/runtime/create-logger.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

test("the start tells tasks, database, limits and each load failure", async () => {
  const { config } = await loadConfig({ environment: {}, flags: { logLevel: "silent" } });
  const logger = await createLogger({ config, stream: process.stdout });
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const logged = vi.spyOn(logger, "error");
  const failure = {
    code: "syntax-error",
    task: "bad",
    file: "/x/tasks/bad.ts",
    line: 2,
    column: 3,
    reason: "unexpected end",
    fix: "Close it.",
    frame: null,
  } as const;
  showStart({
    config,
    catalog: { tasks: new Map(), failures: [failure] },
    database: { shown: "postgres://u@h/db", embedded: true },
    logger,
    once: false,
  });
  const text = write.mock.calls.map(([line]) => line).join("");
  expect(text).toContain("0 in tasks, 1 can't be loaded");
  expect(text).toContain("postgres://u@h/db (embedded)");
  expect(text).toContain("10 at a time, until Ctrl-C");
  expect(text).toContain("/x/tasks/bad.ts:2:3: unexpected end\n  Close it.");
  expect(logged.mock.calls.length).toBe(process.stdout.isTTY ? 0 : 1);
});

test("the start tells how many lines of the crontab run, and which don't", async () => {
  const { config } = await loadConfig({ environment: {}, flags: { logLevel: "silent" } });
  const logger = await createLogger({ config, stream: process.stdout });
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const { items } = await parseCrontab("0 4 * * * a\n");
  const failure = { line: 2, column: 1, task: null, reason: "no", fix: "Mend it.", frame: "> 2" };
  const shared = {
    config,
    catalog: { tasks: new Map(), failures: [] },
    database: { shown: "postgres://u@h/db", embedded: false },
    logger,
    once: false,
  };
  showStart({ ...shared, crontab: { text: "", items, failures: [failure] } });
  const text = write.mock.calls.map(([line]) => line).join("");
  expect(text).toContain("1 line in crontab, 1 can't run\n");
  expect(text).toContain("crontab:2:1: no\n");

  write.mockClear();
  showStart({ ...shared, crontab: { text: "", items: [], failures: [] } });
  expect(write.mock.calls.map(([line]) => line).join("")).not.toContain("crontab");

  const named = { ...config, crontab: `${config.projectDir}/nowhere.cron` };
  showStart({ ...shared, config: named, crontab: { text: "", items: [], failures: [] } });
  expect(write.mock.calls.map(([line]) => line).join("")).toContain(
    "nowhere.cron:1:1: there is no such file\n  Make it",
  );
});

test("in watch mode it tells how to add a job, and the keys where there are any", async () => {
  const { config } = await loadConfig({ environment: {}, flags: { logLevel: "silent" } });
  const logger = await createLogger({ config, stream: process.stdout });
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const start = {
    config,
    catalog: { tasks: new Map(), failures: [] },
    database: { shown: "postgres://u@h/db", embedded: false },
    logger,
    once: false,
  };
  showStart({ ...start, keys: [] });
  const text = () => write.mock.calls.map(([line]) => line).join("");
  expect(text()).toContain("follows your changes");
  expect(text()).toContain("npx taskrun new <name>");
  expect(text()).not.toContain("keys");

  const task = resolveTask(async () => 1, { name: "a", file: "a.ts", version: 1, layers: [] });
  const catalog = { tasks: new Map([["a", task]]), failures: [] };
  showStart({ ...start, catalog, keys: [], example: null });
  expect(text()).toContain("npx taskrun add a <payload>\n");
  const example = { task: "a", payloadJson: `{"name":"O'Hara"}` };
  showStart({ ...start, catalog, keys: [], example });
  expect(text()).toContain(`npx taskrun add a '{"name":"O'\\''Hara"}'\n`);
  showStart({ ...start, keys: [{ key: "q", sentence: "quit" }] });
  expect(text()).toMatch(/keys +\S*q\S* quit/);
});
