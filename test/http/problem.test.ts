import { expect, test } from "vitest";
import { TaskrunError } from "../../src/core/errors.ts";
import { HttpError } from "../../src/http/http-error.ts";
import { httpErrorFrom, problemBody } from "../../src/http/problem.ts";

test("a refusal has the members of RFC 9457 in the envelope", () => {
  const error = new HttpError(422, "bad-body", "The body is wrong.", {
    nextStep: "Mend it.",
    issues: [{ path: "$.a", message: "expected b" }],
  });
  expect(problemBody(error, "/tasks")).toEqual({
    success: false,
    error: {
      type: "urn:taskrun:error:bad-body",
      title: "Unprocessable Entity",
      status: 422,
      detail: "The body is wrong.",
      instance: "/tasks",
      code: "bad-body",
      next_step: "Mend it.",
      issues: [{ path: "$.a", message: "expected b" }],
    },
  });
  expect(Object.keys(problemBody(new HttpError(404, "x", "y"), "/").error)).not.toContain("issues");
});

test("an error of taskrun keeps its code, and what to do stands by itself", () => {
  const told = httpErrorFrom(new TaskrunError("job-not-found", "There is no job 5"));
  expect(told).toMatchObject({
    status: 404,
    code: "job-not-found",
    message: "There is no job 5.",
    nextStep: "Ask while the job's history is kept.",
  });
});

test.each([
  [Object.assign(new Error("x"), { code: "ECONNREFUSED" }), 503, "database-unavailable"],
  [Object.assign(new Error("x"), { code: "57014" }), 503, "database-unavailable"],
  [Object.assign(new Error("x"), { code: "42P01" }), 503, "not-migrated"],
  [
    Object.assign(new Error("taskrun.add_job: after is 5"), { code: "22023" }),
    422,
    "bad-enqueue-option",
  ],
])("%s is answered with %i %s", (error, status, code) => {
  expect(httpErrorFrom(error)).toMatchObject({ status, code });
});

test.each([
  new TypeError("undefined is no function"),
  "text",
  null,
  new TaskrunError("bad-config", "x"),
])("%s is a fault of our own, of which nothing is told", (error) =>
  expect(httpErrorFrom(error)).toBeNull(),
);
