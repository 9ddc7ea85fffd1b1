/** The crontab, the configuration in all its places, and the command line. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { CliError } from "../../src/cli/cli-error.ts";
import { commandTable } from "../../src/cli/command-table.ts";
import { parseCommandLine } from "../../src/cli/parse-command-line.ts";
import { checkOption } from "../../src/config/check-option.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { environmentName, flagName, optionNames } from "../../src/config/schema.ts";
import { parseCrontab } from "../../src/discovery/crontab/parse-crontab.ts";
import { runCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { hostileArgument, hostileOptions, hostileText, hostileValue } from "./support/hostile.ts";
import { knockAt } from "./support/knock-at.ts";

const field = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("*", "*/5", "0", "1-3", "1,2", "59", "12") },
  { weight: 2, arbitrary: fc.stringMatching(/^[0-9*/,-]{1,8}$/) },
  { weight: 1, arbitrary: fc.constantFrom("60", "*/0", "5-1", "1-99", "MON", "L", "@daily", "") },
  { weight: 1, arbitrary: hostileText },
);
const cronOption = fc
  .tuple(
    fc.constantFrom("id", "fill", "max", "queue", "jobKey", "jobKeyMode", "priority", "tz", "x"),
    fc.oneof(fc.constantFrom("1", "0", "1d", "replace", "UTC", "Europe/Paris", "9e9"), hostileText),
  )
  .map(([name, value]) => `${name}=${value}`);
const cronLine = fc
  .tuple(
    fc.array(field, { minLength: 4, maxLength: 6 }),
    fc.oneof(fc.constantFrom("task", "a/b"), hostileText),
    fc.array(cronOption, { maxLength: 3 }),
    fc.oneof(fc.constant(""), fc.json(), hostileText, fc.constant("{a: Infinity}")),
  )
  .map(([fields, task, options, payload]) =>
    [fields.join(" "), task, options.length === 0 ? "" : `?${options.join("&")}`, payload]
      .join(" ")
      .replaceAll(/[\r\n]/g, " "),
  );

test("lines of a crontab", async () => {
  await knockAt({
    door: "crontab lines",
    inputs: fc.oneof(
      { weight: 8, arbitrary: cronLine },
      { weight: 1, arbitrary: hostileText.map((text) => text.replaceAll(/[\r\n]/g, " ")) },
    ),
    few: 250,
    async knock(line) {
      const text = `0 1 * * * before\n${line}\n0 2 * * * after`;
      const { items, failures } = await parseCrontab(text);
      // No line stops another.
      expect(items.filter(({ task }) => task === "before" || task === "after")).toHaveLength(2);
      const own = failures.filter((failure) => failure.line === 2);
      expect(own).toHaveLength(failures.length);
      for (const { column } of own) {
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual(line.length + 1);
      }
      if (own.length === 0) return null;
      return own.map(({ reason, fix }) => `${reason}. ${fix}`).join("; ");
    },
  });
});

/** What a refusal of these options must name: one of them. */
function anyOf(names: readonly string[]): RegExp {
  return new RegExp(names.map((name) => name.slice(0, 40).replaceAll(/[^\w]/g, ".")).join("|"));
}

test("values of the configuration", async () => {
  await knockAt({
    door: "config values",
    inputs: fc.tuple(fc.constantFrom(...optionNames), hostileValue),
    few: 500,
    knock([name, value]) {
      const checked = checkOption(name, value);
      if (checked.ok) return null;
      return checked.faults
        .map(({ option, reason, fix }) => `${option}: ${reason} ${fix ?? ""}`)
        .join("; ");
    },
    speaksOf: ([name]) => anyOf([name]),
  });
});

let folder = "";
let project: TaskProject;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fuzz-"));
  project = await TaskProject.of({
    "package.json": '{ "type": "module" }',
    "tasks/hello.ts": "export default async () => 1;",
  });
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await project[Symbol.asyncDispose]();
});

test("variables of the environment and flags of the configuration", async () => {
  const variables = optionNames.flatMap((name) => environmentName(name) ?? []);
  const flags = optionNames.filter((name) => flagName(name) !== null);
  const right = fc.constantFrom("5", "10s", "true", "info", "a,b", "postgres://a@b/c");
  const texts = (names: readonly string[]) =>
    hostileOptions(Object.fromEntries(names.map((name) => [name, right])), hostileArgument);
  await knockAt({
    door: "environment and config flags",
    inputs: fc.tuple(
      texts([...variables, "TASKRUN_TYPO", "TASKRUN_CONCURENCY"]),
      fc.oneof(fc.constant({}), texts(flags)),
    ),
    few: 150,
    atOnce: 4,
    async knock([environment, given]) {
      try {
        // why: the generator makes texts
        const variablesGiven = environment as Record<string, string>;
        await loadConfig({ folder, environment: { ...variablesGiven }, flags: given });
        return null;
      } catch (error) {
        if (error instanceof ConfigError) return error.message;
        throw error;
      }
    },
    speaksOf: ([environment, given]) => {
      const names = flags.filter((name) => name in given).map((name) => flagName(name) ?? "");
      return anyOf([...Object.keys(environment), ...names]);
    },
  });
});

const commands = Object.keys(commandTable);
const allFlags = Object.values(commandTable).flatMap((spec) => [
  ...Object.keys(spec.flags),
  ...spec.options.flatMap((name) => flagName(name) ?? []),
]);
const word = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...commands) },
  { weight: 3, arbitrary: fc.constantFrom(...allFlags).map((flag) => `--${flag}`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...allFlags), hostileArgument)
      .map(([flag, value]) => `--${flag}=${value}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "-j",
      "-c",
      "-",
      "--",
      "--no-watch",
      "-abc",
      "--=",
      "---",
      "--a.b=1",
    ),
  },
  { weight: 2, arbitrary: hostileArgument },
);
const words = fc
  .tuple(fc.constantFrom(...commands), fc.array(word, { maxLength: 5 }))
  .map(([command, more]) => [command, ...more]);

test("words of the command line", async () => {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await knockAt({
      door: "command line",
      inputs: fc.oneof({ weight: 8, arbitrary: words }, { weight: 1, arbitrary: fc.array(word) }),
      few: 100,
      async knock(given) {
        try {
          const parsed = await parseCommandLine(given);
          if (parsed !== null) await loadConfig({ folder, environment: {}, ...forConfig(parsed) });
          return null;
        } catch (error) {
          if (error instanceof CliError) {
            expect(error.exitCode).toBe(2);
            return `${error.message} ${error.hint ?? ""}`;
          }
          if (error instanceof ConfigError) return error.message;
          throw error;
        }
      },
    });
  } finally {
    write.mockRestore();
  }
});

function forConfig(parsed: NonNullable<Awaited<ReturnType<typeof parseCommandLine>>>) {
  const { flags = {} } = parsed.args.forConfig();
  return { flags };
}

/** Commands that neither work on nor ask anybody. */
const harmless = ["add", "jobs", "show", "cancel", "retry", "explain", "stats", "tasks", "check"];

test("the command itself, as a process", async () => {
  const realWords = fc
    .tuple(fc.constantFrom(...harmless), fc.array(word, { maxLength: 4 }))
    .map(([command, more]) => [
      command,
      ...more.filter((one) => !/^--?(watch|follow|f)/.test(one)),
    ]);
  await knockAt({
    door: "taskrun, a process",
    inputs: realWords,
    few: 4,
    most: 200,
    atOnce: 2,
    async knock(given) {
      // Nothing listens there: what gets as far as the database ends with 69.
      const env = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none", TASKRUN_TEST: "" };
      const { code, signal, stderr } = await runCli(given, { cwd: project.dir, env });
      expect(signal).toBeNull();
      expect([0, 1, 2, 69, 75, 78], stderr).toContain(code);
      return code === 0 ? null : stderr;
    },
    speaksOf: () => /^(error|warning|taskrun)?/,
  });
});
