import { expect, test } from "vitest";
import { commandTable, defaultCommand } from "../../src/cli/command-table.ts";
import { completeLine } from "../../src/cli/complete-line.ts";

const source = {
  commands: commandTable,
  defaultCommand,
  listTaskNames: async () => ["hello", "billing/charge"],
};

const complete = async (line: string) => (await completeLine(line, source)).map(({ word }) => word);

test("the first word is a command", async () => {
  expect(await complete("taskrun ")).toEqual(Object.keys(commandTable));
  expect(await complete("npx taskrun cro")).toEqual(["crontab"]);
  expect(await complete("./node_modules/.bin/taskrun in")).toEqual(["init"]);
});

test.each([
  ["taskrun add ", ["hello", "billing/charge"]],
  ["taskrun add --priority low h", ["hello"]],
  ["taskrun add --wait b", ["billing/charge"]],
  ["taskrun add hello ", []],
  ["taskrun jobs --task he", ["hello"]],
  ["taskrun jobs --state sch", ["scheduled"]],
  ["taskrun db st", ["start", "stop"]],
  ["taskrun completion z", ["zsh"]],
  ["taskrun --log-level de", ["debug"]],
  ["taskrun -j ", []],
  ["taskrun --wat", ["--watch"]],
  ["taskrun --watch --wat", []],
  ["taskrun jobs --js", ["--json"]],
])("%s", async (line, words) => {
  expect(await complete(line)).toEqual(words);
});
