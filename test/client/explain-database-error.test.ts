import { expect, test } from "vitest";
import { explainDatabaseError } from "../../src/client/explain-database-error.ts";
import { schemasFor } from "../../src/store/schemas.ts";

const schemas = schemasFor("graphile_worker");

test("a missing schema of ours is named with the way to get it, through a library's wrapper", () => {
  const cause = Object.assign(new Error('schema "taskrun" does not exist'), { code: "3F000" });
  const wrapped = new Error("Failed query", { cause });
  for (const error of [cause, wrapped]) {
    expect(explainDatabaseError(error, schemas)).toMatchObject({
      code: "not-migrated",
      message: expect.stringMatching(/schema "taskrun" does not exist\. Run `taskrun migrate`/),
      cause: error,
    });
  }
});

test("every other error stays what it is", () => {
  const others = [
    Object.assign(new Error('relation "users" does not exist'), { code: "42P01" }),
    Object.assign(new Error("taskrun.add_job: unknown option"), { code: "22023" }),
    "thrown text",
  ];
  for (const error of others) expect(explainDatabaseError(error, schemas)).toBe(error);
});
