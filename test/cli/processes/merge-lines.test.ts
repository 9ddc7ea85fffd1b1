import { once } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { expect, test } from "vitest";
import { mergeLines } from "../../../src/cli/processes/merge-lines.ts";

/** Notes each write; takes `highWaterMark` bytes before it asks for a pause. */
class Target extends Writable {
  readonly writes: string[] = [];
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk.toString());
    setImmediate(done);
  }
}

test("lines of several sources stay whole, however they are cut", async () => {
  const target = new Target();
  const [one, other] = [new PassThrough(), new PassThrough()];
  const merged = [mergeLines(one, target), mergeLines(other, target)];
  for (const part of ["1: a", "b", "c\n1: d\n1: ", "e\n"]) {
    one.write(part);
    other.write(part.replaceAll("1", "2"));
    await new Promise((resolve) => setImmediate(resolve));
  }
  one.end();
  other.end();
  await Promise.all(merged);
  target.end();
  await once(target, "finish");
  const lines = target.writes.join("").trimEnd().split("\n");
  const of = (source: string) => lines.filter((line) => line.startsWith(source));
  expect(of("1")).toEqual(["1: abc", "1: d", "1: e"]);
  expect(of("2")).toEqual(["2: abc", "2: d", "2: e"]);
  expect(lines).toHaveLength(6);
});

test("what ends without a line end gets one, and what never has one is passed on in parts", async () => {
  const target = new Target();
  const source = new PassThrough();
  const merged = mergeLines(source, target);
  const chunk = "x".repeat(400_000);
  for (let n = 0; n < 4; n += 1) source.write(chunk);
  source.end("end");
  await merged;
  target.end();
  await once(target, "finish");
  expect(target.writes.join("")).toBe(`${chunk.repeat(4)}end\n`);
  expect(target.writes.length).toBeGreaterThan(1);
});

test("a reader that can't follow holds up the sources", async () => {
  const target = new Target({ highWaterMark: 1 });
  const source = new PassThrough();
  const merged = mergeLines(source, target);
  source.write("a\n");
  source.end("b\n");
  await merged;
  target.end();
  await once(target, "finish");
  expect(target.writes.join("")).toBe("a\nb\n");
});

test("a source that breaks ends its part", async () => {
  const target = new Target();
  const source = new PassThrough();
  const merged = mergeLines(source, target);
  source.write("half");
  await new Promise((resolve) => setImmediate(resolve));
  source.on("error", () => {});
  source.destroy(new Error("broken"));
  await merged;
  expect(target.writes.join("")).toBe("half\n");
});
