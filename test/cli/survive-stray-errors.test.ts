import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const source = new URL("../../src/cli/survive-stray-errors.ts", import.meta.url).href;

test("an error that nobody caught is logged, and the process goes on", async () => {
  const script = `
    import { surviveStrayErrors } from ${JSON.stringify(source)};
    const error = ({ err }, text) => console.log(text + ": " + err.message);
    surviveStrayErrors(() => ({ error }));
    setTimeout(() => { throw new Error("thrown"); }, 1);
    Promise.reject(new Error("rejected"));
    setTimeout(() => console.log("still here"), 20);`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "-e",
    script,
  ]);
  expect(stdout.trim().split("\n")).toEqual([
    "a promise that nobody awaits was rejected: rejected",
    "an error was thrown where nobody could catch it: thrown",
    "still here",
  ]);
});
