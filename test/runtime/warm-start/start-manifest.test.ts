import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  readManifest,
  type StartManifest,
  writeManifest,
} from "../../../src/runtime/warm-start/start-manifest.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "manifest-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

const manifest: StartManifest = {
  conditions: "these",
  files: [{ path: "/p/tasks/ä.ts", found: { look: "1 2 3 4", hash: "h" } }],
  common: [],
  facts: [],
  tasks: [{ name: "ä", file: "/p/tasks/ä.ts", facts: null, from: [0] }],
};

test("what is written is read", () => {
  const file = join(folder, "new", "tasks.json");
  expect(readManifest(file)).toBeNull();
  expect(writeManifest(file, manifest)).toBe(true);
  expect(readManifest(file)).toEqual(manifest);
});

test("one that is cut off, changed by hand or of another version is none", () => {
  const file = join(folder, "tasks.json");
  writeManifest(file, manifest);
  const text = readFileSync(file, "utf8");
  const spoilt = [
    text.slice(0, -1),
    text.replace("these", "those"),
    text.replace("start 1", "start 0"),
    "",
    "null",
  ];
  for (const each of spoilt) {
    expect(each).not.toBe(text);
    writeFileSync(file, each);
    expect(readManifest(file)).toBeNull();
  }
});

test("where it can't be written nothing is left behind", () => {
  writeFileSync(join(folder, "file"), "");
  expect(writeManifest(join(folder, "file", "tasks.json"), manifest)).toBe(false);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("");
});
