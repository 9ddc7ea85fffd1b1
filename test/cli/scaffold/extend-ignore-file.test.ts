import { expect, test } from "vitest";
import { extendIgnoreFile } from "../../../src/cli/scaffold/extend-ignore-file.ts";

const paths = ["node_modules/", ".env"];

test("what is ignored in another spelling is not added", () => {
  const text = "/node_modules\r\n**/.env\n";
  expect(extendIgnoreFile(text, paths)).toEqual({ text, added: [] });
});

test("what is missing comes at the end, on lines of its own", () => {
  expect(extendIgnoreFile("dist", paths)).toEqual({
    text: "dist\nnode_modules/\n.env\n",
    added: paths,
  });
  expect(extendIgnoreFile("", paths).text).toBe("node_modules/\n.env\n");
});
