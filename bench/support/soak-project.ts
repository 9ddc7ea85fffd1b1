/** The project under the soak: tasks of every kind, and saves of their files. */

import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repositoryDir = fileURLToPath(new URL("../..", import.meta.url));

/** Which share of the jobs each task has; the rest are children, retries and the clock's. */
export const shares: Readonly<Record<string, number>> = {
  quick: 0.6,
  logs: 0.1,
  serial: 0.1,
  steps: 0.05,
  progress: 0.05,
  parent: 0.05,
  flaky: 0.04,
  doomed: 0.01,
};

const config = `import { defineConfig } from "taskrun";
export default defineConfig({
  concurrency: 20,
  defaults: {
    retain: "1m",
    retry: { strategy: "fixed", baseDelay: "500ms", maxAttempts: 2 },
  },
});
`;

const wait = "const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));\n";

const tasks: Readonly<Record<string, string>> = {
  serial: `${wait}export default async () => { await wait(2); };`,
  logs: `export default async ({ n }, ctx) => {
  for (let line = 0; line < 5; line += 1) ctx.log.info({ n, line }, "a line");
};`,
  steps: `export default async ({ n }, ctx) => {
  const a = await ctx.step("a", () => n, { compensate: () => {} });
  const b = await ctx.step("b", () => a + 1);
  return ctx.once(\`bucket \${n % 50}\`, () => b, { retain: "1m" });
};`,
  progress: `${wait}export default async (payload, ctx) => {
  for (let done = 1; done <= 4; done += 1) {
    await ctx.progress(done, 4, "going on");
    await wait(5);
  }
};`,
  parent: `export default async ({ n }, ctx) => ctx.enqueue("child", { n });`,
  child: `export default async ({ n }, ctx) => {
  const { rows } = await ctx.query("select $1::int as n", [n]);
  return rows[0];
};`,
  flaky: `export default async (payload, ctx) => {
  if (ctx.attempt === 1) throw new Error("once");
};`,
  doomed: `export default async () => { throw new Error("always", { cause: new Error("why") }); };`,
  clock: `export default async () => ({ at: Date.now() });`,
  breaking: "export default async () => {};",
};

export class SoakProject implements AsyncDisposable {
  readonly dir: string;
  readonly #leakKbPerJob: number;
  #saves = 0;

  private constructor(dir: string, leakKbPerJob: number) {
    this.dir = dir;
    this.#leakKbPerJob = leakKbPerJob;
  }

  /** With `leakKbPerJob`, each quick job leaves that much behind: what the soak must find. */
  static async create(leakKbPerJob: number): Promise<SoakProject> {
    const dir = await realpath(await mkdtemp(join(tmpdir(), "taskrun-soak-")));
    const project = new SoakProject(dir, leakKbPerJob);
    for (const folder of ["tasks", "lib", "node_modules"]) {
      await mkdir(join(project.dir, folder));
    }
    await symlink(repositoryDir, join(project.dir, "node_modules/taskrun"));
    await project.#write("package.json", '{ "type": "module" }\n');
    await project.#write("worker.config.ts", config);
    await project.#write("crontab", "* * * * * clock\n");
    await project.#write("lib/shared.ts", helper(0));
    for (const [name, text] of Object.entries(tasks)) {
      await project.#write(`tasks/${name}.ts`, `${text}\n`);
    }
    await project.#write("tasks/quick.ts", quick(0, leakKbPerJob));
    return project;
  }

  get saves(): number {
    return this.#saves;
  }

  /**
   * Saves one file as a developer would: a task, the helper of a task, and now and then a broken
   * file that is mended by the next save.
   */
  async save(): Promise<void> {
    this.#saves += 1;
    const turn = this.#saves % 6;
    if (turn === 4) await this.#write("tasks/breaking.ts", "export default async () => {\n");
    else if (turn === 5) await this.#write("tasks/breaking.ts", `${tasks.breaking}\n`);
    else if (turn === 2) await this.#write("lib/shared.ts", helper(this.#saves));
    else await this.#write("tasks/quick.ts", quick(this.#saves, this.#leakKbPerJob));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }

  async #write(path: string, text: string): Promise<void> {
    await writeFile(join(this.dir, path), text);
  }
}

function helper(save: number): string {
  return `export const shared: number = ${save};\n`;
}

function quick(save: number, leakKb: number): string {
  const leak = `(globalThis.leaked ??= []).push(Array.from({ length: ${leakKb * 128} }, () => n));`;
  return `import { defineTask } from "taskrun";
import { shared } from "../lib/shared.ts";

export default defineTask({
  description: "save ${save}",
  async handler({ n }: { n: number }) {
    ${leakKb > 0 ? leak : ""}
    return { n, shared, save: ${save} };
  },
});
`;
}
