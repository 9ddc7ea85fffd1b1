import fc from "fast-check";
import { expect, test } from "vitest";
import type { CommandSpec } from "../../src/cli/command-spec.ts";
import { commandTable, defaultCommand } from "../../src/cli/command-table.ts";
import { parseWithHelp } from "../../src/cli/parse-with-help.ts";
import { readPlainWords } from "../../src/cli/plain-words.ts";
import { flagName, optionSpec } from "../../src/config/schema.ts";

function read(...words: string[]) {
  return readPlainWords(words, commandTable, defaultCommand);
}

/** Every word that a command knows, and some that it doesn't. */
function wordsOf(spec: CommandSpec): string[] {
  const flags = Object.entries(spec.flags).map(([name, { shortFlag }]) => [name, shortFlag]);
  const options = spec.options.map((name) => [flagName(name), optionSpec(name).shortFlag]);
  const written = [...flags, ...options, ["config"]].flatMap(([name, short]) => [
    `--${name}`,
    `--${name}=x`,
    `--no-${name}`,
    ...(short === undefined ? [] : [`-${short}`, `-${short}3`]),
  ]);
  const values = ["1", "send", "a=b", '"q"', "@file", "{}", "5m", "007", "-1", "x y", "true", ""];
  return [...written, ...values, "-", "--", "--help", "--nothing", "run"];
}

/** What the library makes of the words; "refused" also for help, after which nothing is run. */
async function thorough(words: readonly string[]) {
  const parsed = await parseWithHelp(words).catch(() => null);
  if (parsed === null) return "refused";
  const { spec, args } = parsed;
  const names = [
    ...Object.keys(spec.arguments),
    ...Object.keys(spec.flags),
    ...spec.options.map((option) => flagName(option) ?? option),
    "config",
  ];
  const values = names.map((name) => [name, args.isSet(name) ? true : args.text(name)]);
  return { spec, values: Object.fromEntries(values.filter(([, value]) => value !== undefined)) };
}

test("what it reads, the library reads so, too", async () => {
  const specs = Object.entries<CommandSpec>(commandTable);
  const lines = fc.constantFrom(...specs).chain(([name, spec]) =>
    fc.record({
      name: fc.constantFrom([name], []),
      rest: fc.array(fc.constantFrom(...wordsOf(spec)), { maxLength: 4 }),
    }),
  );
  let plain = 0;
  const agree = fc.asyncProperty(lines, async ({ name, rest }) => {
    const words = [...name, ...rest];
    const values = readPlainWords(words, commandTable, defaultCommand);
    if (values === null) return;
    plain += 1;
    expect(values, words.join(" ")).toEqual(await thorough(words));
  });
  await fc.assert(agree, { numRuns: 600 });
  expect(plain).toBeGreaterThan(60);
});

test("it reads what people and services type", () => {
  expect(read()?.values).toEqual({});
  expect(read("--once", "-j", "3", "--log-level=warn")?.values).toEqual({
    once: true,
    concurrency: "3",
    "log-level": "warn",
  });
  expect(read("add", "send", '{"to":"a"}', "--wait")).toEqual({
    spec: commandTable.add,
    values: { task: "send", payload: '{"to":"a"}', wait: true },
  });
});

test.each([
  ["--help"],
  ["-v"],
  ["--onec"],
  ["--once=false"],
  ["--once", "false"],
  ["--log-level"],
  ["-j3"],
  ["-j", "-1"],
  ["-j", "1", "-j", "2"],
  ["--no-keep-logs"],
  ["add"],
  ["add", "a", "-"],
  ["add", "a", "b", "c"],
  ["retry", "1"],
  ["nothing"],
])("it leaves %s %s to the library", (...words) => expect(read(...words)).toBeNull());
