import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { pidSpace } from "../../../src/runtime/presence/pid-space.ts";

const linux = process.platform === "linux";

test.runIf(linux)("two processes side by side share it", () => {
  const module = new URL("../../../src/runtime/presence/pid-space.ts", import.meta.url).href;
  const script = `import { pidSpace } from ${JSON.stringify(module)}; process.stdout.write(pidSpace());`;
  const other = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  expect(other).toBe(pidSpace());
  expect(other).toMatch(/^[0-9a-f-]{36} pid:\[\d+\]$/);
});

test.runIf(!linux)("elsewhere nobody can tell", () => {
  expect(pidSpace()).toBeNull();
});
