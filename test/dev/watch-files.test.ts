import { statSync, writeFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileWatcher } from "../../src/dev/watch-files.ts";
import { TaskProject } from "../support/task-project.ts";

let project: TaskProject;
let watcher: FileWatcher;
let batches: string[][] = [];
let look: () => void = () => {};
let onTold: () => void = () => {};

beforeEach(async () => {
  project = await TaskProject.of({
    "tasks/a.ts": "1",
    "tasks/deep/er/b.ts": "1",
    "lib/shared.ts": "1",
    ".taskrun/state": "1",
    "tasks/node_modules/x/index.js": "1",
  });
  batches = [];
  watcher = new FileWatcher({
    tasksDir: project.path("tasks"),
    ignored: [project.path(".taskrun")],
    onChange: (paths) => {
      batches.push(paths.map((path) => path.slice(project.dir.length + 1)));
      onTold();
      look();
    },
    onError: (error) => {
      throw error;
    },
  });
  await watcher.start([project.dir]);
});

afterEach(async () => {
  await watcher.stop();
  await project[Symbol.asyncDispose]();
});

/** Resolves when every one of the paths has been told since `before` batches. */
async function told(paths: readonly string[], before = 0): Promise<void> {
  const isTold = (path: string): boolean => batches.slice(before).flat().includes(path);
  while (!paths.every(isTold)) {
    await new Promise<void>((resolve) => {
      look = resolve;
    });
  }
}

describe("what is told", () => {
  test("a save in the tasks folder, however deep", async () => {
    await project.write("tasks/a.ts", "2");
    await told(["tasks/a.ts"]);
    await project.write("tasks/deep/er/b.ts", "2");
    await told(["tasks/deep/er/b.ts"]);
    await project.write("tasks/new/c.ts", "1");
    await told(["tasks/new/c.ts"]);
  });

  test("each of many saves that replace the file by a rename", async () => {
    for (let save = 0; save < 5; save += 1) {
      const before = batches.length;
      await project.write("draft.tmp", `save ${save}`);
      await rename(project.path("draft.tmp"), project.path("tasks/a.ts"));
      await told(["tasks/a.ts"], before);
    }
  });

  test("a file and a folder that go", async () => {
    await rm(project.path("tasks/deep"), { recursive: true });
    await rm(project.path("tasks/a.ts"));
    await told(["tasks/a.ts", "tasks/deep/er/b.ts"]);
  });

  test("a rename, by both names, and what happens to the file after it", async () => {
    await rename(project.path("tasks/a.ts"), project.path("tasks/z.ts"));
    await told(["tasks/a.ts", "tasks/z.ts"]);
    const before = batches.length;
    await project.write("tasks/z.ts", "2");
    await told(["tasks/z.ts"], before);
  });

  test("a tasks folder that goes and comes back", async () => {
    await rm(project.path("tasks"), { recursive: true });
    await told(["tasks/a.ts", "tasks"]);
    const before = batches.length;
    await project.write("tasks/a.ts", "2");
    await told(["tasks/a.ts"], before);
    const edited = batches.length;
    await project.write("tasks/a.ts", "3");
    await told(["tasks/a.ts"], edited);
  });

  test("a file beside the tasks folder, such as .env", async () => {
    await project.write(".env", "A=1");
    await told([".env"]);
  });

  test("a folder that is added, also one that is made later or made again", async () => {
    watcher.add([project.path("lib"), project.path("later")]);
    await project.write("later/x.ts", "1");
    await told(["later/x.ts"]);
    const before = batches.length;
    await rm(project.path("later"), { recursive: true });
    await told(["later/x.ts"], before);
    const again = batches.length;
    await mkdir(project.path("later"));
    await project.write("later/x.ts", "2");
    await told(["later/x.ts"], again);
  });
});

test("what is in a folder that is added is told once, for it may have changed before", async () => {
  watcher.add([project.path("lib")]);
  await told(["lib/shared.ts"]);
  watcher.add([project.path("lib")]);
  await project.write("tasks/a.ts", "2");
  await told(["tasks/a.ts"]);
  expect(batches.flat().filter((path) => path === "lib/shared.ts")).toHaveLength(1);
});

test("node_modules, ignored folders and the depths of single folders are left out", async () => {
  await project.write(".taskrun/state", "2");
  await project.write("tasks/node_modules/x/index.js", "2");
  await project.write("lib/deep/x.ts", "2");
  await project.write("tasks/a.ts", "2");
  await told(["tasks/a.ts"]);
  await project.write(".env", "A=1");
  await told([".env"]);
  const paths = new Set(batches.flat());
  expect([...paths].filter((path) => /^\.taskrun|node_modules|lib\//.test(path))).toEqual([]);
});

test("what can't be looked at is told as gone, with what changed beside it", async () => {
  const gone = Promise.withResolvers<void>();
  const other = new FileWatcher({
    tasksDir: project.path("tasks"),
    ignored: [],
    onChange: (paths) => paths.includes(project.path("tasks/deep/er/b.ts")) && gone.resolve(),
    // The link is none of ours to follow.
    onError: () => {},
  });
  await watcher.stop();
  await other.start([]);
  await rm(project.path("tasks/deep"), { recursive: true });
  await project.link("tasks/deep", "deep");
  await gone.promise;
  await other.stop();
});

describe("when it is told", () => {
  test("a file that is emptied and then written is told when it is whole", async () => {
    const sizes: number[] = [];
    const note = () => {
      if (batches.at(-1)?.includes("tasks/a.ts"))
        sizes.push(statSync(project.path("tasks/a.ts")).size);
    };
    for (;;) {
      sizes.length = 0;
      onTold = note;
      const before = batches.length;
      const startedAtMs = performance.now();
      await writeFile(project.path("tasks/a.ts"), "");
      await writeFile(project.path("tasks/a.ts"), "whole");
      const tookMs = performance.now() - startedAtMs;
      await told(["tasks/a.ts"], before);
      onTold = () => {};
      // A program that takes longer for the two steps is not waited for: once more, then.
      if (tookMs < 30) break;
    }
    expect(sizes).not.toContain(0);
  });

  test("three hundred files that change at once come in few batches", async () => {
    const names = Array.from({ length: 300 }, (_, index) => `tasks/many${index}.ts`);
    for (const name of names) writeFileSync(project.path(name), "1");
    await told(names);
    expect(batches.length).toBeLessThan(names.length / 3);
  });

  test("nothing is told after stop", async () => {
    const seen = Promise.withResolvers<void>();
    const other = new FileWatcher({
      tasksDir: project.path("tasks"),
      ignored: [],
      onChange: () => seen.resolve(),
      onError: seen.reject,
    });
    await other.start([]);
    await watcher.stop();
    const before = batches.length;
    await project.write("tasks/a.ts", "2");
    await seen.promise;
    await other.stop();
    expect(batches).toHaveLength(before);
  });
});
