/** The files of a new project, as data: path → text. package.json is made elsewhere. */

export interface ProjectFile {
  readonly path: string;
  readonly text: string;
}

/** Refuses to follow what a package that isn't "type": "module" could not compile. */
export function tsconfigFile(isModule: boolean): ProjectFile {
  const compilerOptions = {
    target: "es2024",
    lib: ["es2024"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    ...(isModule ? { verbatimModuleSyntax: true } : {}),
    isolatedModules: true,
    resolveJsonModule: true,
    skipLibCheck: true,
  };
  const include = ["taskrun-env.d.ts", "worker.config.ts", "tasks", "test"];
  return {
    path: "tsconfig.json",
    text: `${JSON.stringify({ compilerOptions, include }, null, 2)}\n`,
  };
}

export const firstTaskFile: ProjectFile = {
  path: "tasks/hello.ts",
  text: `import { defineTask } from "taskrun";
import { z } from "zod";

export default defineTask({
  description: "Greets somebody",
  payload: z.object({ name: z.string().min(1) }),
  retry: { maxAttempts: 3 },
  timeout: "30s",
  async handler({ name }, ctx) {
    ctx.log.info({ name }, "greeting");
    return { greeting: \`Hello, \${name}!\` };
  },
});
`,
};

export const firstTestFile: ProjectFile = {
  path: "test/hello.test.ts",
  text: `import { runTask } from "taskrun/testing";
import { expect, test } from "vitest";
import hello from "../tasks/hello.ts";

test("hello greets by name", async () => {
  const { output } = await runTask(hello, { name: "Ada" });
  expect(output).toEqual({ greeting: "Hello, Ada!" });
});

test("hello refuses an empty name", async () => {
  const { outcome } = await runTask(hello, { name: "" });
  expect(outcome.state).toBe("failed");
});
`,
};

export const crontabFile: ProjectFile = {
  path: "crontab",
  text: `# Jobs by the clock. Times are UTC, or those of tz=…
#
# minute hour day month weekday  task  ?options  {payload}
#
# Every day at eight in the morning in Paris; take away the "# " to make it active.
# 0 8 * * * hello ?tz=Europe/Paris {"name": "Ada"}
#
# \`npx taskrun crontab\` shows the lines in words, with their next runs.
`,
};

export const configFile: ProjectFile = {
  path: "worker.config.ts",
  text: `// Flags and environment variables win over this file; every option has a default.
import { defineConfig } from "taskrun";

export default defineConfig({
  // Attempts at the same time in one process.
  concurrency: 10,
  // What holds for every task that doesn't say otherwise.
  defaults: {
    retry: { maxAttempts: 3 },
    timeout: "30s",
  },
});
`,
};

export const configFileNames: readonly string[] = [
  "worker.config.ts",
  "worker.config.mts",
  "worker.config.js",
  "worker.config.mjs",
];

/** What must not be committed: packages, the embedded Postgres, secrets. */
export const ignoredPaths: readonly string[] = ["node_modules/", ".taskrun/", ".env"];
