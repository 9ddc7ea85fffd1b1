import { describe, expect, test } from "vitest";
import { scan } from "../../src/discovery/scan.ts";
import { TaskProject } from "../support/task-project.ts";

describe("scanning a folder", () => {
  test("finds tasks and scope files at every depth, sorted", async () => {
    await using project = await TaskProject.of({
      "tasks/z.ts": "",
      "tasks/a/_defaults.ts": "",
      "tasks/a/b/c.js": "",
      "tasks/a/b.ts": "",
      "tasks/_middleware.ts": "",
      "tasks/_shared/db.ts": "",
      "tasks/node_modules/x/index.js": "",
      "tasks/z.test.ts": "",
      "tasks/notes.md": "",
    });
    const found = await scan(project.path("tasks"));
    expect(found.failures).toEqual([]);
    expect(found.tasks).toMatchObject([
      { name: "a/b", file: project.path("tasks/a/b.ts"), folder: "a" },
      { name: "a/b/c", file: project.path("tasks/a/b/c.js"), folder: "a/b" },
      { name: "z", file: project.path("tasks/z.ts"), folder: "" },
    ]);
    expect(found.scopes).toMatchObject([
      { scope: "middleware", file: project.path("tasks/_middleware.ts"), folder: "" },
      { scope: "defaults", file: project.path("tasks/a/_defaults.ts"), folder: "a" },
    ]);
  });

  test("reports a file whose name can't be a task's and goes on", async () => {
    await using project = await TaskProject.of({ "tasks/send email.ts": "", "tasks/ok.ts": "" });
    const found = await scan(project.path("tasks"));
    expect(found.tasks.map(({ name }) => name)).toEqual(["ok"]);
    expect(found.failures).toMatchObject([
      { code: "bad-name", task: null, file: project.path("tasks/send email.ts") },
    ]);
  });

  test("follows links to files and folders", async () => {
    await using project = await TaskProject.of({
      "elsewhere/real.ts": "",
      "elsewhere/more/deep.ts": "",
      "tasks/own.ts": "",
    });
    await project.link("tasks/linked.ts", "../elsewhere/real.ts");
    await project.link("tasks/group", "../elsewhere/more");
    const found = await scan(project.path("tasks"));
    expect(found.failures).toEqual([]);
    expect(found.tasks.map(({ name }) => name)).toEqual(["group/deep", "linked", "own"]);
    expect(found.tasks.map(({ real }) => real)).toEqual([
      project.path("elsewhere/more/deep.ts"),
      project.path("elsewhere/real.ts"),
      project.path("tasks/own.ts"),
    ]);
  });

  test("stops at links that lead back, however they do", async () => {
    await using project = await TaskProject.of({ "tasks/a/x.ts": "", "tasks/b/y.ts": "" });
    await project.link("tasks/a/up", "..");
    await project.link("tasks/a/toB", "../b");
    await project.link("tasks/b/toA", "../a");
    const found = await scan(project.path("tasks"));
    const names = found.tasks.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["a/x", "b/y", "a/toB/y", "b/toA/x"]));
    expect(found.failures.map(({ file }) => file)).toContain(project.path("tasks/a/up"));
    expect(found.failures.every(({ code }) => code === "unreadable")).toBe(true);
  });

  test("reports a link that leads to nothing, unless an editor left it", async () => {
    await using project = await TaskProject.of({ "tasks/ok.ts": "" });
    await project.link("tasks/gone.ts", "./nowhere.ts");
    await project.link("tasks/.#ok.ts", "someone@host.1234");
    const found = await scan(project.path("tasks"));
    expect(found.tasks.map(({ name }) => name)).toEqual(["ok"]);
    expect(found.failures).toMatchObject([
      {
        code: "unreadable",
        file: project.path("tasks/gone.ts"),
        reason: "the link leads to nothing",
      },
    ]);
  });

  test("that doesn't exist gives one failure, which says how to make it", async () => {
    await using project = await TaskProject.of({});
    const found = await scan(project.path("tasks"));
    expect(found).toMatchObject({ tasks: [], scopes: [] });
    expect(found.failures).toMatchObject([
      {
        code: "unreadable",
        file: project.path("tasks"),
        fix: expect.stringContaining("mkdir tasks"),
      },
    ]);
  });

  test("that is a file gives one failure", async () => {
    await using project = await TaskProject.of({ tasks: "" });
    const { failures } = await scan(project.path("tasks"));
    expect(failures).toMatchObject([
      { code: "unreadable", reason: "the tasks folder is not a folder" },
    ]);
  });

  test("that is empty gives nothing and no failure", async () => {
    await using project = await TaskProject.of({ "tasks/README.md": "" });
    expect(await scan(project.path("tasks"))).toEqual({ tasks: [], scopes: [], failures: [] });
  });
});
