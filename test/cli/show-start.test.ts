import { afterEach, expect, test, vi } from "vitest";
import { showStart } from "../../src/cli/show-start.ts";
import { loadConfig } from "../../src/config/load-config.ts";
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
