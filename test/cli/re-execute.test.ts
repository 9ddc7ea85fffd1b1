import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { needsReExecution } from "../../src/cli/re-execute.ts";
import { TaskProject } from "../support/task-project.ts";

const source = JSON.stringify(new URL("../../src/cli/re-execute.ts", import.meta.url).href);

const flags = ["--experimental-vm-modules", "--no-compilation-cache"];

/** A command that starts anew and then tells what it has become. */
const script = (options: string) => `
  import { needsReExecution, reExecute } from ${source};
  const flags = ${JSON.stringify(flags)};
  if (needsReExecution(flags)) process.exitCode = await reExecute(flags, ${options});
  else {
    process.on("SIGTERM", () => process.exit(7));
    process.stdin.on("data", (text) => process.exit(Number(text)));
    const { pid, execArgv, argv } = process;
    console.log(JSON.stringify({ pid, execArgv, words: argv.slice(2) }));
  }`;

const ways = [
  ["by becoming it", "{}"],
  ["by a child", "{ become: null }"],
] as const;

describe.each(ways)("the command starts anew %s", (_way, options) => {
  async function started() {
    const project = await TaskProject.of({ "main.ts": script(options) });
    const args = ["--conditions=other", project.path("main.ts"), "run", "--watch"];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = await once(child.stdout, "data");
    await project[Symbol.asyncDispose]();
    const ended = once(child, "exit");
    return { child, ended, told: JSON.parse(String(line)) };
  }

  test("with its words, what Node was given, and the flags", async () => {
    const { child, ended, told } = await started();
    expect(told.execArgv).toEqual(["--conditions=other", ...flags]);
    expect(told.words).toEqual(["run", "--watch"]);
    expect(told.pid === child.pid).toBe(options === "{}" && process.platform !== "win32");
    child.stdin.write("3");
    expect(await ended).toEqual([3, null]);
  });

  test("and passes signals on", async () => {
    const { child, ended } = await started();
    child.kill("SIGTERM");
    expect(await ended).toEqual([7, null]);
  });
});

test("flags that this Node doesn't know are not asked for", () => {
  expect(needsReExecution(flags)).toBe(true);
  expect(needsReExecution(["--experimental-vm-modules", "--no-such-flag"])).toBe(false);
});
