import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { addBySql, testRuntime } from "../../support/test-runtime.ts";

const entry = fileURLToPath(new URL("../../support/cli-entry.ts", import.meta.url));
const enter = "\u001b[?1049h";
const leave = "\u001b[?1049l";

let kit: TestRuntime;
let project: TaskProject;

beforeEach(async () => {
  kit = await testRuntime({ good: async () => 1 });
  project = await TaskProject.of({});
  await addBySql(kit, "good", {}, "run_at => now() + interval '1 h'");
});

afterEach(async () => {
  await project[Symbol.asyncDispose]();
  await kit.stop();
});

test("top without a terminal prints one look and ends", async () => {
  const cli = (...args: string[]) =>
    runCli(["top", ...args], { cwd: project.dir, env: { DATABASE_URL: kit.connectionString } });
  const { code, stdout } = await cli();
  expect(code).toBe(0);
  expect(stdout).toMatch(/^taskrun .* 0 processes {2}0 running {2}1 waiting /);
  expect(stdout).toMatch(/^ {2}good +0 +1 +0 +0 +0 +0\.0 +0\.0$/m);
  expect(stdout).not.toContain("\u001b");
  const { stdout: json } = await cli("--json");
  expect(JSON.parse(json).tasks).toMatchObject([{ task: "good", waiting: { scheduled: 1 } }]);
});

/** In a pseudo terminal of util-linux' `script`, 60 by 20. */
async function inTerminal(act: (press: (key: string) => void, seen: Seen) => Promise<void>) {
  const command = `stty cols 60 rows 20; "${process.execPath}" --conditions=taskrun-source "${entry}" top`;
  const child = spawn("script", ["-qefc", command, "/dev/null"], {
    cwd: project.dir,
    env: { PATH: process.env.PATH, TERM: "xterm", DATABASE_URL: kit.connectionString },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  let heard = (): void => {};
  child.stdout.on("data", (chunk) => {
    output += chunk;
    heard();
  });
  const ended = once(child, "close");
  const seen: Seen = async (text) => {
    while (!output.includes(text)) {
      const more = new Promise<void>((resolve) => {
        heard = resolve;
      });
      await Promise.race([more, ended.then(() => Promise.reject(new Error(output)))]);
    }
  };
  await act((key) => child.stdin.write(key), seen);
  const [code] = await ended;
  return { code, output };
}

type Seen = (text: string) => Promise<void>;

test.each([
  ["q", "q"],
  ["Ctrl-C", "\u0003"],
])("top draws a screen, follows what happens, and gives it back at %s", async (_, key) => {
  const { code, output } = await inTerminal(async (press, seen) => {
    await seen("q quits");
    await addBySql(kit, "good_too");
    await seen("good_too");
    press(key);
  });
  expect(code).toBe(0);
  expect(output.indexOf(enter)).toBeGreaterThanOrEqual(0);
  expect(output.trimEnd().endsWith(leave)).toBe(true);
  // What is between two escape sequences is a line's text.
  const drawn = output.slice(output.indexOf(enter), output.lastIndexOf(leave));
  for (const text of drawn.split("\u001b").map((part) => part.replace(/^\[[?\d;]*[A-Za-z]/, ""))) {
    expect(text.trim().length).toBeLessThanOrEqual(60);
  }
});
