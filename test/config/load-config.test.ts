import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { environmentText, loadConfig } from "../../src/config/load-config.ts";
import {
  environmentName,
  flagName,
  type OptionName,
  optionNames,
  optionSpec,
} from "../../src/config/schema.ts";

let folder = "";

beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "taskrun-config-")));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(name: string, text: string): Promise<string> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

async function problemsOf(
  options: Parameters<typeof loadConfig>[0] = {},
): Promise<ConfigError["problems"]> {
  const error = await loadConfig({ folder, environment: {}, ...options }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConfigError)) throw new Error(`expected a ConfigError, got ${error}`);
  return error.problems;
}

/** A legal value and its text, a wrong text and a wrong value, for every kind that has text. */
const samples = {
  integer: { text: "7", value: 7, wrongTexts: ["ten", "1.5", "0", "99999999", "-3"] },
  duration: { text: "40s", value: 40_000, wrongTexts: ["2 parsecs", "-5s", "99999d", "soon"] },
  boolean: { text: "yes", value: true, wrongTexts: ["perhaps", "2"] },
};

const scalarNames = optionNames.filter((name) =>
  ["integer", "duration", "boolean"].includes(optionSpec(name).kind),
);

function resolvedKey(name: OptionName): string {
  if (name === "maxRss") return "maxRssMb";
  return optionSpec(name).kind === "duration" ? `${name}Ms` : name;
}

function sampleOf(name: OptionName) {
  const kind = optionSpec(name).kind;
  if (kind === "integer" || kind === "duration" || kind === "boolean") return samples[kind];
  throw new Error(`no sample for ${kind}`);
}

describe("without any setting", () => {
  test("every option has its documented default", async () => {
    const { config, sources } = await loadConfig({ folder, environment: {} });
    expect(config).toEqual({
      projectDir: folder,
      configFile: null,
      connection: null,
      schema: "graphile_worker",
      tasks: path.join(folder, "tasks"),
      crontab: path.join(folder, "crontab"),
      dataDir: path.join(folder, ".taskrun"),
      concurrency: 10,
      processes: 1,
      maxRssMb: null,
      pollIntervalMs: 2000,
      shutdownGraceMs: 5000,
      shutdownDeadlineMs: 5000,
      timeoutGraceMs: 5000,
      heartbeatIntervalMs: 2000,
      maxBlockMs: 600_000,
      importTimeoutMs: 10_000,
      handlerPoolSize: 10,
      logLevel: "info",
      logFormat: "auto",
      redact: [],
      logPayloads: false,
      keepLogs: true,
      warmStart: true,
      httpPort: null,
      httpHost: "127.0.0.1",
      httpPrefix: "",
      httpTrustProxy: [],
      httpCorsOrigins: [],
      httpEnqueueRate: null,
      defaults: {},
      middleware: [],
      plugins: [],
      classify: null,
    });
    expect(new Set(Object.values(sources))).toEqual(new Set(["default"]));
    expect(Object.keys(sources).sort()).toEqual([...optionNames].sort());
  });
});

describe("precedence", () => {
  test.each(scalarNames)(
    "%s: a flag wins over the environment, .env, file, default",
    async (name) => {
      const { text, value } = sampleOf(name);
      const key = resolvedKey(name);
      const variable = environmentName(name) ?? "";
      const spec = optionSpec(name);
      // why: scalarNames has these kinds only
      const other = { integer: "3", duration: "3s", boolean: "false" }[spec.kind as "integer"];
      // why: as above
      const otherValue = { integer: 3, duration: 3000, boolean: false }[spec.kind as "integer"];
      const read = async (options: Parameters<typeof loadConfig>[0]) => {
        const loaded = await loadConfig({ folder, environment: {}, ...options });
        return [Reflect.get(loaded.config, key), loaded.sources[name]];
      };
      const written = spec.kind === "duration" ? JSON.stringify(text) : String(value);

      await write("worker.config.mjs", `export default { ${name}: ${written} };`);
      expect(await read({})).toEqual([value, "worker.config.mjs"]);

      await write(".env", `${variable}=${other}\n`);
      expect(await read({})).toEqual([otherValue, `${variable} in .env`]);

      const environment = { [variable]: text };
      expect(await read({ environment })).toEqual([value, variable]);

      const flags = { [name]: other };
      expect(await read({ environment, flags })).toEqual([otherValue, `--${flagName(name)}`]);
    },
  );

  test("an empty variable counts as not set", async () => {
    const environment = { DATABASE_URL: "", TASKRUN_CONCURRENCY: "" };
    const { config } = await loadConfig({ folder, environment });
    expect(config.connection).toBeNull();
    expect(config.concurrency).toBe(10);
  });

  test("a wrong value that is overridden stops nobody", async () => {
    const environment = { DATABASE_URL: "mysql://localhost/shop" };
    const flags = { connection: "postgres://localhost/shop" };
    const { config } = await loadConfig({ folder, environment, flags });
    expect(config.connection).toBe("postgres://localhost/shop");
  });
});

describe("a second load", () => {
  test("replaces what the first one took from .env", async () => {
    await write(".env", "TASKRUN_CONCURRENCY=3\nREGION=eu\nGONE=1\n");
    const environment: Record<string, string | undefined> = { REGION: "us" };
    const previous = await loadConfig({ folder, environment });
    await write(".env", "TASKRUN_CONCURRENCY=4\nREGION=eu\nNEW=1\n");
    const { config, sources } = await loadConfig({ folder, environment, previous });
    expect(config.concurrency).toBe(4);
    expect(sources.concurrency).toBe("TASKRUN_CONCURRENCY in .env");
    expect(environment).toEqual({ REGION: "us", TASKRUN_CONCURRENCY: "4", NEW: "1" });
  });

  test("that fails leaves the environment as it was", async () => {
    await write(".env", "TASKRUN_CONCURRENCY=3\n");
    const environment: Record<string, string | undefined> = {};
    const previous = await loadConfig({ folder, environment });
    await write(".env", "TASKRUN_CONCURRENCY=many\nNEW=1\n");
    await expect(loadConfig({ folder, environment, previous })).rejects.toThrow("many");
    expect(environment).toEqual({ TASKRUN_CONCURRENCY: "3" });
  });
});

describe(".env", () => {
  test("adds what the environment hasn't, so that handlers see it too", async () => {
    await write(".env", 'SMTP_URL="smtp://mail"\nREGION=eu\nDATABASE_URL=postgres://h/db\n');
    const environment: Record<string, string | undefined> = { REGION: "us" };
    const { config } = await loadConfig({ folder, environment });
    expect(environment).toEqual({
      REGION: "us",
      SMTP_URL: "smtp://mail",
      DATABASE_URL: "postgres://h/db",
    });
    expect(config.connection).toBe("postgres://h/db");
  });
});

describe("paths", () => {
  test("the crontab is a file of the project, or turned off in any of the places", async () => {
    await write("worker.config.mjs", 'export default { crontab: "ops/crontab" };');
    const read = async (options: Parameters<typeof loadConfig>[0]) =>
      (await loadConfig({ folder, environment: {}, ...options })).config.crontab;
    expect(await read({})).toBe(path.join(folder, "ops/crontab"));
    expect(await read({ flags: { crontab: "mine" } })).toBe(path.join(folder, "mine"));
    expect(await read({ flags: { crontab: "false" } })).toBe(false);
    expect(await read({ environment: { TASKRUN_CRONTAB: "false" } })).toBe(false);
    await write("off/worker.config.mjs", "export default { crontab: false };");
    expect(await read({ configFile: "off/worker.config.mjs" })).toBe(false);
  });

  test("of the file are relative to it, of a flag to the current folder", async () => {
    await write(
      "apps/mail/worker.config.mjs",
      'export default { tasks: "jobs", dataDir: "data" };',
    );
    const { config } = await loadConfig({
      folder,
      environment: {},
      configFile: "apps/mail/worker.config.mjs",
      flags: { dataDir: "elsewhere" },
    });
    expect(config.projectDir).toBe(path.join(folder, "apps/mail"));
    expect(config.tasks).toBe(path.join(folder, "apps/mail/jobs"));
    expect(config.dataDir).toBe(path.join(folder, "elsewhere"));
  });
});

describe("a wrong value", () => {
  const cases = scalarNames.flatMap((name) =>
    sampleOf(name)
      // Where nothing is wrong with nothing: a port of 0 is any that is free.
      .wrongTexts.filter((text) => !(text === "0" && optionSpec(name).min === 0))
      .map((text) => [name, text] as const),
  );

  test.each(cases)(
    "%s = %j is refused from a flag and from the environment",
    async (name, text) => {
      const variable = environmentName(name) ?? "";
      const [fromEnvironment] = await problemsOf({ environment: { [variable]: text } });
      expect(fromEnvironment?.where).toBe(variable);
      expect(fromEnvironment?.reason).toContain("expected");
      expect(fromEnvironment?.reason).toContain(text);
      const [fromFlag] = await problemsOf({ flags: { [name]: text } });
      expect(fromFlag?.where).toBe(`--${flagName(name)}`);
    },
  );

  test("in the file is told with line and column", async () => {
    const file = await write(
      "worker.config.mjs",
      "export default {\n  // concurrency: 4,\n  concurrency: '4',\n};\n",
    );
    const [problem] = await problemsOf();
    expect(problem).toMatchObject({ option: "concurrency", file, line: 3, column: 3 });
    expect(problem?.reason).toBe('got "4", expected a whole number from 1 to 10000');
  });

  test("is told together with all the others", async () => {
    await write(
      "worker.config.mjs",
      "export default { tasks: 3, defaults: { retry: { factor: 'x', maxAttempts: 0 } } };",
    );
    const problems = await problemsOf({
      flags: { concurrency: "many" },
      environment: { TASKRUN_LOG_LEVEL: "loud", TASKRUN_POLL_INTERVALL: "2s" },
    });
    expect(problems.map((problem) => problem.option)).toEqual([
      "TASKRUN_POLL_INTERVALL",
      "tasks",
      "concurrency",
      "logLevel",
      "defaults.retry.factor",
      "defaults.retry.maxAttempts",
    ]);
  });

  test("never shows a connection, since it may hold a password", async () => {
    const environment = { DATABASE_URL: "mysql://root:s3cret@localhost/shop" };
    const error = await loadConfig({ folder, environment }).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain("postgres://user@host:5432/database");
    expect(String(error)).not.toContain("s3cret");
  });

  test("of a flag that was given twice is refused", async () => {
    const [problem] = await problemsOf({ flags: { concurrency: ["1", "2"] } });
    expect(problem?.reason).toContain('got ["1","2"], expected');
  });
});

describe("an unknown option", () => {
  test.each(optionNames)("in the file that is nearly %s is told so", async (name) => {
    const mistyped = `${name.slice(0, -2)}${name.at(-1)}`;
    await write("worker.config.mjs", `export default {\n ${mistyped}: 1 };`);
    const [problem] = await problemsOf();
    expect(problem).toMatchObject({ option: mistyped, reason: "unknown option", line: 2 });
    expect(problem?.fix).toBe(`Did you mean ${name}?`);
  });

  test("in the environment is told when it is nearly one of ours", async () => {
    const [problem] = await problemsOf({ environment: { TASKRUN_CONCURENCY: "3" } });
    expect(problem?.fix).toBe("Did you mean TASKRUN_CONCURRENCY?");
  });

  test("in the environment that resembles none of ours is left alone", async () => {
    const environment = { TASKRUN_SERVICE_HOST: "10.0.0.1", TASKRUN_PORT_5432_TCP: "x" };
    await expect(loadConfig({ folder, environment })).resolves.toBeDefined();
  });

  test("inside defaults is told with its path", async () => {
    await write("worker.config.mjs", "export default { defaults: { retry: { maxAttemps: 3 } } };");
    const [problem] = await problemsOf();
    expect(problem?.option).toBe("defaults.retry.maxAttemps");
    expect(problem?.reason).toContain("did you mean maxAttempts?");
  });
});

describe("a config file", () => {
  test("in TypeScript is imported as it is", async () => {
    await write(
      "worker.config.ts",
      "const concurrency: number = 3;\nexport default { concurrency };",
    );
    const { config } = await loadConfig({ folder, environment: {} });
    expect(config.concurrency).toBe(3);
    expect(config.configFile).toBe(path.join(folder, "worker.config.ts"));
  });

  test("may give functions: middleware, classify, retry", async () => {
    await write(
      "worker.config.mjs",
      `export default {
        middleware: [async (ctx, next) => next()],
        classify: () => "permanent",
        defaults: { retry: () => "5s", timeout: false, priority: "high" },
      };`,
    );
    const { config } = await loadConfig({ folder, environment: {} });
    expect(config.middleware).toHaveLength(1);
    expect(config.classify?.(new Error("x"))).toBe("permanent");
    expect(config.defaults).toMatchObject({ timeout: false, priority: "high" });
  });

  test("that stands beside another one is refused", async () => {
    await write("worker.config.ts", "export default {};");
    await write("worker.config.mjs", "export default {};");
    const [problem] = await problemsOf();
    expect(problem?.reason).toBe("worker.config.ts is there too");
  });

  test("that throws is told with the place", async () => {
    const file = await write("worker.config.mjs", "\nthrow new TypeError('no luck');\n");
    const [problem] = await problemsOf();
    expect(problem).toMatchObject({ file, line: 2 });
    expect(problem?.reason).toContain("TypeError: no luck");
  });

  test("that exports nothing is told how to", async () => {
    await write("worker.config.mjs", "export const concurrency = 3;");
    const [problem] = await problemsOf();
    expect(problem?.fix).toContain("export default defineConfig");
  });

  test("that was named and isn't there is an error, not a default", async () => {
    const [problem] = await problemsOf({ configFile: "nowhere.ts" });
    expect(problem?.reason).toBe("there is no such file");
  });
});

test("the environment's text is the same for starts to which it means the same", () => {
  const text = environmentText({ A: "1", B: "2", SHLVL: "1", npm_command: "exec" });
  expect(environmentText({ B: "2", A: "1", SHLVL: "2", INVOCATION_ID: "x" })).toBe(text);
  expect(environmentText({ A: "1", B: "3" })).not.toBe(text);
  expect(environmentText({ A: "1" })).not.toBe(text);
});
