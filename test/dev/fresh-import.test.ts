/** Test runners replace `import()` by their own: what Node itself does shows in a process. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { TaskProject } from "../support/task-project.ts";

const source = new URL("../../src/dev/fresh-import.ts", import.meta.url).href;

test("a changed file is imported anew, with what it imports, and packages are not", async () => {
  await using project = await TaskProject.of({
    "node_modules/counter/package.json": '{"name":"counter","type":"module","main":"index.js"}',
    "node_modules/counter/index.js": "let n = 0; export const count = () => ++n;",
    "lib/deep.ts": "export const deep: string = 'one';",
    "lib/near.ts": "export { deep } from './deep.ts';",
    "worker.config.ts": `import { count } from "counter"; import { deep } from "./lib/near.ts";
      export default { deep, count: count() };`,
    "main.ts": `import { writeFileSync } from "node:fs";
      import { FreshImport } from ${JSON.stringify(source)};
      const fresh = new FreshImport();
      const file = new URL("worker.config.ts", import.meta.url).href;
      const read = async () => (await fresh.run((query) => import(file + query))).default;
      const first = await read();
      writeFileSync("lib/deep.ts", "export const deep: string = 'two';");
      const second = await read();
      const files = [...fresh.files].map((file) => file.slice(process.cwd().length + 1));
      console.log(JSON.stringify({ first, second, files }));`,
  });
  const { stdout } = await promisify(execFile)(process.execPath, ["main.ts"], {
    cwd: project.dir,
  });
  expect(JSON.parse(stdout)).toEqual({
    first: { deep: "one", count: 1 },
    second: { deep: "two", count: 2 },
    files: ["worker.config.ts", "lib/near.ts", "lib/deep.ts"],
  });
});

test("a run that fails still tells its files, so that they can be watched", async () => {
  await using project = await TaskProject.of({
    "worker.config.ts": "throw new Error('no');",
    "main.ts": `import { FreshImport } from ${JSON.stringify(source)};
      const fresh = new FreshImport();
      const file = new URL("worker.config.ts", import.meta.url).href;
      await fresh.run((query) => import(file + query)).catch((error) => console.log(error.message));
      console.log([...fresh.files].join());`,
  });
  const { stdout } = await promisify(execFile)(process.execPath, ["main.ts"], {
    cwd: project.dir,
  });
  expect(stdout).toBe(`no\n${project.path("worker.config.ts")}\n`);
});
