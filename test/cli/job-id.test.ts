import { expect, test } from "vitest";
import { CommandArguments } from "../../src/cli/command-arguments.ts";
import { jobId, noSuchJob } from "../../src/cli/job-id.ts";

const read = (id: string): string => jobId(new CommandArguments({ id }, []));

test("a job's id is a whole number that Postgres can hold", () => {
  expect(read("17")).toBe("17");
  expect(read("9223372036854775807")).toBe("9223372036854775807");
  for (const id of ["abc", "-1", "1.5", "9223372036854775808", "1e3"]) {
    expect(() => read(id), id).toThrow(`${id}: a job's id is a whole number`);
  }
});

test("a job that isn't there is a failure that says where to look", () => {
  expect(noSuchJob("17")).toMatchObject({
    exitCode: 1,
    message: "There is no job 17.",
    hint: "`taskrun jobs` lists them.",
  });
});
