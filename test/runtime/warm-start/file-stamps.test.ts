import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  compareFile,
  type FileStamp,
  stampFile,
} from "../../../src/runtime/warm-start/file-stamps.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stamps-"));
  file = join(folder, "a.ts");
  writeFileSync(file, "one");
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Long after the file was written. */
const later = () => Date.now() + 60_000;

function stamp(path = file): FileStamp {
  const made = stampFile(path, later());
  if (made === null) throw new Error("there is no stamp");
  return made;
}

test("a file that nobody touches is the same", () => expect(compareFile(stamp())).toBe("same"));

test("one with the same content has been touched, another content is a change", () => {
  const before = stamp();
  utimesSync(file, 1, 1);
  expect(compareFile(before)).toBe("touched");
  writeFileSync(join(folder, "b.ts"), "one");
  renameSync(join(folder, "b.ts"), file);
  expect(compareFile(before)).toBe("touched");
  writeFileSync(file, "two");
  expect(compareFile(before)).toBe("changed");
});

test("a change that keeps the size and puts the time back is one", () => {
  utimesSync(file, 1000, 1000);
  const before = stamp();
  writeFileSync(file, "two");
  utimesSync(file, 1000, 1000);
  expect(compareFile(before)).toBe("changed");
});

test("a file that isn't there is the same until it comes, and one that goes has changed", () => {
  const missing = stamp(join(folder, "none.ts"));
  expect(compareFile(missing)).toBe("same");
  expect(compareFile(stamp(folder))).toBe("same");
  writeFileSync(missing.path, "");
  expect(compareFile(missing)).toBe("changed");
  const before = stamp();
  rmSync(file);
  expect(compareFile(before)).toBe("changed");
});

test("one that may have changed since it was used has no stamp", () => {
  expect(stampFile(file, Date.now() - 1000)).toBeNull();
  expect(stampFile(file, later())).not.toBeNull();
});
