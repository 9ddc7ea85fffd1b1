import { expect, test } from "vitest";
import { apiErrorFrom } from "../../../src/dashboard/api/api-error.ts";
import { HttpError } from "../../../src/http/http-error.ts";
import { problemBody } from "../../../src/http/problem.ts";

test("a refusal of the API keeps its sentence, its next step and its issues", () => {
  const refusal = new HttpError(422, "bad-payload", "The payload is wrong.", {
    nextStep: "Send another.",
    issues: [{ path: "$.payload.to", message: "Invalid email address" }],
  });
  const error = apiErrorFrom(422, problemBody(refusal, "/tasks"));
  expect(error).toMatchObject({
    message: "The payload is wrong.",
    status: 422,
    code: "bad-payload",
    nextStep: "Send another.",
    issues: [{ path: "$.payload.to", message: "Invalid email address" }],
    isUnknownCall: false,
  });
});

test("a call that the server doesn't have is told apart from a thing that isn't there", () => {
  const unknown = new HttpError(404, "no-such-route", "There is no GET /x.");
  expect(apiErrorFrom(404, problemBody(unknown, "/x")).isUnknownCall).toBe(true);
  const missing = new HttpError(404, "job-not-found", "There is no task 1.");
  expect(apiErrorFrom(404, problemBody(missing, "/tasks/1")).isUnknownCall).toBe(false);
});

test.each([null, "<html>", [], { error: "bad" }, { error: { issues: [null, 1] } }])(
  "%j in the place of an answer is an error that says the status",
  (body) => {
    const error = apiErrorFrom(502, body);
    expect(error.message).toBe("The server answered 502.");
    expect(error.code).toBe("unknown");
  },
);
