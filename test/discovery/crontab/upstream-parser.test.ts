import { expect, test } from "vitest";
import { isAccepted, loadUpstreamParser } from "../../../src/discovery/crontab/upstream-parser.ts";

const parse = await loadUpstreamParser();

test("upstream accepts one line that says something", () => {
  expect(isAccepted(parse, "0 4 * * * task ?id=a {b: 1}")).toBe(true);
  expect(isAccepted(parse, "60 4 * * * task")).toBe(false);
});

test("a comment is not taken for a line", () => {
  expect(isAccepted(parse, "# * * * * task")).toBe(false);
  expect(isAccepted(parse, "")).toBe(false);
});
