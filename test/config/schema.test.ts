import { describe, expect, test } from "vitest";
import { checkOption } from "../../src/config/check-option.ts";
import { environmentName, flagName, optionNames, optionSpec } from "../../src/config/schema.ts";
import { defaultsOptions } from "../../src/core/check-definition.ts";

describe.each(optionNames)("%s", (name) => {
  test("has a sentence without a full stop and a default that passes its own check", () => {
    expect(optionSpec(name).sentence).toMatch(/^[A-Z].*[^.]$/);
    expect(checkOption(name, optionSpec(name).default).ok).toBe(true);
  });
});

test("the sentence on defaults names every policy that there is", () => {
  expect(optionSpec("defaults").sentence).toContain(`: ${defaultsOptions.join(", ")}`);
});

test("names of flags and variables are derived from the option's", () => {
  expect(environmentName("shutdownGrace")).toBe("TASKRUN_SHUTDOWN_GRACE");
  expect(flagName("shutdownGrace")).toBe("shutdown-grace");
  expect(environmentName("connection")).toBe("DATABASE_URL");
  expect(environmentName("middleware")).toBeNull();
});

test("no two options share a flag or a variable", () => {
  for (const nameOf of [environmentName, flagName]) {
    const names = optionNames.map(nameOf).filter((name) => name !== null);
    expect(new Set(names).size).toBe(names.length);
  }
});
