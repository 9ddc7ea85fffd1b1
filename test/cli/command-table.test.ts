import { describe, expect, test } from "vitest";
import type { CommandSpec } from "../../src/cli/command-spec.ts";
import { commandTable, defaultCommand } from "../../src/cli/command-table.ts";
import { flagName, optionSpec } from "../../src/config/schema.ts";

describe.each(Object.entries<CommandSpec>(commandTable))("%s", (name, spec) => {
  test("is named first in its usage, and every argument there is described", () => {
    const [first, ...rest] = spec.usage.split(" ");
    expect(first).toBe(name);
    expect(rest.map((word) => word.replaceAll(/[<>[\]]|\.\./g, ""))).toEqual(
      Object.keys(spec.arguments),
    );
  });

  test("has no flag twice, long or short", () => {
    const options = spec.options.map((option) => [flagName(option), optionSpec(option).shortFlag]);
    const flags = Object.entries(spec.flags).map(([flag, { shortFlag }]) => [flag, shortFlag]);
    const all = [...options, ...flags, ["config"], ["help", "h"], ["version", "v"]].flat();
    const given = all.filter((flag) => flag !== undefined);
    expect(new Set(given).size).toBe(given.length);
  });

  test("shows one to three examples of itself", () => {
    expect(spec.examples.length).toBeGreaterThanOrEqual(1);
    expect(spec.examples.length).toBeLessThanOrEqual(3);
    for (const [example, sentence] of spec.examples) {
      const words = /(?:^|[ (])taskrun( [^"')]*|$)/.exec(example)?.[1]?.trim().split(" ") ?? [];
      expect(name === defaultCommand ? name : words[0], example).toBe(name);
      const flags = words.filter((word) => word.startsWith("--")).map((word) => word.slice(2));
      const options: (string | null)[] = spec.options.map(flagName);
      for (const flag of flags) expect([...Object.keys(spec.flags), ...options]).toContain(flag);
      expect(sentence).not.toBe("");
    }
  });

  test("has its code where the table says", async () => {
    expect(await spec.load()).toBeTypeOf("function");
  });
});
