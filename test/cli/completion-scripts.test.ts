import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { completionScripts } from "../../src/cli/completion-scripts.ts";

test.each(Object.entries(completionScripts))(
  "the script for %s hangs itself on taskrun",
  (shell, script) => {
    expect(script).toContain("taskrun completion --line");
    expect(script).toMatch(/^(complete|compdef) .*\btaskrun\b/m);
    expect(script).toContain(`taskrun for ${shell}`);
  },
);

test("bash takes its script", () => {
  execFileSync("bash", ["-n"], { input: completionScripts.bash });
});
